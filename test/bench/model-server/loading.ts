// Ten models a second are loaded while others are asked at a steady rate.

import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { medianOf } from '../local.ts'
import type { BenchRow } from '../main.ts'
import { ask } from './ask.ts'
import { makeFolder } from './folder.ts'
import { worstOf } from './metrics.ts'
import { configOf, inputsOf, LARGE, namesOf, untilQuiet, writeNetworks } from './models.ts'
import { type Cost, measure, type Target, writeRestBody } from './requests.ts'
import { type BenchServer, startServer } from './server.ts'

const FULL = { held: 100, loaded: 100, rounds: 5, perSecond: 1_000, seconds: 10 }
const QUICK = { held: 4, loaded: 4, rounds: 1, perSecond: 50, seconds: 0.4 }
const LOADS_PER_SECOND = 10
const CONNECTIONS = 16
const WARM_UPS = 10_000

interface Phase {
  cost: Cost
  /** The longest p99.9 of an event loop, in milliseconds. */
  loopMs: number
}

/** Delay of event loops, and latency of others against the same without loads. */
export async function* benchLoading(isQuick: boolean): AsyncGenerator<BenchRow> {
  const size = isQuick ? QUICK : FULL
  await using folder = await makeFolder()
  const root = join(folder.path, 'models')
  const held = await writeNetworks(root, LARGE, namesOf('held', size.held))
  const loaded = await writeNetworks(root, LARGE, namesOf('loaded', size.loaded))
  const bodyFile = await writeRestBody(folder.path, inputsOf(LARGE[0]))
  await untilQuiet()
  await using server = await startServer({
    folder: folder.path,
    config: configOf(held),
    models: size.held,
  })
  const { http: port } = server.ports
  const path = '/v1/models/held{}:predict'
  const target: Target = { kind: 'http', port, path, models: size.held, bodyFile }
  if (!isQuick) await measure(server, target, { connections: CONNECTIONS, requests: WARM_UPS })
  const steady: Phase[] = []
  const loading: Phase[] = []
  for (let round = 0; round < size.rounds; round++) {
    steady.push(await phase(server, target, size))
    loading.push(await phase(server, target, size, async () => await loadAll(server, loaded)))
    await change(server, { removes: [...loaded.keys()] })
  }
  yield* rowsOf(steady, loading)
}

function* rowsOf(steady: readonly Phase[], loading: readonly Phase[]): Generator<BenchRow> {
  const loops = loading.map(({ loopMs }) => loopMs)
  yield {
    name: `event-loop delay p99.9 with ${LOADS_PER_SECOND} loads/s`,
    unit: 'ms',
    value: medianOf(loops),
    goal: 10,
    notes: { all: texts(loops), steady: medianOf(steady.map(({ loopMs }) => loopMs)).toFixed(1) },
  }
  const added = loading.map(({ cost }, round) => cost.p999 - (steady[round]?.cost.p999 ?? NaN))
  yield {
    name: `p99.9 of other models with ${LOADS_PER_SECOND} loads/s, above steady`,
    unit: 'ms',
    value: medianOf(added),
    goal: 5,
    notes: {
      all: texts(added),
      'p50, p99, p99.9': percentiles(loading),
      steady: percentiles(steady),
    },
  }
}

const texts = (values: readonly number[]): string =>
  values.map((value) => value.toFixed(1)).join(' ')

const percentiles = (phases: readonly Phase[]): string =>
  (['p50', 'p99', 'p999'] as const)
    .map((which) => medianOf(phases.map(({ cost }) => cost[which])).toFixed(2))
    .join(', ')

/** Steady requests while something is done. */
async function phase(
  server: BenchServer,
  target: Target,
  { perSecond, seconds }: typeof FULL,
  work = async (): Promise<void> => {},
): Promise<Phase> {
  await server.loopDelays()
  const load = { connections: CONNECTIONS, requests: Math.ceil(perSecond * seconds), perSecond }
  const [cost] = await Promise.all([measure(server, target, load), work()])
  return { cost, loopMs: worstOf(await server.loopDelays(), 'p999') }
}

async function loadAll(server: BenchServer, paths: ReadonlyMap<string, string>): Promise<void> {
  const startedAt = performance.now()
  let sent = 0
  for (const [name, basePath] of paths) {
    const dueMs = startedAt + (sent++ * 1_000) / LOADS_PER_SECOND - performance.now()
    await sleep(Math.max(0, dueMs))
    await change(server, {
      upserts: [{ name, basePath, policy: { kind: 'given', versions: [1] } }],
    })
  }
}

const change = async (server: BenchServer, delta: object): Promise<void> =>
  void (await ask(server.admin, 'POST', '/drover/v1/apply', delta))
