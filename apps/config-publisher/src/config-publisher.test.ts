import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startProbe } from '@drover/inference'
import { openRedis, type Place } from '@drover/jobs'
import { canonicalJson, Verdict, verdictKey } from '@drover/model-config'
import { readJson } from '@drover/model-store'
import { afterAll, expect, test, vi } from 'vitest'
import { tenantOf } from './facts.fixture.ts'
import { linearModel } from './models.fixture.ts'
import { goLive, late, startPublisher, startRolled } from './publisher.fixture.ts'
import { filesOf, startWorld, type World } from './world.fixture.ts'

const WAIT = { timeout: 30_000, interval: 20 }
const probe = startProbe()
const redis = await openRedis()
let places = 0

afterAll(async () => {
  await probe[Symbol.asyncDispose]()
  await redis[Symbol.asyncDispose]()
})

/** A publisher that has looked at everything once, under a prefix of its own unless told. */
async function start(world: World, place?: Place) {
  const own = { url: redis.url, prefix: `{test-${places++}}` }
  const started = await startPublisher(world, { probe, place: place ?? own })
  await vi.waitUntil(() => started.publisher.isReady, WAIT)
  return started
}

/** Waits until the candidate lists what is expected, or for as long as that may take. */
async function servedSoon(world: World, expected: Record<string, number>, fleet = 'main') {
  const wanted = canonicalJson(expected)
  const isThere = async () => canonicalJson(await world.candidate(fleet)) === wanted
  await vi.waitUntil(isThere, WAIT).catch(() => {})
  return await world.candidate(fleet)
}

test('a nudge about a committed version has it judged and published', async () => {
  await using world = await startWorld()
  await using started = await start(world)
  await world.putTenant(tenantOf('acme'))
  await world.commit(late('acme'), 1, filesOf(linearModel()))

  await started.queue.nudge({ fleet: 'main', ...late('acme'), version: 1 })

  expect(await servedSoon(world, { 'acme.late': 1 })).toEqual({ 'acme.late': 1 })
  expect(await readJson(world.store, verdictKey(late('acme'), 1, 1), Verdict)).toMatchObject({
    pass: true,
    engine: 'kernel',
  })
})

test('the scan finds what no nudge told of, also what was committed before the start', async () => {
  await using world = await startWorld()
  await world.putTenant(tenantOf('acme'))
  await world.commit(late('acme'), 1, filesOf(linearModel()))
  await using started = await start(world)
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
  await using started = await start(world)
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

test('two publishers on the same queue do no harm', async () => {
  await using world = await startWorld()
  const tenants = Array.from({ length: 8 }, (_, at) => `t${at}`)
  const place = { url: redis.url, prefix: '{shared}' }
  await using first = await start(world, place)
  await using second = await start(world, place)
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

test('an undo of which no nudge tells is carried out by the scan', async () => {
  await using world = await startRolled()
  await using started = await start(world)
  await goLive(world)
  const { sha = '', seq = 0 } = (await world.channel())?.live ?? {}
  await world.addJudged(late('acme'), 3)
  await started.publisher.look({ tenant: 'acme' })
  await goLive(world)
  expect(await world.candidate()).toEqual({ 'acme.late': 3 })
  const asked = ((await world.channel())?.seq ?? 0) + 1
  await world.moveChannel(() => ({ undo: { sha, seq, by: 'person', why: 'worse', asked } }))

  started.publisher.scan('changes')

  expect(await servedSoon(world, { 'acme.late': 2 })).toEqual({ 'acme.late': 2 })
})

test('with Redis away the API goes on, and when it is back and empty everything is looked at', async () => {
  await using world = await startRolled()
  const directory = await mkdtemp(join(tmpdir(), 'drover-publisher-redis-'))
  const open = async () => await openRedis(undefined, { directory, appendOnly: false })
  let current = await open()
  await using server = { [Symbol.asyncDispose]: async () => await current[Symbol.asyncDispose]() }
  await using started = await start(world, { url: current.url })
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
})
