// Versions are swapped under clients of every kind, on two serving threads: each answer is of one
// version, and none fails.

import type { JsonObject } from '@bufbuild/protobuf'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { post } from './cases/rest/case.ts'
import { GrpcClient } from './grpc-client.ts'
import { writeModel } from './models.ts'
import { costly } from './models/heavy.ts'
import { exchange } from './raw-http.ts'
import { startWorld, waitFor, type World } from './world.ts'

const VERSIONS = [1, 2, 3]
const SWAPS = 20
const SWAPS_MS_MAX = 300_000
const NAME = 'swapped'
/** A row costs so many multiply-adds, squared: some hundred rows are more than a stretch of work. */
const WIDTH = 300
const [ONE, SLICED, LARGE] = [1, 400, 4_000]
/** So long that bodies of large requests go to the thread for such. */
const ZERO = `0.${'0'.repeat(40)}`
/** Answers that each client has to have had before the versions are swapped again. */
const ANSWERS_BETWEEN = 1
const Rows = z.object({ predictions: z.array(z.tuple([z.number()])) })
const Predicted = z.object({
  modelSpec: z.object({ version: z.coerce.number() }),
  outputs: z.object({ y: z.object({ floatVal: z.array(z.number()) }) }),
})

let world: World
let basePath: string

beforeAll(async () => {
  world = await startWorld(['--model_config_file_poll_wait_seconds=0', '--workers=2'])
  const versions = VERSIONS.map((version) => [`${version}`, costly(version, WIDTH)])
  basePath = await writeModel(world.root, NAME, Object.fromEntries(versions))
})

afterAll(async () => await world[Symbol.asyncDispose]())

/** Serves this version and no other. */
async function swapTo(client: GrpcClient, version: number): Promise<void> {
  const entry: JsonObject = {
    name: NAME,
    basePath,
    modelPlatform: 'tensorflow',
    modelVersionPolicy: { specific: { versions: [`${version}`] } },
  }
  const config = { modelConfigList: { config: [entry] } }
  expect(await client.call('HandleReloadConfigRequest', { config })).toEqual({ status: {} })
}

/** The version of an answer, all of whose rows must say the same. */
function versionIn(rows: readonly number[], count: number): number {
  expect(rows).toHaveLength(count)
  const [version = NaN, ...others] = new Set(rows)
  expect(others).toEqual([])
  expect(VERSIONS).toContain(version)
  return version
}

async function askRest(rows: number): Promise<number> {
  const body = `{"instances":[${Array.from({ length: rows }, () => `[${ZERO}]`).join()}]}`
  const answer = await exchange(world.server.rest, post(`${NAME}:predict`, body))
  expect({ rows, ...answer }).toMatchObject({ status: 200 })
  const { predictions } = Rows.parse(JSON.parse(answer.body))
  return versionIn(predictions.flat(), rows)
}

async function askGrpc(client: GrpcClient, rows: number): Promise<number> {
  const x = {
    dtype: 'DT_FLOAT',
    tensorShape: { dim: [{ size: `${rows}` }, { size: '1' }] },
    floatVal: Array.from({ length: rows }, () => 0),
  }
  const answer = await client.call('Predict', { modelSpec: { name: NAME }, inputs: { x } })
  const { modelSpec, outputs } = Predicted.parse(answer)
  const version = versionIn(outputs.y.floatVal, rows)
  expect(modelSpec.version).toBe(version)
  return version
}

test(
  'swaps of versions fail no request, and mix none',
  async () => {
    using admin = new GrpcClient(world.server.grpc)
    using client = new GrpcClient(world.server.grpc, { 'grpc.use_local_subchannel_pool': 1 })
    await swapTo(admin, 1)
    const asks = [ONE, SLICED, LARGE].flatMap((rows) => [
      async () => await askRest(rows),
      async () => await askGrpc(client, rows),
    ])
    const counts = asks.map(() => 0)
    const seen = new Set<number>()
    const ending = new AbortController()
    const asking = asks.map(async (ask, index) => {
      while (!ending.signal.aborted) {
        seen.add(await ask())
        counts[index] = (counts[index] ?? 0) + 1
      }
    })
    // A request that fails ends the test at once, and not only when all swaps are done.
    const failing = Promise.all(asking)

    const swapping = (async () => {
      for (let swap = 1; swap <= SWAPS; swap++) {
        const before = [...counts]
        await swapTo(admin, VERSIONS[swap % VERSIONS.length] ?? 1)
        await waitFor(
          async () => await Promise.resolve(counts),
          (now) => now.every((count, index) => count >= (before[index] ?? 0) + ANSWERS_BETWEEN),
        )
      }
    })().finally(() => ending.abort())
    await Promise.all([swapping, failing])

    expect(seen).toEqual(new Set(VERSIONS))
    expect(Math.min(...counts)).toBeGreaterThanOrEqual(SWAPS)
  },
  SWAPS_MS_MAX,
)
