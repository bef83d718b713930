// One request and its answer on a connection that others share.
//
//   open -> the client has ended, or the answer has -> closed
//
// A reset from either side, and the end of the connection, close it from any state.

import {
  dataFrames,
  ErrorCode,
  Flag,
  FrameType,
  HEAD_BYTES,
  headerFrames,
  PAYLOAD_BYTES_MAX,
  putHead,
  resetFrame,
  WINDOW_BYTES_MAX,
  windowFrame,
} from './frames.ts'
import type { Outbox, Sender } from './outbox.ts'
import { ReadWindow } from './read-window.ts'

/** What is told of a stream to whoever answers it. None of it may throw. */
export interface StreamHandler {
  /** Some of the request's body. The client may send that much more once it is told `consumed`. */
  data(piece: Buffer): void
  /** The request is whole. */
  end(): void
  /** So much of an answer that had to wait has left. `isAll`: nothing waits any more. */
  sent(bytes: number, isAll: boolean): void
  /** Told from time to time: it may end what has not moved for so many looks, of which this is one. */
  endIfStalled(looks: number): void
  /** It is over, however it came to that; told once, and nothing after it. */
  close(): void
}

/** The connection of a stream. */
export interface StreamConnection {
  readonly outbox: Outbox
  readonly windows: { own: number; other: number }
  /** Bytes of a body were read, or will not be any more. */
  consumed(bytes: number): void
  /** The stream is closed. */
  forget(stream: Stream): void
}

/** A whole answer. */
export interface Answer {
  headers: Buffer
  /** The body, in as many parts as it has. */
  body: readonly Uint8Array[]
  trailers: Buffer
}

const BODILESS: StreamHandler = {
  data: () => {},
  end: () => {},
  sent: () => {},
  endIfStalled: () => {},
  close: () => {},
}

export class Stream implements Sender {
  readonly id: number
  /** When it began, by `performance.now()`. */
  readonly sinceMs = performance.now()
  readonly #connection: StreamConnection
  handler: StreamHandler = BODILESS
  readonly #window: ReadWindow
  /** What was received and not read yet. */
  #unreadBytes = 0
  /** What the client has room for. */
  #windowBytes: number
  /** What of the answer waits for room; of the first so many bytes have left. */
  readonly #waiting: Uint8Array[] = []
  #leftBytes = 0
  #trailers: Buffer | undefined
  #hasResponded = false
  #hasClientEnded = false
  #isAnswered = false
  #isClosed = false

