import type { Servable } from '@drover/inference'
import { makeLog } from '@drover/service'
import { floatTensor, type Tensor } from '@drover/serving-api'
import { expect, test, vi } from 'vitest'
import { type Limits, LIMITS } from '../limits.ts'
import { Models } from './models.ts'

const log = makeLog('test')
log.level = 'silent'
const WAIT = { timeout: 30_000, interval: 5 }
const INPUTS = { x: floatTensor([1]) }

/** Loads and runs that end when the test says so: what takes long in life is the engine's. */
function startModels(limits: Partial<Limits> = {}, timeoutMs = 10_000) {
  const loads = new Map<string, { done: (servable?: Servable) => void; fail: () => void }>()
  const runs: (() => void)[] = []
  const closed: string[] = []
  const servable = (directory: string): Servable => ({
    engine: 'onnx',
    signatures: {},
    sizeBytes: 1,
    run: async () =>
      await new Promise<Record<string, Tensor>>((resolve) => {
        runs.push(() => resolve(INPUTS))
      }),
    close: async () => {
      await Promise.resolve()
      closed.push(directory)
    },
  })
  const models = new Models({
    log,
    limits: { ...LIMITS, ...limits },
    timeoutMs,
    load: async (directory) =>
      await new Promise<Servable>((resolve, reject) => {
        loads.set(directory, {
          done: () => resolve(servable(directory)),
          fail: () => reject(new Error(`${directory} is broken`)),
        })
      }),
  })
  const want = async (name: string, ...versions: number[]) => {
    const wanted = versions.map((version) => ({ version, directory: `${name}/${version}` }))
    await models.want([{ name, versions: wanted, labels: {} }])
  }
  const loading = async (directory: string) => {
    await vi.waitUntil(() => loads.has(directory), WAIT)
    const load = loads.get(directory)
    loads.delete(directory)
    return load
  }
  const statesOf = (name: string) =>
    models.statusOf({ name }).map(({ version, state }) => `${version} ${state}`)
  return { models, loads, loading, runs, closed, want, statesOf }
}

test('a few versions load at a time, and the others wait', async () => {
  const { loads, loading, want, models } = startModels({ loadsAtOnceMax: 2 })
  const wanted = ['a', 'b', 'c', 'd'].map(async (name) => await want(name, 1))
  await vi.waitUntil(() => loads.size === 2, WAIT)

  expect(models.list().versions.map(({ state }) => state)).toEqual([
    'LOADING',
    'LOADING',
    'START',
    'START',
  ])

  for (const name of ['b', 'a', 'c', 'd']) (await loading(`${name}/1`))?.done()
  await Promise.all(wanted)
  expect(models.list().versions.map(({ state }) => state)).toEqual(Array(4).fill('AVAILABLE'))
})

test('an old version answers until its last request is over, and then is closed', async () => {
  const { models, loading, runs, closed, want, statesOf } = startModels()
  const first = want('a', 1)
  ;(await loading('a/1'))?.done()
  await first
  const answer = models.run(models.find({ name: 'a' }), 's', INPUTS)

  const second = want('a', 2)
  ;(await loading('a/2'))?.done()
  await second
  expect(statesOf('a')).toEqual(['1 UNLOADING', '2 AVAILABLE'])
  expect(closed).toEqual([])

  runs[0]?.()
  expect(await answer).toEqual(INPUTS)
  await vi.waitUntil(() => closed.length > 0, WAIT)
  expect(closed).toEqual(['a/1'])
  await vi.waitUntil(() => statesOf('a').includes('1 END'), WAIT)
})

test('a version that takes too long to load has failed, and is closed when it comes', async () => {
  const { loading, closed, want, models } = startModels({ loadMsMax: 20 })
  const wanted = want('a', 1)
  const load = await loading('a/1')
  await wanted

  expect(models.list().versions).toMatchObject([{ state: 'END', error: 'It took more than 20 ms' }])

  load?.done()
  await vi.waitUntil(() => closed.length > 0, WAIT)
  expect(closed).toEqual(['a/1'])
})

test('a load that hangs holds up nobody else', async () => {
  const { loading, want, models } = startModels({ loadMsMax: 50, loadsAtOnceMax: 1 })
  void want('hangs', 1)
  await loading('hangs/1')

  const good = want('good', 1)
  ;(await loading('good/1'))?.done()
  await good

  expect(models.find({ name: 'good' }).version.state).toBe('AVAILABLE')
})

test('a model that was removed while it waited is never loaded', async () => {
  const { loading, loads, want, statesOf } = startModels({ loadsAtOnceMax: 1 })
  const first = want('a', 1)
  const second = want('b', 1)
  await want('b')
  ;(await loading('a/1'))?.done()
  await Promise.all([first, second])

  expect(statesOf('b')).toEqual(['1 END'])
  expect(loads.has('b/1')).toBe(false)
})

test('more requests of a model than may wait are told to come later', async () => {
  const { models, loading, runs, want } = startModels({ waitingMax: 2 })
  const wanted = Promise.all([want('a', 1), want('b', 1)])
  ;(await loading('a/1'))?.done()
  ;(await loading('b/1'))?.done()
  await wanted
  const run = async (name: string) => await models.run(models.find({ name }), 's', INPUTS)
  const answers = [run('a'), run('a')]

  await expect(run('a')).rejects.toMatchObject({ code: 'UNAVAILABLE' })

  answers.push(run('b'))
  for (const finish of runs.splice(0)) finish()
  await Promise.all(answers)
  answers.push(run('a'))
  runs[0]?.()
  expect(await answers.at(-1)).toEqual(INPUTS)
})

test('a request that takes too long is given up and goes on counting until it is over', async () => {
  const { models, loading, runs, want } = startModels({ waitingMax: 1 }, 20)
  const wanted = want('a', 1)
  ;(await loading('a/1'))?.done()
  await wanted
  const run = async () => await models.run(models.find({ name: 'a' }), 's', INPUTS)

  await expect(run()).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' })

  await expect(run()).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  runs[0]?.()
  await vi.waitUntil(() => models.find({ name: 'a' }).model.waiting === 0, WAIT)
})

test('the status of gone models is told until others went after them', async () => {
  const { loading, want, statesOf, models } = startModels({ goneModelsMax: 1 })
  for (const name of ['a', 'b']) {
    const wanted = want(name, 1)
    ;(await loading(`${name}/1`))?.done()
    await wanted
    await want(name)
    await vi.waitUntil(() => statesOf(name).includes('1 END'), WAIT)
  }

  expect(statesOf('b')).toEqual(['1 END'])
  expect(() => statesOf('a')).toThrow('Could not find any versions of model a')
  expect(models.list()).toEqual({ versions: [] })
})
