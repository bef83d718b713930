import { startProbe } from '@drover/inference'
import { openRedis } from '@drover/jobs'
import {
  auditKey,
  changesHourPrefix,
  manifestKey,
  parseModelServerConfig,
  tenantKey,
} from '@drover/model-config'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { tenantOf } from './facts.fixture.ts'
import { goLive, late, startPublisher, startRolled } from './publisher.fixture.ts'
import type { World } from './world.fixture.ts'

const WAIT = { timeout: 30_000, interval: 20 }
const probe = startProbe()
const redis = await openRedis()
let places = 0

afterAll(async () => {
  await probe[Symbol.asyncDispose]()
  await redis[Symbol.asyncDispose]()
})

/** A publisher that has looked at everything once, under a prefix of its own. */
async function start(world: World) {
  const place = { url: redis.url, prefix: `{test-${places++}}` }
  const started = await startPublisher(world, { probe, place })
  await vi.waitUntil(() => started.publisher.isReady, WAIT)
  return started
}

test('a rollback pins the version below the live one until it is released', async () => {
  await using world = await startRolled()
  await using started = await start(world)
  expect(await world.candidate()).toEqual({ 'acme.late': 2 })
  await goLive(world)

  const back = await started.call('POST', '/v1/rollback', { tenant: 'acme', why: 'too slow' })

  expect(back).toMatchObject({
    status: 200,
    answer: {
      pins: { late: { version: 1, born: 1, by: 'operator', why: 'too slow' } },
      candidate: (await world.channel())?.candidate,
    },
  })
  expect(await world.candidate()).toEqual({ 'acme.late': 1 })
  await world.addJudged(late('acme'), 3)
  await started.queue.nudge({ fleet: 'main', ...late('acme'), version: 3 })
  await started.publisher.look({ tenant: 'acme' })
  expect(await world.candidate()).toEqual({ 'acme.late': 1 })

  const free = await started.call('POST', '/v1/release', { tenant: 'acme', model: 'late' })

  expect(free).toMatchObject({ status: 200, answer: { pins: {} } })
  expect(await world.candidate()).toEqual({ 'acme.late': 3 })
})

test('what a rollback of the fleet pinned is released together: newcomers first, or all', async () => {
  await using world = await startRolled()
  await using started = await start(world)
  await goLive(world)
  const { sha = '', seq = 0 } = (await world.channel())?.live ?? {}
  await world.addJudged(late('acme'), 3)
  for (const tenant of ['bosch', 'cern']) {
    await world.putTenant(tenantOf(tenant))
    await world.addJudged(late(tenant), 1)
    await started.publisher.look({ tenant })
  }
  await started.publisher.look({ tenant: 'acme' })
  await started.call('POST', '/v1/rollback', { tenant: 'cern', version: 'none' })
  await goLive(world)
  const asked = ((await world.channel())?.seq ?? 0) + 1
  await world.moveChannel(() => ({ undo: { sha, seq, by: 'person', why: 'worse', asked } }))
  await started.publisher.publicationOf('main').look([])
  expect(await world.candidate()).toEqual({ 'acme.late': 2 })
  const release = async (which: string) =>
    await started.call('POST', '/v1/fleets/main/release', { which })

  expect(await release('newcomers')).toMatchObject({
    status: 200,
    answer: { released: ['bosch.late'] },
  })
  expect(await world.candidate()).toEqual({ 'acme.late': 2, 'bosch.late': 1 })
  expect(await release('all')).toMatchObject({ answer: { released: ['acme.late'] } })
  expect(await world.candidate()).toEqual({ 'acme.late': 3, 'bosch.late': 1 })
  expect(await release('all')).toMatchObject({ status: 404 })
})

test('an object that cannot be read is named, and hides no other model', async () => {
  await using world = await startRolled()
  await using started = await start(world)
  await world.store.create(manifestKey({ tenant: 'acme', model: 'eta' }, 1), 'garbage')
  await world.putTenant(tenantOf('acme', ['late', 'eta']))
  await world.store.swap(tenantKey('badt'), { from: undefined, first: 1, content: 'garbage' })

  const acme = await started.call('GET', '/v1/tenants/acme')
  const badt = await started.call('GET', '/v1/tenants/badt')

  const error = expect.stringContaining('models/acme/eta/1/MANIFEST.json')
  expect(acme).toMatchObject({ status: 200, answer: { models: { eta: { error } } } })
  expect(acme).toHaveProperty('answer.models.late.versions.length', 2)
  expect(badt).toEqual({
    status: 500,
    answer: { error: expect.stringContaining('tenants/badt.json') },
  })
})

test('what a config lists of a tenant is told of each config that is asked about', async () => {
  await using world = await startRolled()
  await using started = await start(world)
  const { sha: first = '' } = (await world.channel())?.candidate ?? {}
  await world.addJudged(late('acme'), 3)
  await started.publisher.look({ tenant: 'acme' })
  const { sha: second = '' } = (await world.channel())?.candidate ?? {}
  await started.call('POST', '/v1/rollback', { tenant: 'acme', version: 'none' })
  const { sha: without = '' } = (await world.channel())?.candidate ?? {}
  const configs = [first, second, without, '0'.repeat(64)].join(',')

  const { answer } = await started.call('GET', `/v1/tenants/acme?configs=${configs}`)

  expect(answer).toHaveProperty('models.late.listedIn', { [first]: 2, [second]: 3 })
})

