// Models come, are asked and go, each under a name of its own: what stays behind?

import { join } from 'node:path'
import type { BenchRow } from '../main.ts'
import { ask } from './ask.ts'
import { makeFolder } from './folder.ts'
import { configOf, inputsOf, LARGE, namesOf, SMALL, untilQuiet, writeNetworks } from './models.ts'
import { type BenchServer, startServer } from './server.ts'

const FULL = { cycles: 10_000, warmUps: 3_000, every: 250 }
const QUICK = { cycles: 12, warmUps: 4, every: 2 }
const HELD = 20
/** Files that the cycles share. */
const KINDS = 10
const SETTLE_MS_MAX = 30_000
const BYTES_PER_MIB = 1_024 ** 2

/** The slope of memory over loads and unloads. */
export async function* benchCycles(isQuick: boolean): AsyncGenerator<BenchRow> {
  const size = isQuick ? QUICK : FULL
  await using folder = await makeFolder()
  const root = join(folder.path, 'models')
  const held = await writeNetworks(root, LARGE, namesOf('held', HELD))
  const large = await writeNetworks(root, LARGE, namesOf('large', KINDS))
  const small = await writeNetworks(root, SMALL, namesOf('small', KINDS))
  await untilQuiet()
  await using server = await startServer({
    folder: folder.path,
    config: configOf(held),
    models: HELD,
    canCollect: true,
  })
  const kinds = [
    { paths: [...large.values()], instances: [inputsOf(LARGE[0])] },
    { paths: [...small.values()], instances: [inputsOf(SMALL[0])] },
  ]
  const samples: [cycle: number, bytes: number][] = []
  for (let cycle = 0; cycle < size.cycles; cycle++) {
    const { paths = [], instances } = kinds[cycle % kinds.length] ?? {}
    await turn(server, { name: `cycle${cycle}`, basePath: paths[cycle % KINDS] }, instances)
    if (cycle >= size.warmUps && cycle % size.every === 0)
      samples.push([cycle, await server.heldBytes()])
  }
  yield rowOf(size.cycles, samples)
}

function rowOf(cycles: number, samples: readonly [number, number][]): BenchRow {
  const all = samples.map(([, bytes]) => bytes)
  const mean = all.reduce((sum, bytes) => sum + bytes, 0) / all.length
  return {
    name: `memory over ${cycles} loads and unloads`,
    unit: '% per 1,000',
    value: ((slopeOf(samples) * 1_000) / mean) * 100,
    goal: 0.1,
    notes: {
      'MiB after warm-up, at the end': `${mebibytes(all[0])}, ${mebibytes(all.at(-1))}`,
    },
  }
}

const mebibytes = (bytes = NaN): string => (bytes / BYTES_PER_MIB).toFixed(1)

/** Of the straight line that has the least squares to the points. */
function slopeOf(points: readonly [number, number][]): number {
  const meanOf = (pick: 0 | 1): number =>
    points.reduce((sum, point) => sum + point[pick], 0) / points.length
  const [x, y] = [meanOf(0), meanOf(1)]
  const along = points.reduce((sum, [cycle, bytes]) => sum + (cycle - x) * (bytes - y), 0)
  return along / points.reduce((sum, [cycle]) => sum + (cycle - x) ** 2, 0)
}

/** A model comes, answers one request and goes. */
async function turn(
  { admin, ports }: BenchServer,
  { name, basePath }: { name: string; basePath: string | undefined },
  instances: unknown,
): Promise<void> {
  const upserts = [{ name, basePath, policy: { kind: 'given', versions: [1] } }]
  await ask(admin, 'POST', '/drover/v1/apply', { upserts, waitMs: SETTLE_MS_MAX })
  await ask({ port: ports.http }, 'POST', `/v1/models/${name}:predict`, { instances })
  await ask(admin, 'POST', '/drover/v1/apply', { removes: [name], waitMs: SETTLE_MS_MAX })
}
