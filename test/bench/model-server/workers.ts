// Two serving threads against one: what a request costs, and what a model.

import { join } from 'node:path'
import { medianOf } from '../local.ts'
import type { BenchRow } from '../main.ts'
import { makeFolder } from './folder.ts'
import { weigh } from './memory.ts'
import { configOf, inputsOf, LARGE, untilQuiet, writeNetworks } from './models.ts'
import { ALL_CORES } from './processes.ts'
import { measure, type Target, writeRestBody } from './requests.ts'
import { type BenchServer, startServer } from './server.ts'

const FULL = { rounds: 5, requests: 40_000, warmUps: 20_000, models: 1_000 }
const QUICK = { rounds: 1, requests: 1_000, warmUps: 20, models: 5 }
const CONNECTIONS = 32
const LOADS = 2
/** So often is each model asked, that each thread has run most of them. */
const REQUESTS_EACH = 4
const US_PER_SECOND = 1e6

/** CPU and memory with two workers, against one. */
export async function* benchWorkers(isQuick: boolean): AsyncGenerator<BenchRow> {
  const size = isQuick ? QUICK : FULL
  yield await requestRow(size)
  yield await memoryRow(size)
}

interface Run {
  /** CPU of the server for each request, in microseconds. */
  cpuUs: number
  perSecond: number
  /** Share of the time that each of the two busiest threads ran. */
  threads: number[]
}

const middle = (runs: readonly Run[], pick: (run: Run) => number): number =>
  medianOf(runs.map(pick))

async function requestRow({ rounds, requests, warmUps }: typeof FULL): Promise<BenchRow> {
  await using folder = await makeFolder()
  const paths = await writeNetworks(join(folder.path, 'models'), LARGE, ['large'])
  const bodyFile = await writeRestBody(folder.path, inputsOf(LARGE[0]))
  await untilQuiet()
  const about = { folder: folder.path, config: configOf(paths), models: 1, cores: ALL_CORES }
  await using one = await startServer({ ...about, workers: 1 })
  await using two = await startServer({ ...about, workers: 2 })
  const ones: Run[] = []
  const twos: Run[] = []
  for (const server of [one, two]) await run(server, bodyFile, warmUps)
  for (let round = 0; round < rounds; round++) {
    ones.push(await run(one, bodyFile, requests))
    twos.push(await run(two, bodyFile, requests))
  }
  const threads = (runs: readonly Run[]): string =>
    [0, 1].map((which) => middle(runs, (each) => each.threads[which] ?? 0).toFixed(2)).join(', ')
  const perSecond = (runs: readonly Run[]): number =>
    Math.round(middle(runs, (each) => each.perSecond))
  return {
    name: `REST predict, large, 2 workers against 1, ${CONNECTIONS} connections`,
    unit: 'us CPU a request',
    value: middle(twos, ({ cpuUs }) => cpuUs),
    floor: middle(ones, ({ cpuUs }) => cpuUs),
    goal: 1.15,
    notes: {
      'busy threads': threads(twos),
      'of 1 worker': threads(ones),
      'requests/s': perSecond(twos),
      'by 1 worker': perSecond(ones),
    },
  }
}

/** Load and server share all cores: so many workers could not be kept busy from one, nor by one load. */
async function run(server: BenchServer, bodyFile: string, requests: number): Promise<Run> {
  const { http: port } = server.ports
  const target: Target = { kind: 'http', port, path: '/v1/models/large:predict', bodyFile }
  const load = { connections: CONNECTIONS / LOADS, requests: requests / LOADS, cores: ALL_CORES }
  const before = server.threads()
  const beforeUs = server.cpuUs()
  const startedAt = performance.now()
  const costs = await Promise.all(
    Array.from({ length: LOADS }, async () => await measure(server, target, load)),
  )
  const seconds = (performance.now() - startedAt) / 1_000
  const threads = Array.from(
    server.threads(),
    ([thread, us]) => (us - (before.get(thread) ?? 0)) / US_PER_SECOND / seconds,
  )
  return {
    cpuUs: (server.cpuUs() - beforeUs) / requests,
    perSecond: costs.reduce((sum, { perSecond }) => sum + perSecond, 0),
    threads: threads.toSorted((a, b) => b - a).slice(0, 2),
  }
}

async function memoryRow({ models }: typeof FULL): Promise<BenchRow> {
  const weighBy = async (workers: number) =>
    await weigh(LARGE, models, { workers, cores: ALL_CORES, requestsEach: REQUESTS_EACH })
  // With garbage: what has workers is two processes, of which only one can be told to collect it.
  const one = await weighBy(1)
  const two = await weighBy(2)
  return {
    name: `memory of ${models} models, large, 2 workers against 1`,
    unit: 'KiB each',
    value: two.uncollected,
    floor: one.uncollected,
    goal: 1.1,
    notes: {
      'empty server MiB': two.emptyMiB.toFixed(0),
      'with 1 worker': one.emptyMiB.toFixed(0),
    },
  }
}
