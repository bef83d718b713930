// What is refused where it would run, and may stand where nothing runs it.

import { describe, expect, test } from 'vitest'
import type { GraphBuilder } from './graph.ts'
import { calling, functionOf, modelOf, nodeOf } from './unsafe.fixture.ts'
import { unsafeIn } from './unsafe.ts'

const waits = (to: GraphBuilder) => void to.add('QueueDequeueV2', 'wait', ['x'])
const callsHalf = (to: GraphBuilder) => void to.add('half_of', 'y', ['x'])
function trains(to: GraphBuilder): void {
  waits(to)
  to.add('TFRecordReaderV2', 'reader')
  to.add('TFRecordDatasetV2', 'records', ['x'])
}

test.each(['WholeFileReaderV2', 'ReaderReadV2', 'TextLineDataset', 'TFRecordDatasetV2'])(
  '%s is refused where it would run',
  (op) => {
    const model = modelOf({ build: (to) => void to.add(op, 'y', ['x']) })

    expect(unsafeIn(model)).toBe(`the node y is ${op}, which reads files`)
    expect(unsafeIn(model, [op])).toBeUndefined()
  },
)

describe('an operation that is not known only to compute', () => {
  test.each([
    'Barrier',
    'BatchFunction',
    'FIFOQueueV2',
    'GetSessionTensor',
    'IteratorFromStringHandleV2',
    'MutexLock',
    'OneShotIterator',
    'OptionsDataset',
    'PrivateThreadPoolDataset',
    'QueueDequeueV2',
    'SleepDataset',
    'ThreadPoolHandle',
    'Unstage',
  ])('is refused where it would run: %s', (op) => {
    const model = modelOf({ build: (to) => void to.add(op, 'y', ['x']) })

    expect(unsafeIn(model)).toBe(`the node y is ${op}, which is not known only to compute`)
    expect(unsafeIn(model, [op])).toBeUndefined()
  })

  test('is refused as well where TensorFlow does not have it at all', () => {
    const model = modelOf({ build: (to) => void to.add('NoSuchOperation', 'y', ['x']) })

    expect(unsafeIn(model)).toBe(
      'the node y is NoSuchOperation, which TensorFlow 2.15 does not have',
    )
  })

  test('is refused in what runs at a load, and in a function', () => {
    const called = modelOf({
      build: (to) => void to.add('PartitionedCall', 'y', ['x'], calling('f')),
      functions: [functionOf('f', [nodeOf('Unstage')])],
    })

    expect(unsafeIn(modelOf({ build: waits, loading: { initOps: ['wait'] } }))).toBe(
      'the node wait is QueueDequeueV2, which is not known only to compute',
    )
    expect(unsafeIn(called)).toBe(
      'the node Unstage of the function f is Unstage, which is not known only to compute',
    )
  })

  test('may stand where it never runs, as what has trained a model does', () => {
    expect(unsafeIn(modelOf({ build: trains }))).toBeUndefined()
  })

  test('is none where it is a function of the model', () => {
    const functions = [functionOf('half_of', [])]

    expect(unsafeIn(modelOf({ build: callsHalf, functions }))).toBeUndefined()
  })
})
