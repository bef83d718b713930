// Calls with messages both ways, as health watches and reflection have them. They are few and small:
// what counts is that a client that does not read, or that sends without end, costs nothing.

import { once } from 'node:events'
import type { OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import { ServingError } from '@drover/serving-api'
import type { Log } from '@drover/service'
import { FrameReader, writeFrame } from './frame.ts'
import type { GrpcLimits } from './limits.ts'
import {
  ANSWER_HEADERS,
  failureTrailers,
  OK_TRAILERS,
  RESPOND,
  RESPOND_ONLY,
  stopSending,
  unreadable,
} from './status.ts'

/**
 * Answers messages by messages. It is asked for the next answer when the client has room for it, and
 * may wait for what it likes until the signal says that the call is over. Throws `ServingError`.
 */
export type Streaming = (
  messages: AsyncIterable<Buffer>,
  signal: AbortSignal,
) => AsyncIterable<Uint8Array>

/** What all calls of a port share. */
export interface StreamingCalls {
  limits: GrpcLimits
  log: Log
  /** How to end those that are open: with UNAVAILABLE, once the port drains. */
  open: Set<() => void>
}

/** Answers a call until the client has all, or goes away, or the port drains. */
export async function answerStream(
  stream: ServerHttp2Stream,
  answer: Streaming,
  calls: StreamingCalls,
): Promise<void> {
  const ending = new AbortController()
  const end = (error?: unknown): void => {
    calls.open.delete(stop)
    if (ending.signal.aborted) return
    ending.abort()
    finish(
      stream,
      error === undefined ? OK_TRAILERS : failureTrailers(error, calls.log),
      calls.limits.goodbyeMs,
    )
  }
  const stop = (): void => end(new ServingError('UNAVAILABLE', 'The server is shutting down'))
  calls.open.add(stop)
  stream.once('close', () => {
    calls.open.delete(stop)
    ending.abort()
  })
  try {
    const messages = readMessages(stream, calls.limits.streamedBytesMax)
    for await (const message of answer(messages, ending.signal)) {
      if (ending.signal.aborted) return
      await send(stream, message, ending.signal)
    }
    end()
  } catch (error) {
    end(error)
  }
}

/** The messages of a call, each only when it is asked for. */
async function* readMessages(stream: ServerHttp2Stream, bytesMax: number): AsyncGenerator<Buffer> {
  const ready: Buffer[] = []
  const reader = new FrameReader(bytesMax, ({ isCompressed, message }) => {
    if (isCompressed) throw unreadable('Messages of this call are not compressed')
    ready.push(message)
  })
  const pieces: AsyncIterable<Buffer> = stream.iterator({ destroyOnReturn: false })
  for await (const piece of pieces) {
    reader.push(piece)
    yield* ready.splice(0)
  }
}

/** Resolves when the client has room for more. */
async function send(
  stream: ServerHttp2Stream,
  message: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  if (!stream.headersSent) stream.respond(ANSWER_HEADERS, RESPOND)
  if (!writeFrame(stream, message)) await once(stream, 'drain', { signal })
}

function finish(stream: ServerHttp2Stream, trailers: OutgoingHttpHeaders, goodbyeMs: number): void {
  if (stream.destroyed || stream.closed) return
  if (stream.headersSent) {
    stream.once('wantTrailers', () => stream.sendTrailers(trailers))
    stream.end()
  } else stream.respond({ ...ANSWER_HEADERS, ...trailers }, RESPOND_ONLY)
  stopSending(stream, goodbyeMs)
}