test('a rollback is on record before it is done: as a change and in the audit', async () => {
  await using world = await startRolled()
  await using started = await start(world)
  expect(await world.candidate()).toEqual({ 'acme.late': 2 })

  await started.call('POST', '/v1/rollback', { tenant: 'acme', version: 1, by: 'jo' })

  const now = new Date()
  const days = await world.store.list(auditKey(now, 'x').replace(/\/x.json$/, ''))
  expect(days).toEqual([expect.stringMatching(/^controls\.acme\.1\./)])
  expect(await world.store.list(changesHourPrefix(now))).toHaveLength(1)
  const audit = await started.call('GET', '/v1/audit?tenant=acme&limit=5')
  expect(audit).toMatchObject({
    status: 200,
    answer: { records: [{ by: 'jo', what: 'rollback', object: 'controls/acme.json' }] },
  })
})

describe('a caller who is wrong is told how', () => {
  let world: World
  let started: Awaited<ReturnType<typeof start>>
  beforeAll(async () => {
    world = await startRolled()
    started = await start(world)
  })
  afterAll(async () => {
    await started[Symbol.asyncDispose]()
    await world[Symbol.asyncDispose]()
  })

  test.each([
    ['/v1/rollback', { tenant: 'acme' }, 409, 'acme.late is not live in main, so there is nothing'],
    ['/v1/rollback', { tenant: 'nobody' }, 404, 'there is no tenant nobody'],
    ['/v1/rollback', { tenant: 'acme', version: 9 }, 404, 'acme.late has no version 9'],
    ['/v1/rollback', { tenant: '../x' }, 400, 'a name is 1 to 63 of a-z'],
    ['/v1/rollback', { tenant: 'acme', what: 1 }, 400, 'what'],
    ['/v1/release', { tenant: 'acme', model: 'late' }, 404, 'acme.late is not pinned'],
    ['/v1/fleets/main/allow-shrink', {}, 409, 'no removal is held back in main'],
  ])('POST %s %j is refused with %i and a sentence', async (path, body, status, message) => {
    const { status: found, answer } = await started.call('POST', path, body)

    expect(found).toBe(status)
    expect(answer).toMatchObject({ error: expect.stringContaining(message) })
  })

  test.each([
    [`/v1/configs/${'0'.repeat(64)}/models.config`, 404, 'main has no config 0000'],
    ['/v1/configs/abc/models.config', 400, 'a digest is 64 hexadecimal digits'],
    ['/v1/tenants/nobody', 404, 'there is no tenant nobody'],
    ['/v1/tenants/NO', 400, 'a name is'],
    ['/v1/fleets/eu', 404, 'there is no fleet eu'],
    ['/v1/audit?tenant=acme&fleet=main', 400, 'name a tenant or a fleet'],
    ['/v1/audit?limit=100000', 400, 'limit'],
    ['/v1/tenants/acme?configs=abc', 400, 'a digest is 64 hexadecimal digits'],
  ])('GET %s is refused with %i', async (path, status, message) => {
    const found = await started.call('GET', path)

    expect(found).toMatchObject({ status, answer: { error: expect.stringContaining(message) } })
  })
})

test('a rollback goes through a freeze, and a new version does not', async () => {
  await using world = await startRolled()
  await using started = await start(world)
  expect(await world.candidate()).toEqual({ 'acme.late': 2 })
  const until = new Date(Date.now() + 600_000).toISOString()
  await goLive(world)
  await world.moveChannel(() => ({ freeze: { by: 'ops', until, why: 'holidays' } }))
  await world.addJudged(late('acme'), 3)

  await started.publisher.look({ tenant: 'acme' })
  expect(await world.candidate()).toEqual({ 'acme.late': 2 })
  await started.call('POST', '/v1/rollback', { tenant: 'acme' })

  expect(await world.candidate()).toEqual({ 'acme.late': 1 })
})

test("the list of every eligible model is there in TensorFlow Serving's text format", async () => {
  await using world = await startRolled()
  await using started = await start(world)
  expect(await world.candidate()).toEqual({ 'acme.late': 2 })
  const { sha } = z.object({ sha: z.string() }).parse((await world.channel())?.candidate)

  const { status, answer } = await started.call(
    'GET',
    `/v1/configs/${sha}/models.config?root=/srv/`,
  )

  expect(status).toBe(200)
  expect(parseModelServerConfig(String(answer))).toEqual({
    models: [
      {
        name: 'acme.late',
        basePath: '/srv/acme.late',
        modelPlatform: 'tensorflow',
        versionPolicy: { kind: 'specific', versions: [2n] },
        versionLabels: {},
      },
    ],
  })
})

test('a tenant shows its versions, their verdicts, its pin, and what is candidate and live', async () => {
  await using world = await startRolled()
  await world.addJudged(late('acme'), 3, false)
  await using started = await start(world)
  expect(await world.candidate()).toEqual({ 'acme.late': 2 })
  await goLive(world)
  await started.call('POST', '/v1/rollback', { tenant: 'acme' })

  const { answer } = await started.call('GET', '/v1/tenants/acme')

  expect(answer).toMatchObject({
    tenant: 'acme',
    fleet: 'main',
    models: {
      late: {
        name: 'acme.late',
        pin: { version: 1 },
        candidate: 1,
        live: 2,
        versions: [
          { version: 3, verdict: { pass: false, reason: 'bad', n: 1, by: 'gate' } },
          { version: 2, verdict: { pass: true } },
          { version: 1, verdict: { pass: true } },
        ],
      },
    },
  })
  expect((await started.call('GET', '/v1/fleets/main')).answer).toMatchObject({
    fleet: 'main',
    models: 1,
    alerts: [],
  })
})
