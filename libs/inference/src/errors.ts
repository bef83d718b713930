/** Why a model could not be loaded or run. */
export const InferenceErrorCode = {
  /** The model's files are missing, damaged, or refused by the engine. */
  LOAD_FAILED: 'LOAD_FAILED',
  /** The engine asked for cannot run this graph; another one may. */
  UNTRANSLATABLE: 'UNTRANSLATABLE',
  /** The inputs do not fit the signature. */
  INVALID_INPUT: 'INVALID_INPUT',
  /** The model failed on these inputs; they fit the signature, and would fail again. */
  RUN_FAILED: 'RUN_FAILED',
  /** The process that ran the model ended. */
  CRASHED: 'CRASHED',
  /** It took longer than allowed. */
  TIMEOUT: 'TIMEOUT',
  /** The engine cannot start or is starting again, or too many requests wait: nothing is known of the model. */
  UNAVAILABLE: 'UNAVAILABLE',
  /** This machine does not have the engine: no other try will find it there. */
  NOT_SET_UP: 'NOT_SET_UP',
} as const
export type InferenceErrorCode = keyof typeof InferenceErrorCode

/** The one expected failure of this lib; switch on `code`. */
export class InferenceError extends Error {
  override readonly name = 'InferenceError'
  readonly code: InferenceErrorCode
  /** When it is worth asking again, in milliseconds, where that is known. */
  readonly retryAfterMs: number | undefined

  constructor(
    code: InferenceErrorCode,
    message: string,
    { retryAfterMs, ...options }: ErrorOptions & { retryAfterMs?: number | undefined } = {},
  ) {
    super(message, options)
    this.code = code
    this.retryAfterMs = retryAfterMs
  }
}
