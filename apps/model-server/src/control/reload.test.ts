import { mkdir, rename, rm, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ModelServerModel } from '@drover/model-config'
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
  expect(world.threads.faults).toEqual([])
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
  expect(() => world.states('missing')).toThrow(
    'Could not find any versions of model missing: Could not find base path',
  )

  await world.write('missing', 1)
  await vi.waitUntil(() => world.threads.find('missing'), WAIT)
  const warnings = world.lines.filter(({ msg }) => msg === 'model has no files to serve')
  expect(warnings).toHaveLength(1)
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

test('the same list again tries again what failed, and loads nothing that did not', async () => {
  await world.write('bad', 1, 'bad')
  await world.write('good', 1)
  const config = configOf(world.config('bad'), world.config('good'))
  await expect(world.reload.reload(config)).rejects.toThrow('1 model(s)')

  await expect(world.reload.reload(config)).rejects.toThrow('1 model(s)')

  expect(world.loader.loads.filter((each) => each.endsWith('good/1'))).toHaveLength(1)
  expect(world.loader.loads.filter((each) => each.endsWith('bad/1'))).toHaveLength(2)
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

test('a new version takes the place of the old one, and a broken one does not', async () => {
  await world.write('a', 1)
  await world.reload.reload(configOf(world.config('a')))

  await world.write('a', 2)
  await vi.waitUntil(() => world.threads.answering('a') === '2', WAIT)
  await world.write('a', 3, 'bad')
  await vi.waitUntil(() => world.states('a').includes('3 END'), WAIT)

  expect(world.threads.answering('a')).toBe('2')
})

test('the last version that is deleted is unloaded; a base path that is deleted is not', async () => {
  await world.write('a', 1)
  await world.write('b', 1)
  await world.reload.reload(configOf(world.config('a'), world.config('b')))

  await rename(world.at('b'), world.at('b.moved'))
  await rm(join(world.at('a'), '1'), { recursive: true })

  await vi.waitUntil(() => world.threads.find('a') === undefined, WAIT)
  expect(world.threads.answering('b')).toBe('1')
})

test('a version that is deleted while it loads is never served', async () => {
  await world.write('a', 1)
  await world.write('a', 2)
  const go = world.loader.hold(join(world.at('a'), '2'))
  const reloading = world.reload.reload(configOf(world.config('a')))
  await vi.waitUntil(() => world.loader.loads.length > 0, WAIT)

  await rm(join(world.at('a'), '2'), { recursive: true })
  await vi.waitUntil(() => world.models.get('a')?.wanted.versions[0]?.version === 1n, WAIT)
  go()

  await reloading
  expect(world.threads.answering('a')).toBe('1')
})

test('another base path under the same number is loaded, and serves until then', async () => {
  await world.write('a', 1, 'old')
  await world.write('b', 1, 'new')
  await world.reload.reload(configOf(world.config('a')))
  const go = world.loader.hold(join(world.at('b'), '1'))

  const reloading = world.reload.reload(configOf(world.config('a', { basePath: world.at('b') })))
  await vi.waitUntil(() => world.loader.loads.length > 1, WAIT)
  expect(world.threads.find('a')).toMatchObject({ text: 'old', isClosed: false })
  go()
  await reloading

  expect(world.threads.find('a')).toMatchObject({ text: 'new' })
})

test('files that are written over are loaded, and the old ones serve until then', async () => {
  await world.write('a', 1, 'old')
  await world.reload.reload(configOf(world.config('a')))

  await writeFile(join(world.at('a'), '1', 'saved_model.pb'), 'rewritten')

  await vi.waitUntil(() => {
    const found = world.threads.find('a')
    expect(found).toBeDefined()
    return found !== 'cold' && found?.sizeBytes === 'rewritten'.length
  }, WAIT)
  await vi.waitUntil(() => world.states('a').join() === '1 AVAILABLE', WAIT)
})

test('all, some and the latest versions are served as the policy has it', async () => {
  for (const version of ['1', '02', '3', '10', 'v4', '5.tmp', '20170111173521'])
    await world.write('m', version)
  await writeFile(join(world.at('m'), '99'), 'a file is no version')
  const policies: Record<string, ModelServerModel['versionPolicy']> = {
    all: { kind: 'all' },
    latest: { kind: 'latest', numVersions: 2 },
    specific: { kind: 'specific', versions: [2n, 10n, 77n] },
  }
  const configs = Object.entries(policies).map(([name, versionPolicy]) =>
    world.config(name, { basePath: world.at('m'), versionPolicy }),
  )

  await world.reload.reload(configOf(...configs))

  const versions = (name: string) => world.states(name).map((each) => each.replace(/ .*/, ''))
  await vi.waitUntil(() => world.states('all').every((each) => each.endsWith('AVAILABLE')), WAIT)
  expect(versions('all')).toEqual(['20170111173521', '10', '3', '2', '1'])
  expect(versions('latest')).toEqual(['20170111173521', '10'])
  expect(versions('specific')).toEqual(['10', '2'])
  expect(world.models.get('specific')?.wanted.fault).toContain('Version 77 of servable specific')
})

test('a directory without a number in it is told of, and versions are found when they come', async () => {
  await mkdir(join(world.at('a'), 'v1'), { recursive: true })

  await expect(world.reload.reload(configOf(world.config('a')))).rejects.toThrow(
    "Did you forget to name your leaf directory as a number (eg. '/1/')?",
  )

  await world.write('a', 1)
  await vi.waitUntil(() => world.threads.answering('a') === '1', WAIT)
})

test('a file URI is a path, and another scheme is an error of that model alone', async () => {
  await world.write('a', 1)
  const configs = [
    world.config('a', { basePath: `file://${world.at('a')}` }),
    world.config('s', { basePath: 's3://bucket/s' }),
  ]

  await expect(world.reload.reload(configOf(...configs))).rejects.toThrow(
    "{{name: s} due to error: File system scheme 's3' not implemented (file: 's3://bucket/s')}, ",
  )

  expect(world.threads.answering('a')).toBe('1')
})

test('with one look only a reload looks for its own models', async () => {
  await restart({ poll: 'once' })
  await world.write('a', 1)
  await world.reload.reload(configOf(world.config('a')))
  await world.write('a', 2)
  await world.write('b', 1)

  await world.reload.reload(configOf(world.config('a'), world.config('b')))

  expect([world.threads.answering('a'), world.threads.answering('b')]).toEqual(['1', '1'])
})

test('without any look nothing is served, and a reload says so', async () => {
  await restart({ poll: 'never' })
  await world.write('a', 1)

  await expect(world.reload.reload(configOf(world.config('a')))).rejects.toThrow(
    'its base path is never looked at',
  )
})

test('what is old enough is loaded at once, also where the next look is far off', async () => {
  await restart({ poll: { pollMs: 600_000 }, limits: { unchangedMsMin: 600_000, quietMsMin: 100 } })
  await world.write('a', 1)
  const past = new Date(Date.now() - 60_000)
  await utimes(join(world.at('a'), '1'), past, past)
  await vi.waitUntil(async () => {
    await world.reload.reload(configOf())
    await world.reload.reload(configOf(world.config('a')), { waitMs: 100 }).catch(() => {})
    return world.threads.find('a')
  }, WAIT)
})
