import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type ServedOptions, startServed, TestLoaded, WAIT } from './served.fixture.ts'

let world: Awaited<ReturnType<typeof startServed>>
const restart = async (options: ServedOptions) => {
  await world.stop()
  world = await startServed(options)
}
/** Wants versions whose files are known to be there; `1b` is version 1 with other content. */
const want = async (name: string, ...versions: string[]) =>
  await world.models.want([
    {
      name,
      labels: {},
      versions: versions.map((each) => ({
        version: BigInt(Number.parseInt(each, 10)),
        directory: join(world.at(name), each),
        content: each,
      })),
    },
  ])
const settled = async (name: string, ...states: string[]) =>
  await vi.waitUntil(() => world.states(name).join() === states.join(), WAIT)

beforeEach(async () => {
  world = await startServed()
})
afterEach(async () => {
  await world.stop()
})

test('a few versions load at a time, and the others wait', async () => {
  await restart({ loadsAtOnce: 2 })
  const names = ['a', 'b', 'c', 'd', 'e']
  for (const name of names) await world.write(name, 1)

  for (const name of names) await want(name, '1')
  expect(names.flatMap(world.states)).toEqual([
    '1 LOADING',
    '1 LOADING',
    '1 START',
    '1 START',
    '1 START',
  ])

  for (const name of names) await settled(name, '1 AVAILABLE')
  expect(world.loader.runningMax).toBe(2)
})

test('a version whose engine gives it up is told of as failed, and loaded anew', async () => {
  await restart({ retry: { retries: 5, retryMs: 10 } })
  await world.write('a', 1)
  await want('a', '1')
  await settled('a', '1 AVAILABLE')
  const lost = world.threads.find('a')
  if (!(lost instanceof TestLoaded)) throw new Error('nothing answers')

  lost.lose(new Error('its process ended three times'))

  await vi.waitUntil(() => world.threads.find('a') !== lost && world.threads.find('a'), WAIT)
  await settled('a', '1 AVAILABLE')
  expect(lost.isClosed).toBe(true)
  expect(world.loader.loads).toHaveLength(2)
})

test('an old version answers until its last request is over, and then is closed', async () => {
  await world.write('a', 1)
  await world.write('a', 2)
  await want('a', '1')
  await settled('a', '1 AVAILABLE')
  const old = world.threads.find('a')
  const end = world.threads.begin('a')

  await want('a', '2')
  await settled('a', '2 AVAILABLE', '1 UNLOADING')
  expect(old).toMatchObject({ isClosed: false })
  expect(world.threads.answering('a')).toBe('2')

  end()
  await settled('a', '2 AVAILABLE', '1 END')
  expect(old).toMatchObject({ isClosed: true })
})

test('a version is warmed up before anybody finds it, and fails with its warm-up', async () => {
  const found: (string | undefined)[] = []
  await restart({
    warmUp: async (_loaded, directory) => {
      await Promise.resolve()
      found.push(world.threads.answering('a'))
      if (directory.endsWith('2')) throw new Error('record 3 fails')
    },
  })
  await world.write('a', 1)
  await world.write('a', 2)

  await want('a', '1')
  await settled('a', '1 AVAILABLE')
  await want('a', '2')
  await settled('a', '2 END', '1 AVAILABLE')

  expect(found).toEqual(['', '1'])
  expect(world.models.status({ name: 'a', version: 2n })).toEqual([
    { version: 2n, state: 'END', error: 'record 3 fails' },
  ])
})

test('a version that takes too long to load has failed, and is closed when it comes', async () => {
  const made: TestLoaded[] = []
  let go: (() => void) | undefined
  await restart({
    limits: { loadMsMax: 30 },
    load: async (directory) => {
      await new Promise<void>((resolve) => {
        go = resolve
      })
      const loaded = new TestLoaded(directory, 'late')
      made.push(loaded)
      return loaded
    },
  })

  await want('a', '1')
  await settled('a', '1 END')
  expect(world.models.status({ name: 'a' })[0]?.error).toBe('It took more than 30 ms')

  go?.()
  await vi.waitUntil(() => made[0]?.isClosed, WAIT)
})

