import { EventEmitter, once } from 'node:events'
import { InferenceError } from '@drover/inference'
import { floatTensor, stringTensor, type Tensor } from '@drover/serving-api'
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import type { BatchingParameters } from '../flags/batching.ts'
import { BatchQueue } from './queue.ts'

const SETTINGS: BatchingParameters = {
  maxBatchSize: 8,
  batchTimeoutMicros: 0,
  maxEnqueuedBatches: 2,
  numBatchThreads: 1,
  allowedBatchSizes: [],
  padVariableLengthInputs: false,
  enableLargeBatchSplitting: false,
  maxExecutionBatchSize: 8,
}
const IN_A_MINUTE = 60_000 + performance.now()

/** A queue over a model that answers its input; what it was run with, by its shapes. */
function makeQueue(settings: Partial<BatchingParameters> = {}) {
  const runs: string[] = []
  const queue = new BatchQueue({ ...SETTINGS, ...settings }, async (inputs) => {
    runs.push(
      Object.values(inputs)
        .map(({ shape }) => shape.join('x'))
        .join(),
    )
    return await Promise.resolve({ y: inputs.x ?? floatTensor([]) })
  })
  const ask = async (x: Tensor) => (await queue.ask({ x }, IN_A_MINUTE)).y
  return { queue, ask, runs }
}

const rows = (...values: number[]) => floatTensor(values, [values.length, 1])

describe('BatchQueue', () => {
  test('runs what arrives together as one and gives each its own rows', async () => {
    const { ask, runs } = makeQueue()
    expect(await Promise.all([ask(rows(1)), ask(rows(2, 3)), ask(rows(4))])).toEqual([
      rows(1),
      rows(2, 3),
      rows(4),
    ])
    expect(runs).toEqual(['4x1'])
  })

  test('closes a batch that is full', async () => {
    const { ask, runs } = makeQueue({ maxBatchSize: 3, maxExecutionBatchSize: 3 })
    await Promise.all([ask(rows(1, 2)), ask(rows(3, 4)), ask(rows(5))])
    expect(runs).toEqual(['2x1', '3x1'])
  })

  test('waits for more as long as it is told to', async () => {
    const { ask, runs } = makeQueue({ batchTimeoutMicros: 200_000, maxExecutionBatchSize: 2 })
    const first = ask(rows(1))
    await new Promise((resolve) => setImmediate(resolve))
    await Promise.all([first, ask(rows(2))])
    expect(runs).toEqual(['2x1'])
  })

  test('fills up to an allowed size and drops the rows that nobody asked for', async () => {
    const { ask, runs } = makeQueue({ allowedBatchSizes: [4, 8] })
    expect(await Promise.all([ask(rows(1)), ask(rows(2))])).toEqual([rows(1), rows(2)])
    expect(runs).toEqual(['4x1'])
  })

  test('pads inputs of other lengths where that is wanted', async () => {
    const { ask } = makeQueue({ padVariableLengthInputs: true })
    const [a, b] = await Promise.all([
      ask(floatTensor([1, 2], [1, 2])),
      ask(floatTensor([3, 4, 5], [1, 3])),
    ])
    expect(a).toEqual(floatTensor([1, 2, 0], [1, 3]))
    expect(b).toEqual(floatTensor([3, 4, 5], [1, 3]))
  })

  test('joins and pads texts', async () => {
    const { ask } = makeQueue({ padVariableLengthInputs: true })
    const [a, b] = await Promise.all([
      ask(stringTensor(['a'], [1, 1])),
      ask(stringTensor(['b', 'c'], [1, 2])),
    ])
    expect([a, b]).toEqual([stringTensor(['a', ''], [1, 2]), stringTensor(['b', 'c'], [1, 2])])
  })

  test('divides a request that is larger than a run may be', async () => {
    const { ask, runs } = makeQueue({ enableLargeBatchSplitting: true, maxExecutionBatchSize: 2 })
    expect(await ask(rows(1, 2, 3, 4, 5))).toEqual(rows(1, 2, 3, 4, 5))
    expect(runs).toEqual(['2x1', '2x1', '1x1'])
  })

  test('one that fails fails for all that ran with it, and no others', async () => {
    const fails = new BatchQueue(SETTINGS, async () => await Promise.reject(new Error('broken')))
    const asked = [fails.ask({ x: rows(1) }, IN_A_MINUTE), fails.ask({ x: rows(2) }, IN_A_MINUTE)]
    const results = await Promise.allSettled(asked)
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  })

  test('answers those that ran with one whose values the model cannot take', async () => {
    const picky = new BatchQueue(SETTINGS, ({ x = rows() }) => {
      if ([...x.values].includes(0)) throw new InferenceError('RUN_FAILED', 'a zero')
      return { y: x }
    })
    const asked = [rows(1), rows(0), rows(2)].map(async (x) => await picky.ask({ x }, IN_A_MINUTE))
    expect(await Promise.allSettled(asked)).toMatchObject([
      { value: { y: rows(1) } },
      { reason: { code: 'RUN_FAILED' } },
      { value: { y: rows(2) } },
    ])
  })

  test.each<[string, Tensor, string, Partial<BatchingParameters>]>([
    ['no first dimension', floatTensor([1], []), 'must have at least one dimension', {}],
    ['too many rows', rows(1, 2, 3), 'Task size 3 is larger than', { maxBatchSize: 2 }],
  ])('refuses %s', async (_what, x, message, settings) => {
    await expect(makeQueue(settings).ask(x)).rejects.toThrow(message)
  })

  test('runs shapes that do not fit together apart, so that none fails for another', async () => {
    const { ask, runs } = makeQueue()
    const answers = await Promise.all([
      ask(floatTensor([1], [1, 1])),
      ask(floatTensor([1, 2], [1, 2])),
      ask(floatTensor([3, 4], [1, 2])),
    ])
    expect(answers[1]).toEqual(floatTensor([1, 2], [1, 2]))
    expect(runs).toEqual(['1x1', '2x2'])
  })

  test('refuses what finds the queue full', async () => {
    const gate = new EventEmitter()
    const queue = new BatchQueue(
      { ...SETTINGS, maxExecutionBatchSize: 1, maxEnqueuedBatches: 1 },
      async (inputs) => {
        await once(gate, 'open')
        return { y: inputs.x ?? rows() }
      },
    )
    const running = queue.ask({ x: rows(1) }, IN_A_MINUTE)
    const waiting = queue.ask({ x: rows(2) }, IN_A_MINUTE)
    await expect(queue.ask({ x: rows(3) }, IN_A_MINUTE)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: 'The batch scheduling queue to which this task was submitted is full',
    })
    gate.emit('open')
    await vi.waitUntil(() => gate.listenerCount('open') > 0)
    gate.emit('open')
    expect(await Promise.all([running, waiting])).toEqual([{ y: rows(1) }, { y: rows(2) }])
  })

  test('whatever comes together, each gets what it would have got alone', async () => {
    const request = fc.array(fc.float({ noNaN: true }), { minLength: 1, maxLength: 8 })
    await fc.assert(
      fc.asyncProperty(fc.array(request, { maxLength: 12 }), async (requests) => {
        const { ask } = makeQueue({ maxEnqueuedBatches: 100, allowedBatchSizes: [1, 2, 4, 8] })
        const answers = await Promise.all(
          requests.map(async (values) => await ask(rows(...values))),
        )
        expect(answers).toEqual(requests.map((values) => rows(...values)))
      }),
    )
  })
})
