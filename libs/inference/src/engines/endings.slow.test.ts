// What happens when threads and processes of engines end.

import { strict as assert } from 'node:assert'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { Worker } from 'node:worker_threads'
import { floatTensor, stringTensor, type Tensor } from '@drover/serving-api'
import { afterAll, describe, expect, test, vi } from 'vitest'
import { startAskingThread, startSampleEngines } from '../sample-engines.ts'
import { startFolder } from '../sample-folder.ts'
import { denseModel, foreignModel, slowModel, textModel } from '../sample-models.ts'
import type { LoadedModel, Shared } from './loaded-model.ts'

const folder = await startFolder()
const SETTLES = { timeout: 30_000, interval: 20 }
const CYCLES = 500
const GROWTH_BYTES_MAX = 48 * 2 ** 20
const LARGE_WIDTHS = [1_500, 1_500, 4]
/** Half a second and more. */
const LARGE_ROWS = 5_000

const rows = (count: number) => floatTensor(new Float32Array(count * 1_500), [count, 1_500])

afterAll(async () => await folder[Symbol.asyncDispose]())

const four = { x: floatTensor([1, 2, 3, 4], [1, 4]) }
const five = { x: floatTensor([5]) }
/** So many words that a thread with little memory ends over them. */
const much = { text: stringTensor(['a b c d '.repeat(4_000_000)]) }
const small = await folder.add(denseModel([4, 8, 3]))

const onnx = { engine: 'onnx' } as const
const runFour = async ({ servable }: LoadedModel) => await servable.run('serving_default', four)

describe('a thread of onnxruntime that ends', () => {
  test('is started again with its models, and the other threads do not notice', async () => {
    await using own = startSampleEngines({ onnxThreads: 2 })
    const ended = await own.engines.load(small, onnx)
    const other = await own.engines.load(small, onnx)
    await using thread = startAskingThread(ended.share())
    const before = await runFour(ended)
    await thread.ask(four)

    await own.threads('onnx-thread')[0]?.worker.terminate()

    await runFour(other)
    const after = await vi.waitFor(async () => await runFour(ended), SETTLES)
    expect(after).toEqual(before)
    await vi.waitFor(async () => {
      expect((await thread.ask(four)).answers).toEqual(before)
    }, SETTLES)
    expect(own.threads('onnx-thread')).toHaveLength(3)
  })

  test('costs the requests in it, as UNAVAILABLE', async () => {
    await using own = startSampleEngines({ heapMiB: 48 })
    const greedy = await own.engines.load(await folder.add(textModel()), onnx)
    const harmless = await own.engines.load(small, onnx)
    await runFour(harmless)

    const settled = await Promise.allSettled([
      greedy.servable.run('serving_default', much),
      ...[1, 2, 3].map(async () => await runFour(harmless)),
    ])

    for (const each of settled)
      expect(each).toMatchObject({ status: 'rejected', reason: { code: 'UNAVAILABLE' } })
    await vi.waitFor(async () => await runFour(harmless), SETTLES)
  })

  test('by a model again and again goes on without that model', async () => {
    await using own = startSampleEngines({ heapMiB: 48 })
    const greedy = await own.engines.load(await folder.add(textModel()), onnx)
    const harmless = await own.engines.load(small, onnx)
    const kills: unknown[] = []

    while (kills.length < 3) {
      await vi.waitFor(async () => await runFour(harmless), SETTLES)
      await vi.waitFor(async () => {
        const isGone = await Promise.resolve(greedy.servable.run('serving_default', much)).then(
          () => false,
          ({ message }: Error) => message === 'the thread that runs the model ended',
        )
        expect(isGone).toBe(true)
      }, SETTLES)
      kills.push(own.threads('onnx-thread').at(-1))
    }

    expect(await greedy.lost).toMatchObject({
      code: 'CRASHED',
      message: 'the model ended its thread 3 times',
    })
    await vi.waitFor(async () => await runFour(harmless), SETTLES)
    const running = async () => await greedy.servable.run('serving_default', much)
    await expect(running).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(own.threads('onnx-thread')).toHaveLength(4)
  })

  test('gives up a model whose folder is gone', async () => {
    await using own = startSampleEngines({})
    const directory = await folder.add(denseModel([4, 8, 3]))
    const model = await own.engines.load(directory, onnx)
    await rm(directory, { recursive: true })

    await own.threads('onnx-thread')[0]?.worker.terminate()

    expect(await model.lost).toMatchObject({
      message: 'the model could not be loaded again',
      cause: { code: 'LOAD_FAILED' },
    })
  })
})

test('a loader that ends costs the load in it, and loads the next', async () => {
  await using own = startSampleEngines({})
  await own.engines.load(small)
  const [thread] = own.threads('loader-thread')
  assert(thread !== undefined)
  const told = vi.spyOn(thread.worker, 'postMessage')
  const loading = own.engines.load(await folder.add(denseModel(LARGE_WIDTHS)))
  await vi.waitUntil(() => told.mock.calls.length > 0, { interval: 1 })
  const waiting = own.engines.load(small)

  await thread.worker.terminate()

  await expect(loading).rejects.toMatchObject({ code: 'CRASHED' })
  expect(await waiting).toMatchObject({ engine: 'kernel' })
})

