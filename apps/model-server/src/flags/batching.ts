import { availableParallelism } from 'node:os'
import { TextMessage, WRAPPED } from './text-message.ts'

/** How requests of one model that come together are run as one. */
export interface BatchingParameters {
  /** Rows of one request at most; of one batch too, unless large batches are split. */
  readonly maxBatchSize: number
  /** How long the first of a batch waits for others. */
  readonly batchTimeoutMicros: number
  /** Batches that wait at most; then requests are refused. */
  readonly maxEnqueuedBatches: number
  /** Batches that run at a time. */
  readonly numBatchThreads: number
  /** A batch is filled up to the next of these, which rise; any size where there are none. */
  readonly allowedBatchSizes: readonly number[]
  /** Whether inputs of other shapes may meet in one batch, filled up to the largest. */
  readonly padVariableLengthInputs: boolean
  readonly enableLargeBatchSplitting: boolean
  /** Rows of one batch at most, where large batches are split. */
  readonly maxExecutionBatchSize: number
}

const SIZES_MAX = 10_000
const SHAPE = {
  max_batch_size: WRAPPED,
  batch_timeout_micros: WRAPPED,
  max_enqueued_batches: WRAPPED,
  num_batch_threads: WRAPPED,
  thread_pool_name: WRAPPED,
  allowed_batch_sizes: 'many',
  pad_variable_length_inputs: 'one',
  enable_large_batch_splitting: WRAPPED,
  max_execution_batch_size: WRAPPED,
} as const

/** The same as an empty file says. */
export const BATCHING_DEFAULTS: BatchingParameters = parseBatchingParameters('')

/**
 * Reads a `BatchingParameters`, of `--batching_parameters_file` or of a version's
 * `batching_params.pbtxt`. Throws `ModelConfigError`, also for what upstream finds out only when a
 * model is loaded with it.
 */
export function parseBatchingParameters(text: string): BatchingParameters {
  const message = TextMessage.parse(text, SHAPE)
  // A wrapper that is there and empty means 0.
  const wrapped = (name: keyof typeof SHAPE, preset: number): number => {
    const wrapper = message.message(name)
    return wrapper === undefined ? preset : (wrapper.int('value') ?? 0)
  }
  const splitting = message.message('enable_large_batch_splitting')
  message.message('thread_pool_name')?.string('value')
  const maxBatchSize = wrapped('max_batch_size', 1_000)
  const enableLargeBatchSplitting = splitting?.bool('value') ?? false
  // Upstream reads it only where it has a meaning.
  const maxExecutionBatchSize = wrapped('max_execution_batch_size', maxBatchSize)
  const parameters = {
    maxBatchSize,
    batchTimeoutMicros: wrapped('batch_timeout_micros', 0),
    maxEnqueuedBatches: wrapped('max_enqueued_batches', 10),
    numBatchThreads: wrapped('num_batch_threads', availableParallelism()),
    allowedBatchSizes: Object.freeze(message.ints('allowed_batch_sizes')),
    padVariableLengthInputs: message.bool('pad_variable_length_inputs') ?? false,
    enableLargeBatchSplitting,
    maxExecutionBatchSize: enableLargeBatchSplitting ? maxExecutionBatchSize : maxBatchSize,
  }
  checkNumbers(message, parameters)
  checkSizes(message, parameters)
  // Upstream makes one of 0 as well, where large batches are not split.
  const maxEnqueuedBatches = Math.max(1, parameters.maxEnqueuedBatches)
  return Object.freeze({ ...parameters, maxEnqueuedBatches })
}

function checkNumbers(message: TextMessage, parameters: BatchingParameters): void {
  const { maxBatchSize, maxExecutionBatchSize, enableLargeBatchSplitting } = parameters
  const atLeast = (min: 0 | 1, name: keyof typeof SHAPE, value: number): void => {
    if (value >= min) return
    const kind = min === 0 ? 'non-negative' : 'positive'
    throw message.fault(name, `${name} must be ${kind}; was ${value}`)
  }
  atLeast(1, 'max_batch_size', maxBatchSize)
  atLeast(0, 'batch_timeout_micros', parameters.batchTimeoutMicros)
  const enqueuedMin = enableLargeBatchSplitting ? 1 : 0
  atLeast(enqueuedMin, 'max_enqueued_batches', parameters.maxEnqueuedBatches)
  atLeast(1, 'num_batch_threads', parameters.numBatchThreads)
  atLeast(1, 'max_execution_batch_size', maxExecutionBatchSize)
  if (maxBatchSize < maxExecutionBatchSize)
    throw message.fault(
      'max_execution_batch_size',
      'max_batch_size must be greater than or equal to max_execution_batch_size',
    )
}

function checkSizes(message: TextMessage, parameters: BatchingParameters): void {
  const { allowedBatchSizes: sizes, maxExecutionBatchSize, maxBatchSize } = parameters
  const fault = (text: string) => message.fault('allowed_batch_sizes', text)
  if (sizes.length > SIZES_MAX) throw fault(`more than ${SIZES_MAX} allowed_batch_sizes`)
  if (sizes.some((size, index) => size <= (sizes[index - 1] ?? 0)))
    throw fault('allowed_batch_sizes entries must be positive and monotonically increasing')
  const last = sizes.at(-1)
  if (last === undefined) return
  const [name, expected] = parameters.enableLargeBatchSplitting
    ? ['max_execution_batch_size', maxExecutionBatchSize]
    : ['max_batch_size', maxBatchSize]
  if (last !== expected)
    throw fault(
      `Last entry in allowed_batch_sizes must match ${name}; last entry was ${last}; ` +
        `expected ${expected}`,
    )
}
