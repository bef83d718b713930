import { availableParallelism } from 'node:os'
import { describe, expect, test } from 'vitest'
import { BATCHING_DEFAULTS, parseBatchingParameters } from './batching.ts'

test('an empty file means the defaults of upstream', () => {
  expect(parseBatchingParameters('')).toEqual({
    maxBatchSize: 1_000,
    batchTimeoutMicros: 0,
    maxEnqueuedBatches: 10,
    numBatchThreads: availableParallelism(),
    allowedBatchSizes: [],
    padVariableLengthInputs: false,
    enableLargeBatchSplitting: false,
    maxExecutionBatchSize: 1_000,
  })
  expect(BATCHING_DEFAULTS).toEqual(parseBatchingParameters(''))
})

test('values are read from their wrappers', () => {
  const text = `
    max_batch_size { value: 128 }        # rows
    batch_timeout_micros: { value: 0x3e8 }
    max_enqueued_batches < value: 1000000 >
    num_batch_threads { value: 8 };
    thread_pool_name { value: 'batches' }
    pad_variable_length_inputs: true
    enable_large_batch_splitting { value: t }
    max_execution_batch_size { value: 32 }
    allowed_batch_sizes: 8, allowed_batch_sizes: [16, 32]`

  expect(parseBatchingParameters(text)).toEqual({
    maxBatchSize: 128,
    batchTimeoutMicros: 1_000,
    maxEnqueuedBatches: 1_000_000,
    numBatchThreads: 8,
    allowedBatchSizes: [8, 16, 32],
    padVariableLengthInputs: true,
    enableLargeBatchSplitting: true,
    maxExecutionBatchSize: 32,
  })
})

test('an empty wrapper means 0, and a queue of 0 batches is one of 1', () => {
  expect(parseBatchingParameters('batch_timeout_micros {} max_enqueued_batches {}')).toMatchObject({
    batchTimeoutMicros: 0,
    maxEnqueuedBatches: 1,
  })
})

test('without splitting, batches are as large as requests may be', () => {
  const text = 'max_batch_size { value: 8 } max_execution_batch_size { value: 64 }'

  expect(parseBatchingParameters(text).maxExecutionBatchSize).toBe(8)
})

describe('is refused, with its place:', () => {
  const faults: [string, string][] = [
    ['max_batch_size: 128', '1:17: expected a message'],
    ['max_batch_size { value: "128" }', '1:25: expected an integer'],
    ['max_batch_size { value: 1e3 }', '1:25: expected an integer'],
    ['max_batch_size { value: 99999999999999999999 }', '1:25: expected an integer of at most'],
    ['max_batch_size { size: 128 }', '1:22: there is no field named "size" here'],
    ['\n  max_batchsize { value: 1 }', '2:17: there is no field named "max_batchsize" here'],
    ['constructor: 1', '1:12: there is no field named "constructor" here'],
    [
      'max_batch_size { value: 1 } max_batch_size { value: 2 }',
      '1:44: Non-repeated field "max_batch_size" is specified multiple times.',
    ],
    ['pad_variable_length_inputs: yes', '1:29: expected true or false'],
    ['thread_pool_name { value: 5 }', '1:27: expected a string'],
    ['max_batch_size { value: 0 }', '1:16: max_batch_size must be positive; was 0'],
    ['max_batch_size { value: -4 }', '1:16: max_batch_size must be positive; was -4'],
    [
      'batch_timeout_micros { value: -1 }',
      '1:22: batch_timeout_micros must be non-negative; was -1',
    ],
    ['num_batch_threads {}', '1:19: num_batch_threads must be positive; was 0'],
    [
      'enable_large_batch_splitting { value: true } max_enqueued_batches {}',
      '1:67: max_enqueued_batches must be positive; was 0',
    ],
    [
      'enable_large_batch_splitting { value: true } max_execution_batch_size { value: 2000 }',
      '1:71: max_batch_size must be greater than or equal to max_execution_batch_size',
    ],
    [
      'allowed_batch_sizes: 8',
      '1:22: Last entry in allowed_batch_sizes must match max_batch_size; last entry was 8; ' +
        'expected 1000',
    ],
    [
      'enable_large_batch_splitting { value: true } allowed_batch_sizes: 8 ' +
        'max_execution_batch_size { value: 16 }',
      'must match max_execution_batch_size; last entry was 8; expected 16',
    ],
    ['allowed_batch_sizes: [8, 8, 1000]', 'must be positive and monotonically increasing'],
    ['allowed_batch_sizes: [0, 1000]', 'must be positive and monotonically increasing'],
    ['max_batch_size { value: 1', '1:26: Expected identifier, got: '],
  ]
  test.each(faults)('%s', (text, message) => {
    expect(() => parseBatchingParameters(text)).toThrow(message)
  })
})
