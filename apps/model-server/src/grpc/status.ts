// How a call ends: gRPC's status as HTTP/2 headers.

import { grpcCodeOf, grpcMessage, ServingError } from '@drover/serving-api'
import type { Log } from '@drover/service'
import { ErrorCode } from '../http2/frames.ts'
import { encodeHeaders } from '../http2/header-writer.ts'
import type { Stream } from '../http2/stream.ts'

/** What a header may carry as it is: printable ASCII but the percent sign, and no space at its ends. */
const PLAIN = /^(?! )[ -$&-~]*(?<! )$/
const NOT_PLAIN = /[^ -$&-~]|^ | $/g

const HTTP_OK = 200
const HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'application/grpc',
  'grpc-accept-encoding': 'identity,deflate,gzip',
}

/** Sent before the messages of an answer. */
export const ANSWER_HEADERS: Buffer = encodeHeaders(HTTP_OK, HEADERS)

/** The same before messages that are compressed. */
export const compressedHeaders = (encoding: string): Buffer =>
  encodeHeaders(HTTP_OK, { ...HEADERS, 'grpc-encoding': encoding })

/** Sent after the messages of an answer. */
export const OK_TRAILERS: Buffer = encodeHeaders(undefined, { 'grpc-status': '0' })

/** Sent after messages when a call fails then. */
export const failureTrailers = (error: unknown, log: Log): Buffer =>
  encodeHeaders(undefined, statusOf(error, log))

/** All that is sent when a call fails before there are messages. */
export const failureHeaders = (error: unknown, log: Log): Buffer =>
  encodeHeaders(HTTP_OK, { ...HEADERS, ...statusOf(error, log) })

/** An error that is nobody's fault but ours goes to the log only. */
function statusOf(error: unknown, log: Log): Record<string, string> {
  if (error instanceof ServingError)
    return {
      'grpc-status': `${grpcCodeOf(error.code)}`,
      'grpc-message': encodeMessage(grpcMessage(error.message)),
    }
  log.error({ err: error }, 'a grpc call failed unexpectedly')
  return statusOf(new ServingError('INTERNAL', 'Internal error'), log)
}

/** A text as a header: gRPC's percent-encoding of its UTF-8. */
export function encodeMessage(message: string): string {
  if (PLAIN.test(message)) return message
  return Buffer.from(message).toString('latin1').replaceAll(NOT_PLAIN, escapeByte)
}

const escapeByte = (character: string): string =>
  `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`

/** A call whose bytes are not what they should be. */
export const unreadable = (message: string, cause?: unknown): ServingError =>
  new ServingError('INTERNAL', message, { cause })

/**
 * Tells a client that was answered and still sends to stop. Not at once: a reset overtakes an answer
 * that waits to be written, and most clients stop by themselves when they read it.
 */
export function stopSending(stream: Stream, afterMs: number): void {
  if (!stream.hasClientEnded) setTimeout(() => stream.reset(ErrorCode.NO_ERROR), afterMs).unref()
}
