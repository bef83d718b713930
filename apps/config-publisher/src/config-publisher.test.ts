import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startProbe } from '@drover/inference'
import { openQueue, openRedis } from '@drover/jobs'
import {
  canonicalJson,
  parseModelServerConfig,
  Verdict,
  verdictKey,
  changesHourPrefix,
  auditKey,
} from '@drover/model-config'
import { readJson } from '@drover/model-store'
import { listen, makeLog } from '@drover/service'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { makePublisherApi } from './api.ts'
import { makeConfigPublisher, type PublisherParts } from './config-publisher.ts'
import { tenantOf } from './facts.fixture.ts'
import { linearModel } from './models.fixture.ts'
import { filesOf, startWorld, type World } from './world.fixture.ts'

const WAIT = { timeout: 10_000, interval: 20 }
const log = makeLog('test')
log.level = 'silent'
const probe = startProbe()
const redis = await openRedis()
let places = 0

afterAll(async () => {
  await probe[Symbol.asyncDispose]()
  await redis[Symbol.asyncDispose]()
})

/** A publisher that runs on a real Redis under a prefix of its own, and its API. */
async function startPublisher(world: World, more: Partial<PublisherParts> = {}) {
  const { store, workDirectory } = world
  const place = { url: redis.url, prefix: `{test-${places++}}` }
  const publisher = makeConfigPublisher({
    store,
    workDirectory,
    probe,
    log,
    place,
    fleet: 'main',
    probeMs: 20_000,
    scanMs: 600_000,
    fullScanMs: 600_000,
    ...more,
  })
  const stop = new AbortController()
  const done = publisher.run(stop.signal)
  const api = makePublisherApi(publisher, undefined)
  const { url, ...listening } = await listen(api, { host: '127.0.0.1', port: 0 })
  const queue = openQueue({ name: 'publish' }, more.place ?? place)
  await vi.waitUntil(() => publisher.isReady, WAIT)
  return {
    publisher,
    queue,
    async call(method: string, path: string, body?: object) {
      const response = await fetch(`${url}${path}`, {
        method,
        headers: { 'content-type': 'application/json' },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      })
      const text = await response.text()
      const isJson = response.headers.get('content-type')?.includes('json')
      const answer: unknown = isJson ? JSON.parse(text) : text
      return { status: response.status, answer }
    },
    async [Symbol.asyncDispose]() {
      stop.abort()
      await done
      await queue[Symbol.asyncDispose]()
      await listening[Symbol.asyncDispose]()
    },
  }
}

const late = (tenant: string) => ({ tenant, model: 'late' })
/** Waits until the candidate lists what is expected, or for as long as that may take. */
async function servedSoon(world: World, expected: Record<string, number>, fleet = 'main') {
  const wanted = canonicalJson(expected)
  const isThere = async () => canonicalJson(await world.candidate(fleet)) === wanted
  await vi.waitUntil(isThere, WAIT).catch(() => {})
  return await world.candidate(fleet)
}

test('a nudge about a committed version has it judged and published', async () => {
  await using world = await startWorld()
  await using started = await startPublisher(world)
  await world.putTenant(tenantOf('acme'))
  await world.commit(late('acme'), 1, filesOf(linearModel()))

  await started.queue.nudge({ fleet: 'main', ...late('acme'), version: 1 })

  expect(await servedSoon(world, { 'acme.late': 1 })).toEqual({ 'acme.late': 1 })
  expect(await readJson(world.store, verdictKey(late('acme'), 1, 1), Verdict)).toMatchObject({
    pass: true,
    engine: 'onnx',
  })
})

test('the scan finds what no nudge told of, also what was committed before the start', async () => {
  await using world = await startWorld()
  await world.putTenant(tenantOf('acme'))
  await world.commit(late('acme'), 1, filesOf(linearModel()))
  await using started = await startPublisher(world)
  expect(await servedSoon(world, { 'acme.late': 1 })).toEqual({ 'acme.late': 1 })
  await world.putTenant(tenantOf('bosch'))
  await world.commit(late('bosch'), 1, filesOf(linearModel(0.7)))

  started.publisher.scan('changes')

  expect(await servedSoon(world, { 'acme.late': 1, 'bosch.late': 1 })).toEqual({
    'acme.late': 1,
    'bosch.late': 1,
  })
})

test('a tenant that is offboarded leaves the config, and one that moves changes fleets', async () => {
  await using world = await startWorld()
  for (const tenant of ['acme', 'bosch', 'cern']) {
    await world.putTenant(tenantOf(tenant))
    await world.addJudged(late(tenant), 1)
  }
  await using started = await startPublisher(world)
  expect(await servedSoon(world, { 'acme.late': 1, 'bosch.late': 1, 'cern.late': 1 })).toEqual({
    'acme.late': 1,
    'bosch.late': 1,
    'cern.late': 1,
  })
  await world.putTenant(tenantOf('acme', ['late'], { tombstone: true }))
  await world.putTenant(tenantOf('bosch', ['late'], { fleet: 'eu' }))

  await started.queue.nudge({ fleet: 'main', tenant: 'acme' })
  await started.queue.nudge({ fleet: 'eu', tenant: 'bosch' })

  expect(await servedSoon(world, { 'cern.late': 1 })).toEqual({ 'cern.late': 1 })
  expect(await servedSoon(world, { 'bosch.late': 1 }, 'eu')).toEqual({ 'bosch.late': 1 })
})

