import { InferenceError, type InferenceErrorCode } from '@drover/inference'
import { ServingError, type StatusCode } from '@drover/serving-api'
import { reasonOf } from '../control/reason.ts'

/** What failures of the engines are to a caller. A model that fails on inputs was given wrong ones. */
const CODES: Readonly<Record<InferenceErrorCode, StatusCode>> = {
  LOAD_FAILED: 'INTERNAL',
  UNTRANSLATABLE: 'INTERNAL',
  INVALID_INPUT: 'INVALID_ARGUMENT',
  RUN_FAILED: 'INVALID_ARGUMENT',
  CRASHED: 'UNAVAILABLE',
  TIMEOUT: 'DEADLINE_EXCEEDED',
  UNAVAILABLE: 'UNAVAILABLE',
  NOT_SET_UP: 'UNAVAILABLE',
}

/** What upstream says of a request that was not answered in its time. */
export const TIMED_OUT = 'Timed out waiting for notification'

/** What the binding puts before TensorFlow's own words. */
const OF_THE_BINDING = 'Session fail to run with error: '

/**
 * An error of an engine as callers hear of it; any other error as it is. What is wrong with inputs is
 * the engine's to say, and its words are passed on as upstream passes on those of its runtime.
 */
export function toServingError(cause: unknown): unknown {
  if (!(cause instanceof InferenceError)) return cause
  const code = CODES[cause.code]
  if (code === 'DEADLINE_EXCEEDED') return new ServingError(code, TIMED_OUT, { cause })
  const message = code === 'INVALID_ARGUMENT' ? reasonOf(cause) : cause.message
  const { retryAfterMs } = cause
  return new ServingError(code, message.replace(OF_THE_BINDING, ''), {
    cause,
    ...(retryAfterMs !== undefined && { retryAfterS: retryAfterMs / 1_000 }),
  })
}
