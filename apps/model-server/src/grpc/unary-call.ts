// One call with one message each way.
//
//   arriving -> answering -> leaving -> over
//
// Any state may move to `over` when the client goes away, and to `leaving` with an error.

import { ServingError } from '@drover/serving-api'
import type { Log } from '@drover/service'
import { ErrorCode } from '../http2/frames.ts'
import type { Headers } from '../http2/header-reader.ts'
import type { Stream, StreamHandler } from '../http2/stream.ts'
import { type Compression, type Encoding, isEncoding } from './compression.ts'
import { parseTimeout, startTimer } from './deadline.ts'
import { type Frame, FrameReader, prefixOf, wholeFrame } from './frame.ts'
import type { Share } from './held.ts'
import type { GrpcLimits } from './limits.ts'
import {
  ANSWER_HEADERS,
  compressedHeaders,
  failureHeaders,
  OK_TRAILERS,
  stopSending,
  unreadable,
} from './status.ts'

/** What whoever answers a message may know of its call. */
export interface UnaryContext {
  /** On the clock of `performance.now()`. */
  readonly deadlineMs: number
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal
}

/** Answers a message by a message, at once where it can. Throws `ServingError`. */
export type Unary = (body: Buffer, call: UnaryContext) => Uint8Array | Promise<Uint8Array>

/** What all calls of a port share. */
export interface Calls {
  limits: GrpcLimits
  /** Of one message: the limit, or what the channel arguments say. */
  receivedBytesMax: number
  sentBytesMax: number
  compression: Compression
  log: Log
  /** Grows by one at each look at the calls. */
  tick: number
}

/** What a call is answered by. */
interface Answering {
  calls: Calls
  /** What the connection of the call may hold. */
  share: Share
  answer: Unary
}

/** Answers the call of a stream. */
export function startUnaryCall(stream: Stream, headers: Headers, answering: Answering): void {
  stream.handler = new UnaryCall(stream, headers, answering)
}

/** A call; what happens to its stream drives it. */
export class UnaryCall implements StreamHandler, UnaryContext {
  readonly #stream: Stream
  readonly #calls: Calls
  readonly #share: Share
  readonly #answer: Unary
  readonly deadlineMs: number
  /** How the client may have compressed its message, and may be answered. */
  readonly #encoding: string | undefined
  /** Only where the message comes in pieces. */
  #reader: FrameReader | undefined
  #state: 'arriving' | 'answering' | 'leaving' | 'over' = 'arriving'
  #frame: Frame | undefined
  #heldBytes = 0
  #timer: NodeJS.Timeout | undefined
  /** Only where somebody asked for the signal: most calls are answered at once. */
  #abort: AbortController | undefined
  /** The last look before which enough had moved, and what has moved since. */
  #tick: number
  #movedBytes = 0

  constructor(stream: Stream, headers: Headers, { calls, share, answer }: Answering) {
    this.#stream = stream
    this.#calls = calls
    this.#share = share
    this.#answer = answer
    this.#encoding = headers.get('grpc-encoding')
    this.#tick = calls.tick
    const timeout = headers.get('grpc-timeout')
    const timeoutMs = timeout === undefined ? undefined : parseTimeout(timeout)
    this.deadlineMs = performance.now() + (timeoutMs ?? calls.limits.callMsMax)
  }

  /** See `UnaryContext`. */
  get signal(): AbortSignal {
    this.#abort ??= new AbortController()
    return this.#abort.signal
  }

