// CPU for each request against a floor of the same minute: server and floor take turns.

import { join } from 'node:path'
import { medianOf } from '../local.ts'
import type { BenchRow } from '../main.ts'
import { makeFolder } from './folder.ts'
import { configOf, inputsOf, LARGE, SMALL, untilQuiet, writeNetworks } from './models.ts'
import { type Pinned, SERVER_CORE, startPinned } from './processes.ts'
import { type Cost, measure, type Target, writeGrpcBody, writeRestBody } from './requests.ts'
import { startServer } from './server.ts'

const FLOOR = join(import.meta.dirname, 'floor.js')
const FULL = { connections: [1, 8, 32], rounds: 5, requests: 20_000, warmUps: 10_000 }
const QUICK = { connections: [2], rounds: 1, requests: 1_000, warmUps: 10 }

interface Case {
  name: string
  target: Omit<Target, 'port'>
  /** Times the floor's CPU. */
  goal: number
}

/** REST and gRPC predict with the models of the issue. */
export async function* benchThroughput(isQuick: boolean): AsyncGenerator<BenchRow> {
  const size = isQuick ? QUICK : FULL
  await using folder = await makeFolder()
  const models = join(folder.path, 'models')
  const paths = new Map([
    ...(await writeNetworks(models, LARGE, ['large'])),
    ...(await writeNetworks(models, SMALL, ['small'])),
  ])
  await untilQuiet()
  await using server = await startServer({
    folder: folder.path,
    config: configOf(paths),
    models: paths.size,
  })
  for (const [kind, cases] of [
    ['http', await restCases(folder.path)],
    ['grpc', await grpcCases(folder.path)],
  ] as const) {
    await using floor = startPinned({
      cores: SERVER_CORE,
      command: [process.execPath, FLOOR, kind],
      messages: ['started'],
    })
    const { port } = await floor.said('started')
    const places = { server: server.ports[kind], floor: Number(port) }
    for (const each of cases) yield* compare({ server, floor }, places, each, size)
  }
}

async function restCases(folder: string): Promise<Case[]> {
  const caseOf = async (name: string, size: number, goal: number): Promise<Case> => ({
    name: `REST predict, ${name}`,
    target: {
      kind: 'http',
      path: `/v1/models/${name}:predict`,
      bodyFile: await writeRestBody(folder, inputsOf(size)),
    },
    goal,
  })
  return [await caseOf('large', LARGE[0], 1.15), await caseOf('small', SMALL[0], 1)]
}

async function grpcCases(folder: string): Promise<Case[]> {
  const inputs = inputsOf(LARGE[0])
  const caseOf = async (form: 'content' | 'values'): Promise<Case> => ({
    name: `gRPC predict, large, ${form}`,
    target: {
      kind: 'grpc',
      path: '/tensorflow.serving.PredictionService/Predict',
      bodyFile: await writeGrpcBody(folder, { name: 'large', inputs, form }),
    },
    goal: 1.25,
  })
  return [await caseOf('content'), await caseOf('values')]
}

/** A round of both, one after the other, so that neither always goes first. */
interface Round {
  own: Cost
  floor: Cost
}

async function* compare(
  { server, floor }: { server: Pinned; floor: Pinned },
  ports: { server: number; floor: number },
  each: Case,
  { connections: all, rounds: count, requests, warmUps }: typeof FULL,
): AsyncGenerator<BenchRow> {
  const own = { ...each.target, port: ports.server }
  const bare = { ...each.target, port: ports.floor }
  const warmUp = { connections: Math.max(...all), requests: warmUps }
  await measure(server, own, warmUp)
  await measure(floor, bare, warmUp)
  for (const connections of all) {
    const rounds: Round[] = []
    for (let round = 0; round < count; round++) {
      const load = { connections, requests }
      if (round % 2 === 0) {
        const cost = await measure(server, own, load)
        rounds.push({ own: cost, floor: await measure(floor, bare, load) })
      } else {
        const cost = await measure(floor, bare, load)
        rounds.push({ own: await measure(server, own, load), floor: cost })
      }
    }
    yield rowOf(each, connections, rounds)
  }
}

const ratioOf = ({ own, floor }: Round): number => own.cpuUs / floor.cpuUs

/** The round in the middle by its ratio: what disturbs one of a pair disturbs the other. */
function rowOf({ name, goal }: Case, connections: number, rounds: readonly Round[]): BenchRow {
  const ratio = medianOf(rounds.map(ratioOf))
  const middle = rounds.find((round) => ratioOf(round) === ratio)
  const of = (which: keyof Round, pick: (cost: Cost) => number): number =>
    medianOf(rounds.map((round) => pick(round[which])))
  return {
    name: `${name}, ${connections} connections`,
    unit: 'us CPU a request',
    value: middle?.own.cpuUs ?? NaN,
    floor: middle?.floor.cpuUs ?? NaN,
    goal,
    notes: {
      'all ratios': rounds.map((round) => ratioOf(round).toFixed(2)).join(' '),
      'p50, p99 ms': `${of('own', ({ p50 }) => p50).toFixed(2)}, ${of('own', ({ p99 }) => p99).toFixed(2)}`,
      'of the floor': `${of('floor', ({ p50 }) => p50).toFixed(2)}, ${of('floor', ({ p99 }) => p99).toFixed(2)}`,
      'requests/s': Math.round(of('own', ({ perSecond }) => perSecond)),
      busy: of('own', ({ busy }) => busy).toFixed(2),
    },
  }
}