  constructor(id: number, connection: StreamConnection) {
    this.id = id
    this.#connection = connection
    this.#window = new ReadWindow(connection.windows.own)
    this.#windowBytes = connection.windows.other
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Whether headers have gone out. */
  get hasResponded(): boolean {
    return this.#hasResponded
  }

  /** Whether all of the request is there. */
  get hasClientEnded(): boolean {
    return this.#hasClientEnded
  }

  /** Counts what the client is about to send; false if it had no right to. */
  receives(bytes: number): boolean {
    this.#unreadBytes += bytes
    return this.#window.take(bytes)
  }

  /** Passes a part of the body on. */
  take(piece: Buffer, isLast: boolean): void {
    if (isLast) this.#hasClientEnded = true
    if (piece.length > 0) this.handler.data(piece)
    if (isLast) this.end()
  }

  /** The client sends nothing more. */
  end(): void {
    this.#hasClientEnded = true
    if (this.#isClosed) return
    this.handler.end()
    if (this.#isAnswered) this.drop()
  }

  /** So much of the body was read: the client may send as much again. */
  consumed(bytes: number): void {
    if (this.#isClosed) return
    this.#unreadBytes -= bytes
    this.#connection.consumed(bytes)
    if (this.#hasClientEnded) return
    const told = this.#window.free(bytes)
    if (told > 0) this.#connection.outbox.push(windowFrame(this.id, told))
  }

  /** Sends an answer, all at once where there is room. */
  answer({ headers, body, trailers }: Answer): void {
    const { outbox } = this.#connection
    let length = 0
    for (const part of body) length += part.length
    const room = Math.min(this.#windowBytes, outbox.windowBytes, PAYLOAD_BYTES_MAX)
    if (length > room || this.#isClosed || outbox.isFull) {
      this.respond(headers)
      for (const part of body) this.#waiting.push(part)
      return this.finish(trailers)
    }
    this.#hasResponded = true
    this.#windowBytes -= length
    outbox.windowBytes -= length
    outbox.push(this.#framesOf({ headers, body, trailers }, length))
    this.#end()
  }

  #framesOf({ headers, body, trailers }: Answer, length: number): Buffer {
    const stream = this.id
    const bytes = Buffer.allocUnsafe(3 * HEAD_BYTES + headers.length + length + trailers.length)
    let at = putHead(bytes, 0, {
      type: FrameType.HEADERS,
      flags: Flag.END_HEADERS,
      stream,
      length: headers.length,
    })
    bytes.set(headers, at)
    at = putHead(bytes, at + headers.length, {
      type: FrameType.DATA,
      flags: Flag.NONE,
      stream,
      length,
    })
    for (const part of body) {
      bytes.set(part, at)
      at += part.length
    }
    at = putHead(bytes, at, {
      type: FrameType.HEADERS,
      flags: Flag.END_HEADERS | Flag.END_STREAM,
      stream,
      length: trailers.length,
    })
    bytes.set(trailers, at)
    return bytes
  }

  /** Sends headers that a body or more headers follow. */
  respond(headers: Buffer): void {
    if (this.#isClosed) return
    this.#hasResponded = true
    this.#connection.outbox.push(headerFrames(this.id, headers, false))
  }

  /** Sends headers that are all of the answer. */
  respondOnly(headers: Buffer): void {
    if (this.#isClosed) return
    this.#hasResponded = true
    this.#connection.outbox.push(headerFrames(this.id, headers, true))
    this.#end()
  }

  /** Sends a part of the body; whether all of it left. The memory is the stream's until then. */
  write(bytes: Uint8Array): boolean {
    if (this.#isClosed) return true
    this.#waiting.push(bytes)
    this.#send()
    return this.#waiting.length === 0
  }

  /** Ends the answer behind what still waits. */
  finish(trailers: Buffer): void {
    if (this.#isClosed) return
    this.#trailers = trailers
    this.#send()
  }

  #send(): void {
    if (this.#windowBytes > 0 || this.#waiting.length === 0) this.#connection.outbox.add(this)
  }

  /** See `Sender`. */
  pump(bytesMax: number): boolean {
    const { outbox } = this.#connection
    let left = bytesMax
    while (this.#waiting.length > 0 && left > 0 && !outbox.isFull) {
      const room = Math.min(this.#windowBytes, outbox.windowBytes, left)
      if (room <= 0) break
      left -= this.#sendPiece(room)
    }
    if (left < bytesMax) this.handler.sent(bytesMax - left, this.#waiting.length === 0)
    if (this.#waiting.length === 0 && this.#trailers !== undefined && !this.#isAnswered) {
      outbox.push(headerFrames(this.id, this.#trailers, true))
      this.#end()
    }
    return !this.#isClosed && this.#waiting.length > 0 && this.#windowBytes > 0
  }

  #sendPiece(room: number): number {
    const { outbox } = this.#connection
    const [first] = this.#waiting
    if (first === undefined) return 0
    const piece = first.subarray(this.#leftBytes, this.#leftBytes + room)
    this.#leftBytes += piece.length
    if (this.#leftBytes === first.length) {
      this.#waiting.shift()
      this.#leftBytes = 0
    }
    const { length } = piece
    outbox.push(dataFrames(this.id, piece))
    this.#windowBytes -= length
    outbox.windowBytes -= length
    return length
  }

  /** The client has so much more room, or less; false if it can have no such amount. */
  widen(bytes: number): boolean {
    this.#windowBytes += bytes
    if (this.#windowBytes > WINDOW_BYTES_MAX) return false
    if (this.#waiting.length > 0 && this.#windowBytes > 0) this.#connection.outbox.add(this)
    return true
  }

  /** Ends it at once. */
  reset(code: ErrorCode): void {
    if (this.#isClosed) return
    this.#connection.outbox.push(resetFrame(this.id, code))
    this.#close()
  }

  /** The client, or the connection, has ended it. */
  drop(): void {
    if (!this.#isClosed) this.#close()
  }

  #end(): void {
    this.#isAnswered = true
    if (this.#hasClientEnded) this.#close()
  }

  #close(): void {
    this.#isClosed = true
    this.#waiting.length = 0
    this.#connection.outbox.remove(this)
    // What nobody will read must not keep other streams from sending.
    if (this.#unreadBytes > 0) this.#connection.consumed(this.#unreadBytes)
    this.#connection.forget(this)
    this.handler.close()
  }
}
