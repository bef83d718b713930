import { Worker } from 'node:worker_threads'
import { attr, GraphBuilder, readSavedModel } from '@drover/saved-model'
import { floatTensor, stringTensor, type Tensor } from '@drover/serving-api'
import { describe, expect, test } from 'vitest'
import { denseModel, info, modelBytes, slowModel, textModel } from '../sample-models.ts'
import { compileKernels, type KernelModel } from './compile.ts'
import { openKernels } from './engine.ts'
import { KernelMemory } from './memory.ts'

const T = attr.type('DT_FLOAT')
const MAIN = 'serving_default'
const memory = new KernelMemory()

function compiled(bytes: Uint8Array, into = memory): KernelModel {
  const model = compileKernels(readSavedModel(bytes), into)
  if ('reason' in model) throw new Error(model.reason)
  return model
}

const open = (bytes: Uint8Array) => openKernels(compiled(bytes).message)
const randomRows = (rows: number, width: number): Tensor => {
  const values = new Float32Array(rows * width)
  for (let index = 0; index < values.length; index++) values[index] = Math.sin(index * 1.7)
  return { dtype: 'DT_FLOAT', shape: [rows, width], values }
}

/** A model of one signature `main` from `x`, of rows of any width, to `y`. */
function modelFrom(build: (builder: GraphBuilder, x: string) => string): Uint8Array {
  const builder = new GraphBuilder()
  const y = build(builder, builder.add('Placeholder', 'x', [], { dtype: T }))
  return modelBytes(builder, {
    main: {
      inputs: { x: info('x:0', 'DT_FLOAT', [-1, -1]) },
      outputs: { y: info(`${y}:0`, 'DT_FLOAT', 'unknown') },
    },
  })
}

describe('a request', () => {
  test('of one row is answered at once', () => {
    const answer = open(denseModel([784, 128, 10])).run(MAIN, { x: randomRows(1, 784) })

    expect(answer).not.toBeInstanceOf(Promise)
  })

  test('of many rows lets others run in between', async () => {
    const x = randomRows(6_000, 784)

    const answer = open(denseModel([784, 128, 10])).run(MAIN, { x })
    let turns = 0
    const count = setInterval(() => turns++, 1)
    const { scores } = await answer
    clearInterval(count)

    expect(answer).toBeInstanceOf(Promise)
    expect(turns).toBeGreaterThan(5)
    expect(scores?.shape).toEqual([6_000, 10])
  })

  test('that nobody waits for any more ends', async () => {
    const engine = open(denseModel([784, 128, 10]))
    const x = randomRows(6_000, 784)

    const running = async () =>
      await engine.run(MAIN, { x }, { deadlineMs: performance.now() + 10 })

    await expect(running()).rejects.toMatchObject({ code: 'TIMEOUT' })
  })

  test('gets the outputs that it wants', async () => {
    const answer = await open(textModel()).run(
      MAIN,
      { text: stringTensor(['hello']) },
      { outputs: ['label'] },
    )

    expect(Object.keys(answer)).toEqual(['label'])
  })

  test('that the model cannot take is the mistake of who asks', () => {
    const engine = open(denseModel([4, 2]))

    const ask = () => engine.run(MAIN, { x: floatTensor([1, 2, 3], [1, 3]) })

    expect(ask).toThrow(
      expect.objectContaining({
        code: 'INVALID_INPUT',
        message:
          'MatMul (node product0) failed: Matrix size-incompatible: In[0]: [1,3], In[1]: [4,2]',
      }),
    )
  })

  test('to a model that was closed is refused', async () => {
    const engine = open(denseModel([4, 2]))
    await engine.close()

    const ask = () => engine.run(MAIN, { x: randomRows(1, 4) })

    expect(ask).toThrow(expect.objectContaining({ code: 'UNAVAILABLE' }))
  })
})

test('a model that takes long for a row, or of which nobody knows, is for another engine', () => {
  const reasonOf = (bytes: Uint8Array) => compileKernels(readSavedModel(bytes), memory)

  expect(reasonOf(denseModel([2_100, 2_000]))).toEqual({
    reason: expect.stringContaining('multiply-adds'),
  })
  expect(reasonOf(slowModel())).toEqual({
    reason: expect.stringMatching(/^.*: Fill \(node product0\) would take about .* allowed$/),
  })
})

test('an answer is never the memory of the model', async () => {
  const table = Float32Array.from({ length: 400 }, (_, index) => index)
  const bytes = modelFrom((builder) => builder.constant('table', floatTensor(table, [200, 2])))
  const model = compiled(bytes)

  const { y } = await openKernels(model.message).run('main', { x: randomRows(1, 2) })
  model.free()
  compiled(denseModel([100, 100]))

  expect(y).toEqual(floatTensor(table, [200, 2]))
})

const THREAD = `
  const { parentPort, workerData } = require('node:worker_threads')
  import(workerData).then(({ openKernels }) => {
    parentPort.on('message', async ({ message, x, times }) => {
      const engine = openKernels(message)
      const answers = new Set()
      for (let time = 0; time < times; time++)
        answers.add((await engine.run('serving_default', { x })).scores.values.join())
      parentPort.postMessage([...answers])
    })
    parentPort.postMessage('ready')
  })
`

const next = async (worker: Worker): Promise<unknown> =>
  await new Promise((resolve) => worker.once('message', resolve))

test('threads run one model at once and agree', async () => {
  const { message } = compiled(denseModel([784, 128, 10]))
  const url = new URL('../../dist/kernel/index.js', import.meta.url).href
  const workers = [1, 2].map(
    () => new Worker(THREAD, { eval: true, execArgv: [], workerData: url }),
  )
  await Promise.all(workers.map(next))
  const xs = [randomRows(1, 784), floatTensor(new Float32Array(784).fill(0.5), [1, 784])]

  const found = workers.map(next)
  for (const [index, worker] of workers.entries())
    worker.postMessage({ message, x: xs[index], times: 3_000 }, [])
  const engine = openKernels(message)
  const expected = await Promise.all(xs.map(async (x) => await engine.run(MAIN, { x })))

  expect(await Promise.all(found)).toEqual(
    expected.map(({ scores }) => [[...(scores?.values ?? [])].join()]),
  )
  await Promise.all(workers.map(async (worker) => await worker.terminate()))
})

test(
  'thousands of loads take no more memory than those that are held',
  { timeout: 16_000 },
  async () => {
    const own = new KernelMemory()
    const bytes = denseModel([64, 32, 4])
    const x = randomRows(1, 64)
    const held = Array.from({ length: 50 }, () => compiled(bytes, own))
    const used = own.usedBytes

    for (let cycle = 0; cycle < 2_000; cycle++) {
      const oldest = held.shift()
      oldest?.free()
      const model = compiled(bytes, own)
      await openKernels(model.message).run(MAIN, { x })
      held.push(model)
    }

    // V8 writes a number in more bytes when it holds it otherwise: a line of the cache for each model.
    expect(own.usedBytes).toBeLessThanOrEqual(used + 64 * held.length)
    expect(own.slabs).toBe(1)
  },
)

test('models take little beside their weights', () => {
  expect(compiled(denseModel([784, 128, 10])).residentBytes).toBeLessThan(410 * 1_024)
  expect(compiled(denseModel([16, 32, 3])).residentBytes).toBeLessThan(6 * 1_024)
})
