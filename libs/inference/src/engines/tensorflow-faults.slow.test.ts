// What a slow model and the end of TensorFlow's process cost the other models: nothing.

import { floatTensor } from '@drover/serving-api'
import { afterAll, expect, test, vi } from 'vitest'
import { startSampleEngines } from '../sample-engines.ts'
import { startFolder } from '../sample-folder.ts'
import { foreignModel, slowModel } from '../sample-models.ts'
import type { EnginesOptions } from './engines.ts'
import type { LoadedModel } from './loaded-model.ts'

const folder = await startFolder()
const SETTLES = { timeout: 60_000, interval: 20 }
/** Longer than any limit of these tests; and such as ends by itself after a second or two. */
const [slowDirectory, heavyDirectory] = [
  await folder.add(slowModel()),
  await folder.add(slowModel(1_500)),
]
const foreignDirectory = await folder.add(foreignModel())
const SLOW_MS = 300
const OTHERS_MS = 30_000
const OTHERS = 3

afterAll(async () => await folder[Symbol.asyncDispose]())

const five = { x: floatTensor([5]) }
const scalar = { x: floatTensor([0.001], []) }

async function start(tensorflow: EnginesOptions['tensorflow'] = {}) {
  const own = startSampleEngines({ tensorflow })
  const load = async (directory: string) =>
    await own.engines.load(directory, { engine: 'tensorflow' })
  return { ...own, load, other: await load(foreignDirectory) }
}

/** The code of what it fails with, or `fulfilled`. */
async function outcomeOf(running: Promise<unknown>): Promise<string> {
  const [settled] = await Promise.allSettled([running])
  return settled.status === 'fulfilled' ? 'fulfilled' : settled.reason.code
}

const runSlow = async ({ servable }: LoadedModel, leftMs = SLOW_MS) =>
  await outcomeOf(
    Promise.resolve(
      servable.run('serving_default', scalar, { deadlineMs: performance.now() + leftMs }),
    ),
  )

const runOther = async ({ servable }: LoadedModel, leftMs = OTHERS_MS) =>
  await outcomeOf(
    Promise.resolve(
      servable.run('serving_default', five, { deadlineMs: performance.now() + leftMs }),
    ),
  )

/** Asks a model all the time, some requests at once, until one fails; `stop` tells how they went. */
function startAsking(model: LoadedModel) {
  const outcomes: string[] = []
  const stopping = new AbortController()
  const asking = Array.from({ length: OTHERS }, async () => {
    let last = 'fulfilled'
    while (!stopping.signal.aborted && last === 'fulfilled')
      outcomes.push((last = await runOther(model)))
  })
  return async () => {
    stopping.abort()
    await Promise.all(asking)
    return outcomes
  }
}

/** Resolves when a run of another model keeps this one from its turn. */
const untilBusy = async (model: LoadedModel): Promise<void> =>
  await vi.waitFor(async () => expect(await runOther(model, 100)).toBe('TIMEOUT'), SETTLES)

test('all requests of the others succeed while one model overruns its limit twice', async () => {
  await using own = await start({ runTimeoutMs: SLOW_MS, runLimitMs: 1_000 })
  const slow = await own.load(slowDirectory)
  const { residentBytes } = slow
  const first = own.engines.tensorflowPid
  const stop = startAsking(own.other)

  expect(await runSlow(slow)).toBe('TIMEOUT')
  await vi.waitUntil(() => own.engines.tensorflowOwnPids.length === 1, SETTLES)
  const [alone] = own.engines.tensorflowOwnPids
  expect(slow.residentBytes).toBeGreaterThan(residentBytes)
  await vi.waitUntil(() => ![first, undefined].includes(own.engines.tensorflowPid), SETTLES)
  const second = own.engines.tensorflowPid
  await vi.waitUntil(async () => {
    expect(await runSlow(slow)).toMatch(/^(TIMEOUT|UNAVAILABLE)$/)
    return ![alone, undefined].includes(own.engines.tensorflowOwnPids[0])
  }, SETTLES)
  const outcomes = await stop()

  expect(new Set(outcomes)).toEqual(new Set(['fulfilled']))
  expect(outcomes.length).toBeGreaterThan(OTHERS)
  expect(own.engines.tensorflowPid).toBe(second)
})