  /** See `StreamHandler`. Ends a call in which too little has moved for so many looks, or whose time is over. */
  endIfStalled(looks: number): void {
    if (this.#state === 'answering') return
    const isStalled = this.#calls.tick - this.#tick >= looks
    if (isStalled || performance.now() > this.deadlineMs) this.#stream.reset(ErrorCode.CANCEL)
  }

  /** A client that sends or reads byte by byte gets no further than one that does nothing. */
  #moved(bytes: number): void {
    this.#movedBytes += bytes
    if (this.#movedBytes < this.#calls.limits.stalledBytesMin) return
    this.#movedBytes = 0
    this.#tick = this.#calls.tick
  }

  /** See `StreamHandler`. */
  data(piece: Buffer): void {
    this.#stream.consumed(piece.length)
    if (this.#state !== 'arriving') return
    this.#moved(piece.length)
    if (!this.#hold(piece.length)) return this.#fail(tooMuchHeld())
    if (this.#takeWhole(piece)) return
    const { receivedBytesMax } = this.#calls
    try {
      this.#reader ??= new FrameReader(receivedBytesMax, (frame) => this.#take(frame))
      this.#reader.push(piece)
    } catch (error) {
      this.#fail(error)
    }
  }

  /** Most messages come in one piece. */
  #takeWhole(piece: Buffer): boolean {
    const isFirst = this.#reader === undefined && this.#frame === undefined
    if (!isFirst || piece.length > this.#calls.receivedBytesMax) return false
    this.#frame = wholeFrame(piece)
    return this.#frame !== undefined
  }

  #take(frame: Frame): void {
    if (this.#frame !== undefined)
      throw unreadable('A second message came for a call that takes one')
    this.#frame = frame
  }

  #hold(bytes: number): boolean {
    const isHeld = this.#share.grow(this.#heldBytes, this.#heldBytes + bytes)
    if (isHeld) this.#heldBytes += bytes
    return isHeld
  }

  /** See `StreamHandler`. */
  end(): void {
    if (this.#state !== 'arriving') return
    const frame = this.#frame
    if (frame === undefined || this.#reader?.isInside === true)
      return this.#fail(unreadable('The call ended before its message'))
    this.#state = 'answering'
    this.#frame = undefined
    if (frame.isCompressed) return this.#later(this.#askInflated(frame.message))
    try {
      const answer = this.#answer(frame.message, this)
      if (answer instanceof Promise) this.#later(answer)
      else this.#send(answer)
    } catch (error) {
      this.#fail(error)
    }
  }

  async #askInflated(message: Buffer): Promise<Uint8Array> {
    const encoding = this.#encoding ?? 'identity'
    if (encoding === 'identity') throw unreadable('A message is compressed, and nothing says how')
    if (!isEncoding(encoding))
      throw new ServingError('UNIMPLEMENTED', `Messages compressed by ${encoding} are not read`)
    const body = await this.#calls.compression.inflate(message, encoding)
    if (!this.#hold(body.length)) throw tooMuchHeld()
    return await this.#answer(body, this)
  }

  #later(answer: Promise<Uint8Array>): void {
    this.#timer = startTimer(this.deadlineMs, () =>
      this.#fail(new ServingError('DEADLINE_EXCEEDED', 'Deadline Exceeded')),
    )
    answer.then(
      (message) => this.#settle(() => this.#send(message)),
      (error: unknown) => this.#settle(() => this.#fail(error)),
    )
  }

  /** Whoever is late finds the call answered or gone; what it held is free only now. */
  #settle(end: () => void): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#state === 'answering') end()
    else if (this.#state === 'over') this.#free()
  }

  #send(message: Uint8Array): void {
    if (message.length > this.#calls.sentBytesMax)
      return this.#fail(
        new ServingError(
          'RESOURCE_EXHAUSTED',
          `Sent message larger than max (${message.length} vs. ${this.#calls.sentBytesMax})`,
        ),
      )
    if (!this.#hold(message.length)) return this.#fail(tooMuchHeld())
    const encoding = this.#deflating(message)
    if (encoding === undefined) return this.#write(message)
    this.#calls.compression.deflate(message, encoding).then(
      (deflated) => this.#settle(() => this.#write(deflated, encoding)),
      (error: unknown) => this.#settle(() => this.#fail(error)),
    )
  }

  /** A client that compresses is answered alike. */
  #deflating({ length }: Uint8Array): Encoding | undefined {
    const encoding = this.#encoding
    if (encoding === undefined || !isEncoding(encoding)) return undefined
    return length >= this.#calls.limits.deflatedBytesMin ? encoding : undefined
  }

  #write(message: Uint8Array, encoding?: Encoding): void {
    if (!this.#leave()) return
    this.#stream.answer({
      headers: encoding === undefined ? ANSWER_HEADERS : compressedHeaders(encoding),
      body: [prefixOf(message, encoding !== undefined), message],
      trailers: OK_TRAILERS,
    })
  }

  #fail(error: unknown): void {
    if (!this.#leave()) return
    this.#stream.respondOnly(failureHeaders(error, this.#calls.log))
    stopSending(this.#stream, this.#calls.limits.goodbyeMs)
  }

  #leave(): boolean {
    if (this.#state === 'leaving' || this.#state === 'over') return false
    this.#state = 'leaving'
    this.#abort?.abort()
    this.#tick = this.#calls.tick
    return !this.#stream.isClosed
  }

  /** See `StreamHandler`. */
  sent(bytes: number): void {
    this.#moved(bytes)
  }

  /** See `StreamHandler`. */
  close(): void {
    const isAnswering = this.#state === 'answering' || this.#timer !== undefined
    this.#state = 'over'
    this.#abort?.abort()
    if (!isAnswering) this.#free()
  }

  #free(): void {
    this.#share.free(this.#heldBytes)
    this.#heldBytes = 0
  }
}

const tooMuchHeld = (): ServingError =>
  new ServingError('RESOURCE_EXHAUSTED', 'Too many bytes of requests and answers are held already')
