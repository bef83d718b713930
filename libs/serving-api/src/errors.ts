import { writeText } from './text.ts'

/** TensorFlow's status codes that an answer may carry, and what each is in HTTP. */
export const StatusCode = {
  INVALID_ARGUMENT: 400,
  FAILED_PRECONDITION: 400,
  OUT_OF_RANGE: 400,
  UNAUTHENTICATED: 401,
  PERMISSION_DENIED: 403,
  NOT_FOUND: 404,
  ALREADY_EXISTS: 409,
  ABORTED: 409,
  RESOURCE_EXHAUSTED: 429,
  CANCELLED: 499,
  UNKNOWN: 500,
  INTERNAL: 500,
  DATA_LOSS: 500,
  UNIMPLEMENTED: 501,
  UNAVAILABLE: 503,
  DEADLINE_EXCEEDED: 504,
} as const
export type StatusCode = keyof typeof StatusCode

/** The one expected failure of this lib and of whoever serves by it; switch on `code`. */
export class ServingError extends Error {
  override readonly name = 'ServingError'
  readonly code: StatusCode

  constructor(code: StatusCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** The HTTP status of a code. */
export const httpStatusOf = (code: StatusCode): number => StatusCode[code]

/** The body of an error, byte for byte as TensorFlow Serving writes it. */
export const errorBody = (message: string): Buffer =>
  Buffer.from(`{\n    "error": ${writeText(message)}\n}`)

/** The mistakes that are told in several places. */
export const invalid = (message: string): ServingError =>
  new ServingError('INVALID_ARGUMENT', message)
