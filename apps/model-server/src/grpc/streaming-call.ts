// Calls with messages both ways, as health watches and reflection have them. They are few and small:
// what counts is that a client that does not read, or that sends without end, costs nothing.

import { ServingError } from '@drover/serving-api'
import type { Log } from '@drover/service'
import type { Stream, StreamHandler } from '../http2/stream.ts'
import { FrameReader, prefixOf } from './frame.ts'
import type { GrpcLimits } from './limits.ts'
import {
  ANSWER_HEADERS,
  failureHeaders,
  failureTrailers,
  OK_TRAILERS,
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
  /** Whether that was done already: one that comes now is ended a while after it came. */
  isDraining: boolean
}

/** Answers a call until the client has all, or goes away, or the port drains. */
export async function answerStream(
  stream: Stream,
  answer: Streaming,
  calls: StreamingCalls,
): Promise<void> {
  const call = new StreamingCall(stream, calls)
  try {
    for await (const message of answer(call.messages(), call.signal)) {
      if (call.signal.aborted) return
      await call.send(message)
    }
    call.finish()
  } catch (error) {
    call.finish(error)
  }
}

class StreamingCall implements StreamHandler {
  readonly #stream: Stream
  readonly #calls: StreamingCalls
  readonly #ending = new AbortController()
  readonly #stop = (): void =>
    this.finish(new ServingError('UNAVAILABLE', 'The server is shutting down'))
  /** What the client sent and nobody asked for yet; it is not told to send more until then. */
  readonly #pieces: Buffer[] = []
  #hasEnded = false
  /** Who waits for the client to send something, or to have room. */
  #arrived: (() => void) | undefined
  #left: (() => void) | undefined
  #late: NodeJS.Timeout | undefined

  constructor(stream: Stream, calls: StreamingCalls) {
    this.#stream = stream
    this.#calls = calls
    calls.open.add(this.#stop)
    stream.handler = this
    if (calls.isDraining) this.#late = setTimeout(this.#stop, calls.limits.lateMs).unref()
  }

  /** Aborted once the call is over. */
  get signal(): AbortSignal {
    return this.#ending.signal
  }

  /** The messages of the call, each only when it is asked for. */
  async *messages(): AsyncGenerator<Buffer> {
    const ready: Buffer[] = []
    const reader = new FrameReader(
      this.#calls.limits.streamedBytesMax,
      ({ isCompressed, message }) => {
        if (isCompressed) throw unreadable('Messages of this call are not compressed')
        ready.push(message)
      },
    )
    while (!this.signal.aborted) {
      const piece = this.#pieces.shift()
      if (piece !== undefined) {
        this.#stream.consumed(piece.length)
        reader.push(piece)
        yield* ready.splice(0)
      } else if (this.#hasEnded) return
      else await new Promise<void>((resolve) => (this.#arrived = resolve))
    }
  }

  /** Resolves when the client has room for more, or the call is over. */
  async send(message: Uint8Array): Promise<void> {
    if (!this.#stream.hasResponded) this.#stream.respond(ANSWER_HEADERS)
    this.#stream.write(prefixOf(message))
    if (this.#stream.write(message)) return
    await new Promise<void>((resolve) => (this.#left = resolve))
  }

  finish(error?: unknown): void {
    const { log, limits } = this.#calls
    if (this.signal.aborted) return
    if (this.#stream.hasResponded)
      this.#stream.finish(error === undefined ? OK_TRAILERS : failureTrailers(error, log))
    else if (error === undefined) this.#stream.answer(NO_MESSAGES)
    else this.#stream.respondOnly(failureHeaders(error, log))
    stopSending(this.#stream, limits.goodbyeMs)
    this.#end()
  }

  /** See `StreamHandler`. */
  data(piece: Buffer): void {
    if (this.signal.aborted) return this.#stream.consumed(piece.length)
    // A piece may be a small part of a large memory.
    this.#pieces.push(Buffer.from(piece))
    this.#arrived?.()
  }

  /** See `StreamHandler`. */
  end(): void {
    this.#hasEnded = true
    this.#arrived?.()
  }

  /** See `StreamHandler`. */
  sent(_bytes: number, isAll: boolean): void {
    if (isAll) this.#left?.()
  }

  /** See `StreamHandler`. Who watches may have nothing to say for as long as there is no news. */
  endIfStalled(): void {}

  /** See `StreamHandler`. */
  close(): void {
    this.#end()
  }

  #end(): void {
    this.#calls.open.delete(this.#stop)
    clearTimeout(this.#late)
    this.#ending.abort()
    this.#pieces.length = 0
    this.#arrived?.()
    this.#left?.()
  }
}

const NO_MESSAGES = { headers: ANSWER_HEADERS, body: [], trailers: OK_TRAILERS }
