import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
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
  await world.stop()
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
  await restart({ poll: { pollMs: 600_000 }, limits: { unchangedMsMin: 600_000, quietMsMin: 0 } })
  await world.write('a', 1)

  await world.reload.reload(configOf(world.config('a')))

  expect(world.threads.answering('a')).toBe('1')
})

test('what may still be written is not loaded, and a reload says why', async () => {
  await restart({ limits: { unchangedMsMin: 600_000, quietMsMin: 600_000 } })
  await world.write('a', 1)

  await expect(world.reload.reload(configOf(world.config('a')), { waitMs: 200 })).rejects.toThrow(
    'version 1 is not loaded: its files may still be being written',
  )

  expect(world.loader.loads).toEqual([])
})

const manifestsTold = () =>
  world.lines.filter(({ msg }) => msg === 'manifest of a version is of no use')

test('a manifest of another format is told once, and its version is loaded', async () => {
  await world.write('a', 1)
  await writeFile(join(world.at('a'), '1', 'MANIFEST.json'), '{"files":["not there"]}')
  await world.reload.reload(configOf(world.config('a')))

  await writeFile(join(world.at('a'), '1', 'saved_model.pb'), 'rewritten')
  await vi.waitUntil(() => world.loader.loads.length > 1, WAIT)

  const reason = 'MANIFEST.json is of another format: the files are not checked by it'
  expect(manifestsTold()).toMatchObject([{ level: 40, model: 'a', version: '1', reason }])
})

test('a manifest with a fault is told, also where another version serves', async () => {
  await world.write('a', 1)
  await world.reload.reload(configOf(world.config('a')))

  await world.write('written', 2)
  await writeFile(join(world.at('written'), '2', 'MANIFEST.json'), '{"format":1,"run":"?"}')
  await rename(join(world.at('written'), '2'), join(world.at('a'), '2'))
  await vi.waitUntil(() => manifestsTold().length > 0, WAIT)

  const reason = 'MANIFEST.json cannot be read: run: Invalid UUID'
  expect(manifestsTold()).toMatchObject([{ level: 40, model: 'a', version: '2', reason }])
  expect(world.threads.answering('a')).toBe('1')
})