/** Two versions of a model that passed; the second is live. */
async function startRolled(): Promise<World> {
  const world = await startWorld()
  await world.putTenant(tenantOf('acme'))
  await world.addJudged(late('acme'), 1)
  await world.addJudged(late('acme'), 2)
  return world
}

const goLive = async (world: World): Promise<void> =>
  await world.moveChannel(({ candidate }) =>
    candidate === undefined ? {} : { live: { ...candidate, at: new Date().toISOString() } },
  )

test('a rollback pins the version below the live one until it is released', async () => {
  await using world = await startRolled()
  await using started = await startPublisher(world)
  expect(await servedSoon(world, { 'acme.late': 2 })).toEqual({ 'acme.late': 2 })
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

test('a rollback is on record before it is done: as a change and in the audit', async () => {
  await using world = await startRolled()
  await using started = await startPublisher(world)
  expect(await servedSoon(world, { 'acme.late': 2 })).toEqual({ 'acme.late': 2 })

  await started.call('POST', '/v1/rollback', { tenant: 'acme', version: 1, by: 'jo' })

  const now = new Date()
  const days = await world.store.list(auditKey(now, 'x').replace(/\/x.json$/, ''))
  expect(days).toEqual([expect.stringMatching(/^controls-acme-1-/)])
  expect(await world.store.list(changesHourPrefix(now))).toHaveLength(1)
})

describe('a caller who is wrong is told how', () => {
  let world: World
  let started: Awaited<ReturnType<typeof startPublisher>>
  beforeAll(async () => {
    world = await startRolled()
    started = await startPublisher(world)
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
  ])('GET %s is refused with %i', async (path, status, message) => {
    const found = await started.call('GET', path)

    expect(found).toMatchObject({ status, answer: { error: expect.stringContaining(message) } })
  })
})

test('a rollback goes through a freeze, and a new version does not', async () => {
  await using world = await startRolled()
  await using started = await startPublisher(world)
  expect(await servedSoon(world, { 'acme.late': 2 })).toEqual({ 'acme.late': 2 })
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
  await using started = await startPublisher(world)
  expect(await servedSoon(world, { 'acme.late': 2 })).toEqual({ 'acme.late': 2 })
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
        versionPolicy: { kind: 'specific', versions: [2] },
        versionLabels: {},
      },
    ],
  })
})

test('a tenant shows its versions, their verdicts, its pin, and what is candidate and live', async () => {
  await using world = await startRolled()
  await world.addJudged(late('acme'), 3, false)
  await using started = await startPublisher(world)
  expect(await servedSoon(world, { 'acme.late': 2 })).toEqual({ 'acme.late': 2 })
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

test('two publishers on the same queue do no harm', async () => {
  await using world = await startWorld()
  const tenants = Array.from({ length: 8 }, (_, at) => `t${at}`)
  const place = { url: redis.url, prefix: '{shared}' }
  await using first = await startPublisher(world, { place })
  await using second = await startPublisher(world, { place })
  for (const [at, tenant] of tenants.entries()) {
    await world.putTenant(tenantOf(tenant))
    await world.commit(late(tenant), 1, filesOf(linearModel(at)))
  }

  await Promise.all(
    tenants.map(async (tenant) => {
      await first.queue.nudge({ fleet: 'main', ...late(tenant), version: 1 })
      second.publisher.scan('changes')
    }),
  )

  const expected = Object.fromEntries(tenants.map((tenant) => [`${tenant}.late`, 1]))
  expect(await servedSoon(world, expected)).toEqual(expected)
})

test('with Redis away the API goes on, and when it is back and empty everything is looked at', async () => {
  await using world = await startRolled()
  const directory = await mkdtemp(join(tmpdir(), 'drover-publisher-redis-'))
  const open = async () => await openRedis(undefined, { directory, appendOnly: false })
  let current = await open()
  await using server = { [Symbol.asyncDispose]: async () => await current[Symbol.asyncDispose]() }
  await using started = await startPublisher(world, { place: { url: current.url } })
  expect(await servedSoon(world, { 'acme.late': 2 })).toEqual({ 'acme.late': 2 })
  await current[Symbol.asyncDispose]()

  const back = await started.call('POST', '/v1/rollback', { tenant: 'acme', version: 1 })
  expect(back.status).toBe(200)
  expect(await world.candidate()).toEqual({ 'acme.late': 1 })
  // Nothing records this one, as when its nudge was lost with Redis and its record is long past.
  await world.putTenant(tenantOf('bosch'))
  await world.addJudged(late('bosch'), 1)
  current = await open()

  expect(await servedSoon(world, { 'acme.late': 1, 'bosch.late': 1 })).toEqual({
    'acme.late': 1,
    'bosch.late': 1,
  })
  await rm(directory, { recursive: true, force: true })
}, 20_000)