describe('the process of TensorFlow', () => {
  test('that is killed costs its requests, and is there again for every thread', async () => {
    await using own = startSampleEngines({})
    const slow = await own.engines.load(await folder.add(slowModel()), { engine: 'tensorflow' })
    const model = await own.engines.load(await folder.add(foreignModel()))
    await using thread = startAskingThread(model.share())
    const before = await thread.ask(five)
    await using slowThread = startAskingThread(slow.share())
    const running = slowThread.ask({ x: floatTensor([0.001], []) })
    await vi.waitFor(async () => {
      // It is at work when another one has to wait behind it.
      const late = await thread.ask(five, { deadlineMs: performance.now() + 100 })
      expect(late.error).toMatchObject({ code: 'TIMEOUT' })
    }, SETTLES)

    process.kill(own.engines.tensorflowPid ?? 0, 'SIGKILL')

    expect((await running).error).toMatchObject({ code: 'UNAVAILABLE' })
    await vi.waitFor(async () => expect(await thread.ask(five)).toEqual(before), SETTLES)
  })
})

test('more calls of one model than may wait are UNAVAILABLE', async () => {
  await using own = startSampleEngines({ waitingMax: 3 })
  const model = await own.engines.load(await folder.add(foreignModel()))

  const settled = await Promise.allSettled(
    Array.from({ length: 10 }, async () => await model.servable.run('serving_default', five)),
  )

  const refused = settled.filter(({ status }) => status === 'rejected')
  expect(refused).toHaveLength(5)
  expect(refused[0]).toMatchObject({ reason: { code: 'UNAVAILABLE' } })
})

test('a thread in the middle of a run ends after it, and takes nothing with it', async () => {
  const own = startSampleEngines({})
  const model = await own.engines.load(await folder.add(denseModel(LARGE_WIDTHS)), onnx)
  const run = async (x: Tensor) => await model.servable.run('serving_default', { x })
  await run(rows(1))
  // Made before: nothing that takes time comes between the first run's beginning and the end.
  const inputs = [rows(LARGE_ROWS), rows(1), rows(1)]
  const running = Promise.allSettled(inputs.map(run))

  await own[Symbol.asyncDispose]()

  for (const settled of await running)
    expect(settled).toMatchObject({ reason: { code: 'UNAVAILABLE' } })
  expect(own.threads('onnx-thread').map(({ hasEnded }) => hasEnded)).toEqual([true])
})

/** Threads that may run models in kernels at once. */
const THREADS_MAX = 32

const CLAIMING = `
  const { parentPort, workerData, threadId } = require('node:worker_threads')
  import(workerData.built).then(({ openSlab }) => {
    parentPort.postMessage({ threadId, scratch: openSlab(workerData.slab).workshop.scratch })
    parentPort.on('message', () => {})
  })
`

/** A thread that is about to run layers of a model, and stays. */
function startClaiming({ message }: Shared): Worker {
  assert(message.engine === 'kernel')
  const built = new URL('../../dist/kernel/slab.js', import.meta.url).href
  const workerData = { built, slab: message.kernel.slab }
  return new Worker(CLAIMING, { eval: true, execArgv: [], workerData })
}

test('a thread that has ended leaves its place to another once that is told, and not before', async () => {
  await using own = startSampleEngines({})
  const model = await own.engines.load(small)
  const workers = Array.from({ length: THREADS_MAX }, () => startClaiming(model.share()))
  const claims = await Promise.all(
    workers.map(async (worker) => (await once(worker, 'message'))[0]),
  )
  expect(new Set(claims.map(({ scratch }) => scratch)).size).toBe(THREADS_MAX)
  await Promise.all(workers.map(async (worker) => await worker.terminate()))
  const [refused, taken, last] = [1, 2, 3].map(() => startAskingThread(model.share()))
  expect((await refused?.ask(four))?.error).toMatchObject({
    code: 'UNAVAILABLE',
    message: 'more than 32 threads run models',
  })

  await own.engines.forgetThread(claims[7].threadId)

  expect((await taken?.ask(four))?.answers).toBeDefined()
  expect((await last?.ask(four))?.error).toMatchObject({ code: 'UNAVAILABLE' })
  for (const each of [refused, taken, last]) await each?.[Symbol.asyncDispose]()
})

test('all threads and the process end with the engines, whatever they are doing', async () => {
  const own = startSampleEngines({})
  const model = await own.engines.load(small, onnx)
  const slow = await own.engines.load(await folder.add(slowModel()), { engine: 'tensorflow' })
  const pid = own.engines.tensorflowPid ?? 0
  const running = Promise.allSettled([
    slow.servable.run('serving_default', { x: floatTensor([0.001], []) }),
  ])

  await own[Symbol.asyncDispose]()

  expect(await running).toMatchObject([{ reason: { code: 'UNAVAILABLE' } }])
  expect(() => process.kill(pid, 0)).toThrow('ESRCH')
  const threads = [...own.threads('loader-thread'), ...own.threads('onnx-thread')]
  expect(threads.map(({ hasEnded }) => hasEnded)).toEqual([true, true])
  await expect(async () => await runFour(model)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  await expect(own.engines.load(small)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
})

test.each(['fast', 'onnx'] as const)(
  'loading and closing again and again takes no more memory: %s',
  async (engine) => {
    await using own = startSampleEngines({})
    const cycle = async () => {
      const model = await own.engines.load(small, { engine })
      await runFour(model)
      await model.close()
    }
    for (let count = 0; count < CYCLES; count++) await cycle()
    const before = process.memoryUsage.rss()

    for (let count = 0; count < CYCLES; count++) await cycle()

    expect(process.memoryUsage.rss() - before).toBeLessThan(GROWTH_BYTES_MAX)
  },
)
