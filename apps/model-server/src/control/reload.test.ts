import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { configOf, type ServedOptions, startServed, WAIT } from './served.fixture.ts'

let world: Awaited<ReturnType<typeof startServed>>
const restart = async (options: ServedOptions) => {
  await world.stop()
  world = await startServed(options)
}
beforeEach(async () => {
  world = await startServed()
})
afterEach(async () => {
  await world.stop()
})

test('what is listed is served when the reload has answered', async () => {
  await world.write('a', 1)
  await world.write('b', '007')

  await world.reload.reload(configOf(world.config('a'), world.config('b')))

  expect(world.threads.answering('a')).toBe('1')
  expect(world.threads.answering('b')).toBe('7')
  expect(world.states('b')).toEqual(['7 AVAILABLE'])
})

test('an empty list unloads everything, and its status is told on', async () => {
  await world.write('a', 1)
  await world.reload.reload(configOf(world.config('a')))

  await world.reload.reload(configOf())

  await vi.waitUntil(() => world.states('a')[0] === '1 END', WAIT)
  expect(world.threads.find('a')).toBeUndefined()
})

test('no list at all is legal first and refused after a list', async () => {
  await world.write('a', 1)
  const none = { models: [], isEmpty: true as const }
  await world.reload.reload(none)
  await world.reload.reload(configOf(world.config('a')))

  await expect(world.reload.reload(none)).rejects.toMatchObject({
    code: 'FAILED_PRECONDITION',
    message:
      'Cannot transition to requested config. It is only legal to transition from one ' +
      'ModelConfigList to another.',
  })

  expect(world.threads.answering('a')).toBe('1')
})

test('a list that is refused changes nothing', async () => {
  await world.write('a', 1)
  await world.reload.reload(configOf(world.config('a')))

  const twice = configOf(world.config('b'), world.config('b'))
  await expect(world.reload.reload(twice)).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: 'Illegal to list model b multiple times in config list',
  })

  expect(world.threads.answering('a')).toBe('1')
  expect(world.reload.config?.models.map(({ name }) => name)).toEqual(['a'])
})

test('one missing base path is told by name and holds up nobody else', async () => {
  await world.write('good', 1)
  const missing = world.config('missing')

  await expect(world.reload.reload(configOf(missing, world.config('good')))).rejects.toMatchObject({
    code: 'UNKNOWN',
    message:
      '1 model(s) did not become available: {{{name: missing} due to error: Could not find base ' +
      `path ${missing.basePath} for servable missing with error NOT_FOUND: ${missing.basePath} ` +
      'not found}, }',
  })
  expect(world.threads.answering('good')).toBe('1')
  expect(() => world.states('missing')).toThrow(/^Could not find any versions of model missing$/)

  // That others are found shows that its path was looked at again, and not told of again.
  await world.write('good', 2)
  await vi.waitUntil(() => world.threads.answering('good') === '2', WAIT)
  expect(world.lines.filter(({ msg }) => msg === 'model has no files to serve')).toHaveLength(1)

  await world.write('missing', 1)
  await vi.waitUntil(() => world.threads.find('missing'), WAIT)
})

test('a broken model is told by name and version, and the others are served', async () => {
  await world.write('bad', 1, 'bad')
  await world.write('good', 1)

  await expect(
    world.reload.reload(configOf(world.config('bad'), world.config('good'))),
  ).rejects.toMatchObject({
    code: 'UNKNOWN',
    message:
      '1 model(s) did not become available: {{{name: bad version: 1} due to error: the graph of ' +
      `${world.at('bad')}/1 is broken}, }`,
  })

  expect(world.threads.answering('good')).toBe('1')
  expect(world.states('bad')).toEqual(['1 END'])
})

test('the same list again tries again what failed, waits for nothing and loads nothing else', async () => {
  await world.write('bad', 1, 'bad')
  await world.write('good', 1)
  const config = configOf(world.config('bad'), world.config('good'))
  await expect(world.reload.reload(config)).rejects.toThrow('1 model(s)')

  await world.reload.reload(config)

  await vi.waitUntil(
    () => world.loader.loads.filter((each) => each.endsWith('bad/1')).length === 2,
    WAIT,
  )
  expect(world.loader.loads.filter((each) => each.endsWith('good/1'))).toHaveLength(1)
})

test('a failed version is tried again when its files change', async () => {
  await world.write('a', 1, 'bad')
  await expect(world.reload.reload(configOf(world.config('a')))).rejects.toThrow('is broken')

  await world.write('a', 1, 'good now')

  await vi.waitUntil(() => world.threads.answering('a') === '1', WAIT)
})

test('a reload that waits too long says what it waited for, and the load goes on', async () => {
  await world.write('slow', 1)
  const go = world.loader.hold(join(world.at('slow'), '1'))

  await expect(
    world.reload.reload(configOf(world.config('slow')), { waitMs: 500 }),
  ).rejects.toMatchObject({
    code: 'UNKNOWN',
    message: expect.stringContaining(
      '{{name: slow version: 1} due to error: it is still LOADING}, }',
    ),
  })

  go()
  await vi.waitUntil(() => world.threads.find('slow'), WAIT)
})

test('of two reloads at once the newer one wins, and the older one does not hold it up', async () => {
  await world.write('slow', 1)
  await world.write('b', 1)
  const go = world.loader.hold(join(world.at('slow'), '1'))
  const first = world.reload.reload(configOf(world.config('slow')))
  await vi.waitUntil(() => world.loader.loads.length > 0, WAIT)
  const second = world.reload.reload(configOf(world.config('b')))

  await second

  expect(world.threads.answering('b')).toBe('1')
  await first
  go()
  await vi.waitUntil(() => world.states('slow')[0] === '1 END', WAIT)
  expect(world.threads.find('slow')).toBeUndefined()
})

test('more reloads than may wait are told to come later', async () => {
  await restart({ limits: { reloadsWaitingMax: 2 } })
  const reloads = [1, 2].map(async () => await world.reload.reload(configOf()))

  await expect(world.reload.reload(configOf())).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    retryAfterS: 1,
  })
  await Promise.all(reloads)
})
