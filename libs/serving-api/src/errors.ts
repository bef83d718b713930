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

/** The numbers that the codes have in gRPC and in `error_codes.proto`. */
const GRPC_CODES: Readonly<Record<StatusCode, number>> = {
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
}

/** Longer messages of a gRPC status are cut, so that they fit into its trailers. */
const GRPC_MESSAGE_BYTES_MAX = 1_024

/** The one expected failure of this lib and of whoever serves by it; switch on `code`. */
export class ServingError extends Error {
  override readonly name = 'ServingError'
  readonly code: StatusCode
  /** When it is worth asking again, in seconds, where that is known. */
  readonly retryAfterS: number | undefined

  constructor(
    code: StatusCode,
    message: string,
    { retryAfterS, ...options }: ErrorOptions & { retryAfterS?: number } = {},
  ) {
    super(message, options)
    this.code = code
    this.retryAfterS = retryAfterS
  }
}

/** The HTTP status of a code. */
export const httpStatusOf = (code: StatusCode): number => StatusCode[code]

/** The number of a code in gRPC. */
export const grpcCodeOf = (code: StatusCode): number => GRPC_CODES[code]

/** The message of a gRPC status: what is too long is cut, and says so. */
export function grpcMessage(message: string): string {
  if (message.length * 3 <= GRPC_MESSAGE_BYTES_MAX) return message
  const bytes = Buffer.from(message)
  if (bytes.length <= GRPC_MESSAGE_BYTES_MAX) return message
  let end = GRPC_MESSAGE_BYTES_MAX
  // Not within a character.
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end--
  return `${bytes.toString('utf8', 0, end)}...TRUNCATED`
}

/** The body of an error, byte for byte as TensorFlow Serving writes it. */
export const errorBody = (message: string): Buffer =>
  Buffer.from(`{\n    "error": ${writeText(message)}\n}`)

/** The mistakes that are told in several places. */
export const invalid = (message: string): ServingError =>
  new ServingError('INVALID_ARGUMENT', message)
