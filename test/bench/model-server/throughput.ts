// CPU for each request against a floor of the same minute: server and floor take turns.

import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BenchRow } from '../main.ts'
import { medianOf } from '../local.ts'
import { configOf, inputsOf, LARGE, type Layers, SMALL, writeNetworks } from './models.ts'
import { type Pinned, SERVER_CORE, startPinned } from './processes.ts'
import { type Cost, measure, type Target, writeGrpcBody, writeRestBody } from './requests.ts'
import { startServer } from './server.ts'

const FLOOR = join(import.meta.dirname, 'floor.js')
const CONNECTIONS = [1, 8, 32]
const ROUNDS = 5
const REQUESTS = { http: 20_000, grpc: 8_000 }
const WARM_UP_REQUESTS = 5_000

interface Case {
  name: string
  target: Omit<Target, 'port'>
  /** Times the floor's CPU. */
  goal: number
}

/** REST and gRPC predict with the models of the issue. */
export async function benchThroughput(): Promise<BenchRow[]> {
  const folder = await mkdtemp(join(tmpdir(), 'drover-bench-'))
  try {
    const paths = new Map([
      ...(await networksIn(folder, 'large', LARGE)),
      ...(await networksIn(folder, 'small', SMALL)),
    ])
    await using server = await startServer({ folder, config: configOf(paths), workers: 1 })
    const http = await compare(server, 'http', await restCases(folder))
    const grpc = await compare(server, 'grpc', await grpcCases(folder))
    return [...http, ...grpc]
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function networksIn(folder: string, name: string, layers: Layers) {
  await mkdir(join(folder, 'models'), { recursive: true })
  return await writeNetworks(join(folder, 'models'), layers, [name])
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

type Server = Pinned & { ports: { http: number; grpc: number } }

async function compare(
  server: Server,
  kind: 'http' | 'grpc',
  cases: readonly Case[],
): Promise<BenchRow[]> {
  await using floor = startPinned({
    core: SERVER_CORE,
    command: [process.execPath, FLOOR, kind],
  })
  const { port } = await floor.said('started')
  const rows: BenchRow[] = []
  for (const each of cases) {
    const own = { ...each.target, port: server.ports[kind] }
    const bare = { ...each.target, port: Number(port) }
    await measure(server, own, { connections: 8, requests: WARM_UP_REQUESTS })
    await measure(floor, bare, { connections: 8, requests: WARM_UP_REQUESTS })
    for (const connections of CONNECTIONS) {
      const load = { connections, requests: REQUESTS[kind] }
      const costs: Cost[] = []
      const floors: Cost[] = []
      for (let round = 0; round < ROUNDS; round++) {
        costs.push(await measure(server, own, load))
        floors.push(await measure(floor, bare, load))
      }
      rows.push(rowOf(each, connections, { costs, floors }))
    }
  }
  return rows
}

function rowOf(
  { name, goal }: Case,
  connections: number,
  { costs, floors }: { costs: readonly Cost[]; floors: readonly Cost[] },
): BenchRow {
  const middle = (all: readonly Cost[], pick: (cost: Cost) => number) => medianOf(all.map(pick))
  return {
    name: `${name}, ${connections} connections`,
    unit: 'us CPU a request',
    value: middle(costs, ({ cpuUs }) => cpuUs),
    floor: middle(floors, ({ cpuUs }) => cpuUs),
    goal,
    notes: {
      'p50 ms': middle(costs, ({ p50 }) => p50).toFixed(2),
      'p99 ms': middle(costs, ({ p99 }) => p99).toFixed(2),
      'floor p50 ms': middle(floors, ({ p50 }) => p50).toFixed(2),
      'floor p99 ms': middle(floors, ({ p99 }) => p99).toFixed(2),
      'requests/s': Math.round(middle(costs, ({ perSecond }) => perSecond)),
    },
  }
}