test('a run past its deadline fails its own caller, and the process goes on', async () => {
  await using own = await start({ runLimitMs: 60_000, holdLimitMs: 60_000 })
  const heavy = await own.load(heavyDirectory)
  const before = own.engines.tensorflowPid

  const running = runSlow(heavy, 50)
  const others = await Promise.all([1, 2, 3].map(async () => await runOther(own.other)))

  expect(await running).toBe('TIMEOUT')
  expect(others).toEqual(['fulfilled', 'fulfilled', 'fulfilled'])
  expect(own.engines.tensorflowPid).toBe(before)
})

test('a model that only held up the others goes on in a process of its own', async () => {
  await using own = await start({ runLimitMs: 60_000 })
  const slow = await own.load(slowDirectory)
  void runSlow(slow)

  await vi.waitUntil(() => own.engines.tensorflowOwnPids.length === 1, SETTLES)
  const waits = runSlow(slow, 1_000)

  expect(await waits).toBe('TIMEOUT')
})

test('a model that had the process killed is UNAVAILABLE until it is loaded in another', async () => {
  await using own = await start({ runTimeoutMs: 50, runLimitMs: 200 })
  const slow = await own.load(slowDirectory)
  const before = own.engines.tensorflowPid
  const killed = slow.servable.run('serving_default', scalar)

  await expect(killed).rejects.toMatchObject({ code: 'TIMEOUT' })
  const refused = slow.servable.run('serving_default', scalar)

  await expect(refused).rejects.toMatchObject({ code: 'UNAVAILABLE', retryAfterMs: 1_000 })
  await vi.waitFor(async () => expect(await runSlow(slow)).toBe('TIMEOUT'), SETTLES)
  expect(await runOther(own.other)).toBe('fulfilled')
  expect(own.engines.tensorflowPid).not.toBe(before)
})

test('a SIGKILL costs the run that had begun, and no other', async () => {
  await using own = await start()
  const slow = await own.load(slowDirectory)
  const running = runSlow(slow, OTHERS_MS)
  await untilBusy(own.other)
  const others = Array.from({ length: 20 }, async () => await runOther(own.other))

  process.kill(own.engines.tensorflowPid ?? 0, 'SIGKILL')

  expect(await running).toBe('UNAVAILABLE')
  expect(new Set(await Promise.all(others))).toEqual(new Set(['fulfilled']))
  expect(own.engines.tensorflowOwnPids).toEqual([])
})

test('requests do not wait for a process that never comes up', async () => {
  await using own = await start()
  const { other } = own

  const refusal = await vi.waitUntil(async () => {
    const pid = own.engines.tensorflowPid
    if (pid !== undefined) process.kill(pid, 'SIGKILL')
    const deadlineMs = performance.now() + 50
    const [settled] = await Promise.allSettled([
      other.servable.run('serving_default', five, { deadlineMs }),
    ])
    return settled.status === 'rejected' && settled.reason.code === 'UNAVAILABLE'
      ? settled.reason
      : undefined
  }, SETTLES)

  expect(refusal).toMatchObject({ message: 'TensorFlow is starting again' })
  expect(refusal.retryAfterMs).toBeGreaterThan(0)
  await vi.waitFor(async () => expect(await runOther(other)).toBe('fulfilled'), SETTLES)
})

test('of models with processes of their own the oldest offender goes back to the others', async () => {
  await using own = await start({ runTimeoutMs: SLOW_MS, runLimitMs: 800, ownProcessesMax: 1 })
  const [one, two] = [await own.load(slowDirectory), await own.load(slowDirectory)]
  const { residentBytes } = one
  const offend = async (model: LoadedModel) =>
    await vi.waitFor(async () => {
      await runSlow(model)
      expect(model.residentBytes).toBeGreaterThan(residentBytes)
    }, SETTLES)

  await offend(one)
  await offend(two)

  expect(one.residentBytes).toBe(residentBytes)
  expect(own.engines.tensorflowOwnPids.length).toBeLessThanOrEqual(1)
  expect(await runOther(own.other)).toBe('fulfilled')
})
