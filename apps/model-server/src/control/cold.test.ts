import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { configOf, type ServedOptions, startServed, WAIT } from './served.fixture.ts'

/** Every model of these tests takes as much. */
const MODEL_BYTES = 100
const TEXT = 'm'.repeat(MODEL_BYTES)
const used = new Map<string, number>()

let world: Awaited<ReturnType<typeof startServed>>
const start = async (options: ServedOptions = {}) => {
  used.clear()
  return await startServed({
    // Room for two, by what they take on disk at first.
    residentBytesMax: 240,
    limits: { residentMsMin: 0, evictionLoadMsMax: 60_000, ...options.limits },
    usageOf: (name) => ({ lastUsedMs: used.get(name) ?? 0, requests: 0, failures: 0 }),
    loadsAtOnce: 1,
    poll: 'once',
    ...options,
  })
}
const serve = async (...names: string[]) => {
  for (const name of names) await world.write(name, 1, TEXT)
  const configs = names.map((name) => world.config(name))
  // One after another, so that the first ones are those that are loaded.
  for (const index of names.keys())
    await world.reload.reload(configOf(...configs.slice(0, index + 1)))
}
const warm = async (name: string) => await world.models.warm(name, 1n)
const answering = (...names: string[]) => names.map(world.threads.answering.bind(world.threads))

beforeEach(async () => {
  world = await start()
})
afterEach(async () => {
  await world.stop()
})

test('models beyond the limit stay on disk, and count as available', async () => {
  await serve('a', 'b', 'c')

  expect(answering('a', 'b', 'c')).toEqual(['1', '1', '(1)'])
  expect(world.states('c')).toEqual(['1 AVAILABLE'])
  expect(world.loader.loads).toHaveLength(2)
  expect(world.models.memory.bytes).toBe(2 * MODEL_BYTES)
})

test('a cold model is loaded for whoever asks first, and what was used least recently leaves', async () => {
  await serve('a', 'b', 'c')
  used.set('a', Date.now() + 1_000)
  const b = world.threads.find('b')

  await warm('c')

  expect(answering('a', 'b', 'c')).toEqual(['1', '(1)', '1'])
  expect(b).toMatchObject({ isClosed: true })
  expect(world.models.memory).toMatchObject({
    bytes: 2 * MODEL_BYTES,
    coldLoads: 1,
    evictions: 1,
    refusals: 0,
  })
})

test('however many wait for a model it is loaded once, and so many may wait', async () => {
  await world.stop()
  world = await start({ limits: { warmWaitersMax: 50, residentMsMin: 0 } })
  await serve('a', 'b', 'c')
  const go = world.loader.hold(join(world.at('c'), '1'))
  const waiting = Array.from({ length: 50 }, async () => await warm('c'))

  await expect(warm('c')).rejects.toMatchObject({ code: 'UNAVAILABLE', retryAfterS: 1 })
  expect(world.models.memory.refusals).toBe(1)

  go()
  await Promise.all(waiting)
  expect(world.loader.loads.filter((each) => each.includes('/c/'))).toHaveLength(1)
})

test('what leaves goes on answering the requests that it has', async () => {
  await serve('a', 'b', 'c')
  used.set('a', Date.now() + 1_000)
  const b = world.threads.find('b')
  const end = world.threads.begin('b')
  const warming = warm('c')
  await vi.waitUntil(() => world.threads.answering('b') === '(1)', WAIT)

  expect(b).toMatchObject({ isClosed: false })
  expect(world.threads.answering('c')).toBe('(1)')
  end()

  await warming
  expect(b).toMatchObject({ isClosed: true })
})

test('models that were just loaded do not chase each other out of memory', async () => {
  await world.stop()
  world = await start({ limits: { residentMsMin: 60_000 } })
  await serve('a', 'b', 'c')

  const refused = warm('c')

  await expect(refused).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  await expect(refused).rejects.toHaveProperty('retryAfterS', 60)
  expect(world.models.memory).toMatchObject({ coldLoads: 0, evictions: 0, refusals: 1 })
  expect(answering('a', 'b', 'c')).toEqual(['1', '1', '(1)'])
  expect(world.models.memory.bytes).toBe(2 * MODEL_BYTES)
})

test('a model that can never fit says so', async () => {
  await serve('a', 'b')
  await world.write('huge', 1, 'h'.repeat(1_000))
  await world.reload.reload(configOf(world.config('huge')))

  await expect(warm('huge')).rejects.toMatchObject({
    code: 'RESOURCE_EXHAUSTED',
    message: 'It needs 1200 bytes of memory, and all models together may have 240',
  })
})

test('a cold model that turns out to be broken ends with its error, and takes no room', async () => {
  await serve('a', 'b')
  await world.write('bad', 1, `bad${TEXT}`)
  const names = ['a', 'b', 'bad'].map((name) => world.config(name))
  await world.reload.reload(configOf(...names))
  expect(world.states('bad')).toEqual(['1 AVAILABLE'])

  await expect(warm('bad')).rejects.toMatchObject({
    code: 'NOT_FOUND',
    message: 'Servable not found for request: Specific(bad, 1)',
  })

  expect(world.states('bad')).toEqual(['1 END'])
  expect(world.threads.find('bad')).toBeUndefined()
  await expect(warm('bad')).rejects.toMatchObject({ code: 'NOT_FOUND' })
  expect(world.models.memory.bytes).toBe(MODEL_BYTES)
})

test('a new version of a cold model is proven before the old one goes, and then leaves memory', async () => {
  await serve('a', 'b', 'c')
  used.set('a', Date.now())
  used.set('b', Date.now())
  await world.write('c', 2, 'bad')
  const change = world.config('c', { versionPolicy: { kind: 'specific', versions: [2n] } })
  const rest = [world.config('a'), world.config('b')]

  await expect(world.reload.reload(configOf(...rest, change))).rejects.toThrow('is broken')
  expect(world.threads.answering('c')).toBe('(1)')

  await world.write('c', 3, TEXT)
  const next = world.config('c', { versionPolicy: { kind: 'specific', versions: [3n] } })
  await world.reload.reload(configOf(...rest, next))
  await vi.waitUntil(() => world.threads.answering('c') === '(3)', WAIT)
  expect(answering('a', 'b')).toEqual(['1', '1'])
  await vi.waitUntil(() => world.models.memory.bytes === 2 * MODEL_BYTES, WAIT)
})

test('a model that is removed while it is loaded for a request is not found any more', async () => {
  await serve('a', 'b', 'c')
  const go = world.loader.hold(join(world.at('c'), '1'))
  const warming = warm('c')
  await vi.waitUntil(() => world.loader.loads.length === 3, WAIT)

  await world.models.remove(['c'])
  go()

  await expect(warming).rejects.toMatchObject({ code: 'NOT_FOUND' })
  await vi.waitUntil(() => world.states('c')[0] === '1 END', WAIT)
  await vi.waitUntil(() => world.models.memory.bytes === MODEL_BYTES, WAIT)
})
