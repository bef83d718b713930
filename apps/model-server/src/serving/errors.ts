import { reasonOf } from '@drover/basics'
import { InferenceError, type InferenceErrorCode } from '@drover/inference'
import {
  misfitOfShapes,
  ServingError,
  type SignatureDef,
  type StatusCode,
} from '@drover/serving-api'
import type { Call } from './core.ts'

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

/** What a model was asked. */
interface Asked {
  signatures: Readonly<Record<string, SignatureDef>>
  call: Call
}

/**
 * An error of an engine as callers hear of it; any other error as it is. What is wrong with inputs is
 * the engine's to say, and its words are passed on as upstream passes on those of its runtime; behind
 * them stands what can be told without it.
 */
export function toServingError(cause: unknown, asked?: Asked): unknown {
  if (!(cause instanceof InferenceError)) return cause
  const code = CODES[cause.code]
  if (code === 'DEADLINE_EXCEEDED') return new ServingError(code, TIMED_OUT, { cause })
  const words = code === 'INVALID_ARGUMENT' ? reasonOf(cause) : cause.message
  const misfit = code === 'INVALID_ARGUMENT' && asked ? misfitIn(asked) : undefined
  const message = words + (misfit === undefined ? '' : ` (${misfit})`)
  const { retryAfterMs } = cause
  return new ServingError(code, message, {
    cause,
    ...(retryAfterMs !== undefined && { retryAfterS: retryAfterMs / 1_000 }),
  })
}

function misfitIn({ signatures, call: { signature, inputs } }: Asked): string | undefined {
  const found = Object.hasOwn(signatures, signature) ? signatures[signature] : undefined
  return found && misfitOfShapes(found, inputs)
}
