// How a call ends: gRPC's status as HTTP/2 headers.

import { constants, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import { grpcCodeOf, grpcMessage, ServingError } from '@drover/serving-api'
import type { Log } from '@drover/service'

/** What a header may carry as it is: printable ASCII but the percent sign, and no space at its ends. */
const PLAIN = /^(?! )[ -$&-~]*(?<! )$/
const NOT_PLAIN = /[^ -$&-~]|^ | $/g

/** Sent before the messages of an answer. */
export const ANSWER_HEADERS: OutgoingHttpHeaders = {
  [constants.HTTP2_HEADER_STATUS]: constants.HTTP_STATUS_OK,
  [constants.HTTP2_HEADER_CONTENT_TYPE]: 'application/grpc',
  'grpc-accept-encoding': 'identity,deflate,gzip',
}

/** How headers go out before messages, and where there are none; no date: it differs each second. */
export const RESPOND = { waitForTrailers: true, sendDate: false }
export const RESPOND_ONLY = { endStream: true, sendDate: false }

/** Sent after the messages of an answer. */
export const OK_TRAILERS: OutgoingHttpHeaders = { 'grpc-status': '0' }

/** What is sent when a call fails; an error that is nobody's fault but ours goes to the log only. */
export function failureTrailers(error: unknown, log: Log): OutgoingHttpHeaders {
  if (error instanceof ServingError) return trailersOf(error)
  log.error({ err: error }, 'a grpc call failed unexpectedly')
  return trailersOf(new ServingError('INTERNAL', 'Internal error'))
}

function trailersOf({ code, message }: ServingError): OutgoingHttpHeaders {
  return {
    'grpc-status': `${grpcCodeOf(code)}`,
    'grpc-message': encodeMessage(grpcMessage(message)),
  }
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
export function stopSending(stream: ServerHttp2Stream, afterMs: number): void {
  if (!stream.readableEnded)
    setTimeout(() => stream.close(constants.NGHTTP2_NO_ERROR), afterMs).unref()
}
