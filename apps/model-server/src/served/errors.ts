import { InferenceError, type InferenceErrorCode } from '@drover/inference'
import { ServingError, type StatusCode } from '@drover/serving-api'

const REASON_CHARACTERS_MAX = 1_024

/** What failures of the engines are to a caller. A model that fails on inputs was given wrong ones. */
const CODES: Readonly<Record<InferenceErrorCode, StatusCode>> = {
  LOAD_FAILED: 'INTERNAL',
  UNTRANSLATABLE: 'INTERNAL',
  INVALID_INPUT: 'INVALID_ARGUMENT',
  RUN_FAILED: 'INVALID_ARGUMENT',
  CRASHED: 'UNAVAILABLE',
  TIMEOUT: 'DEADLINE_EXCEEDED',
  UNAVAILABLE: 'UNAVAILABLE',
}

/** An error of an engine as callers hear of it; any other error as it is. */
export function toServingError(error: unknown): unknown {
  return error instanceof InferenceError
    ? new ServingError(CODES[error.code], error.message, { cause: error })
    : error
}

/** An error and its causes in one line. */
export function reasonOf(error: unknown): string {
  const messages: string[] = []
  for (let each = error; each instanceof Error; each = each.cause) messages.push(each.message)
  return (messages.join(': ') || String(error)).slice(0, REASON_CHARACTERS_MAX)
}
