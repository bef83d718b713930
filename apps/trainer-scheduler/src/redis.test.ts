import { join } from 'node:path'
import { openRedis } from '@drover/jobs'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import {
  commitsOf,
  type Bench,
  makeCsv,
  makeSpec,
  startBench,
  startRig,
} from './scheduler.fixture.ts'

const WAIT = { timeout: 30_000, interval: 20 }
const LATE = { tenant: 'acme', model: 'late' }

let bench: Bench
beforeAll(async () => {
  bench = await startBench()
})
afterAll(async () => await bench[Symbol.asyncDispose]())

test('while Redis is away a spec is acknowledged, and it is trained when an empty one comes', async () => {
  const directory = join(bench.directory, 'redis')
  const redisUrl = `unix://${join(directory, 'redis.sock')}`
  await using rig = await startRig(bench, { name: 'away', redisUrl })
  const data = await rig.upload('acme/late', makeCsv())
  const answer = await rig.call('PUT', '/v1/tenants/acme', makeSpec(data))
  await using _ = await openRedis(undefined, { directory, appendOnly: false })

  await vi.waitUntil(async () => (await commitsOf(rig.store, LATE)).length === 1, WAIT)

  expect(answer).toMatchObject({ status: 202, body: { changed: true, queued: false } })
})

test('after Redis was lost with everything in it the loop goes on by itself', async () => {
  const directory = join(bench.directory, 'lost')
  const options = { directory, appendOnly: false }
  const redis = await openRedis(undefined, options)
  await using rig = await startRig(bench, { name: 'lost', redisUrl: redis.url })
  await rig.call('PUT', '/v1/tenants/acme', makeSpec(await rig.upload('acme/late', makeCsv())))
  await vi.waitUntil(async () => (await commitsOf(rig.store, LATE)).length === 1, WAIT)

  await redis[Symbol.asyncDispose]()
  const answer = await rig.call('POST', '/v1/tenants/acme/models/late/train', {})
  await using _ = await openRedis(undefined, options)
  await vi.waitUntil(async () => (await commitsOf(rig.store, LATE)).length === 2, WAIT)

  expect(answer).toMatchObject({ status: 202, body: { queued: false } })
})
