// How an InferenceError crosses to another thread or process.

import { messagesOf } from '@drover/basics'
import { InferenceError, type InferenceErrorCode } from './errors.ts'

/** An error in transit. */
export interface Failure {
  code: InferenceErrorCode
  message: string
  /** The messages of its causes, outermost first. */
  causes: string[]
  retryAfterMs?: number
}

/** An error as it crosses; one that is no InferenceError is RUN_FAILED. */
export function failureOf(error: unknown): Failure {
  const { code, message, retryAfterMs } =
    error instanceof InferenceError ? error : new InferenceError('RUN_FAILED', String(error))
  const [, ...causes] = messagesOf(error)
  return { code, message, causes, ...(retryAfterMs !== undefined && { retryAfterMs }) }
}

/** The error that crossed. */
export function errorOf({ code, message, causes, retryAfterMs }: Failure): InferenceError {
  const cause = causes.reduceRight<Error | undefined>(
    (inner, text) => new Error(text, { cause: inner }),
    undefined,
  )
  return new InferenceError(code, message, { cause, retryAfterMs })
}