test('a load that hangs holds up nobody else', async () => {
  await restart({
    limits: { loadMsMax: 200 },
    loadsAtOnce: 1,
    retry: { retries: 1_000, retryMs: 10 },
  })
  await world.write('good', 1)
  world.loader.hold(join(world.at('hangs'), '1'))

  await want('hangs', '1')
  await want('good', '1')

  await expect.poll(() => world.threads.answering('good'), WAIT).toBe('1')
})

test('a model that was removed while it waited is never loaded', async () => {
  await restart({ loadsAtOnce: 1 })
  await world.write('a', 1)
  await world.write('b', 1)

  await want('a', '1')
  await want('b', '1')
  await world.models.remove(['b'])

  await settled('a', '1 AVAILABLE')
  expect(world.states('b')).toEqual(['1 END'])
  expect(world.loader.loads.filter((each) => each.includes('/b/'))).toEqual([])
})

test('a model that comes back while it leaves is loaded again', async () => {
  await world.write('a', 1)
  await want('a', '1')
  await settled('a', '1 AVAILABLE')
  const end = world.threads.begin('a')

  await world.models.remove(['a'])
  await want('a', '1')
  expect(world.states('a')).toEqual(['1 UNLOADING'])
  end()

  await settled('a', '1 AVAILABLE')
  expect(world.loader.loads).toHaveLength(2)
})

test('other content of a number serves when it is loaded, and the old content until then', async () => {
  await world.write('a', '1a', 'old')
  await world.write('a', '1b', 'new')
  await want('a', '1a')
  await settled('a', '1 AVAILABLE')
  const go = world.loader.hold(join(world.at('a'), '1b'))

  await want('a', '1b')
  await vi.waitUntil(() => world.loader.loads.length === 2, WAIT)
  expect(world.states('a')).toEqual(['1 AVAILABLE'])
  expect(world.threads.find('a', 1n)).toMatchObject({ text: 'old' })
  go()

  await vi.waitUntil(() => world.models.get('a')?.versions.length === 1, WAIT)
  expect(world.threads.find('a', 1n)).toMatchObject({ text: 'new' })
})

test('a version that fails is tried again after a pause, as often as it takes', async () => {
  await restart({ retry: { retries: 2, retryMs: 5 }, limits: { retryMsMax: 20 } })
  await world.write('a', 1, 'bad')
  await want('a', '1')
  await vi.waitUntil(() => world.loader.loads.length > 4, WAIT)

  await world.write('a', 1, 'good')

  await expect.poll(() => world.states('a'), WAIT).toEqual(['1 AVAILABLE'])
})

test('threads that cannot be told of a version make it fail, and it is tried again', async () => {
  await restart({ retry: { retries: 1, retryMs: 1 } })
  await world.write('a', 1)
  vi.spyOn(world.threads, 'serve').mockRejectedValueOnce(new Error('no answer'))

  await want('a', '1')

  await vi.waitUntil(() => world.threads.answering('a') === '1', WAIT)
  expect(world.loader.loads).toHaveLength(2)
})

test('the status of gone models is told until others went after them', async () => {
  const forgotten: string[] = []
  await restart({
    limits: { goneModelsMax: 1 },
    onForgotten: (name) => void forgotten.push(name),
  })
  for (const name of ['a', 'b']) {
    await world.write(name, 1)
    await want(name, '1')
    await settled(name, '1 AVAILABLE')
    await world.models.remove([name])
    await settled(name, '1 END')
  }

  expect(world.states('b')).toEqual(['1 END'])
  expect(() => world.states('a')).toThrow('Could not find any versions of model a')
  // Whoever counts its requests is told.
  expect(forgotten).toEqual(['a'])
})

test('no more than a few ended versions are remembered, the highest', async () => {
  await restart({ limits: { endedVersionsMax: 2 } })
  for (let version = 1; version <= 5; version++) {
    await world.write('a', version)
    await want('a', `${version}`)
    await vi.waitUntil(() => world.threads.answering('a') === `${version}`, WAIT)
  }

  await expect.poll(() => world.states('a'), WAIT).toEqual(['5 AVAILABLE', '4 END', '3 END'])
})
