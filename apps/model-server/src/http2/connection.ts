// The server's side of an HTTP/2 connection (RFC 9113). Its states:
//
//   greeting -> open -> closing -> left
//
// `closing` takes no new streams and goes to `left` with the last that is there; what the client does
// wrong leads there at once. In `left` all that comes is dropped until the socket is closed.

import type { Socket } from 'node:net'
import type { Turns } from '../event-loop/turns.ts'
import { checkSize, PING, readPing, readSettings, readWindowUpdate } from './control-frames.ts'
import { FrameReader, type FrameSink } from './frame-reader.ts'
import {
  ErrorCode,
  FIRST_WINDOW_BYTES,
  flowError,
  type FrameHead,
  FrameType,
  goodbyeFrame,
  greetingOf,
  pingFrame,
  protocolError,
  resetFrame,
  SETTINGS_ACK,
  STREAM_ID_MAX,
  windowFrame,
} from './frames.ts'
import { HeaderBlocks } from './header-blocks.ts'
import type { Headers, HeadersRead } from './header-reader.ts'
import { Intake } from './intake.ts'
import type { Http2Limits } from './limits.ts'
import { Outbox } from './outbox.ts'
import { RateBound } from './rate-bound.ts'
import { ReadWindow } from './read-window.ts'
import { Stream, type StreamConnection } from './stream.ts'

/** What is told of a connection. */
export interface ConnectionHandler {
  /** A request begins. */
  open(stream: Stream, headers: Headers): void
  /** The client has said what every client says first. */
  greeted(): void
  /** The last of its streams is closed. */
  idle(): void
}

export class Connection implements FrameSink, StreamConnection {
  readonly #socket: Socket
  readonly #limits: Http2Limits
  readonly #handler: ConnectionHandler
  readonly outbox: Outbox
  readonly windows: { own: number; other: number }
  readonly #blocks: HeaderBlocks
  readonly #streams = new Map<number, Stream>()
  /** What is over at once costs what all else does, and no bound on streams sees it. */
  readonly #resets: RateBound
  readonly #signals: RateBound
  #state: 'greeting' | 'open' | 'closing' | 'left' = 'greeting'
  #lastStream = 0
  readonly #window: ReadWindow
  readonly #intake: Intake
  readonly #ponged: (() => void)[] = []

  constructor(socket: Socket, limits: Http2Limits, turns: Turns, handler: ConnectionHandler) {
    this.#socket = socket
    this.#limits = limits
    this.#handler = handler
    this.outbox = new Outbox(socket)
    this.windows = { own: limits.streamWindowBytes, other: FIRST_WINDOW_BYTES }
    this.#blocks = new HeaderBlocks(limits.headersBytesMax)
    this.#resets = new RateBound(limits.resetsMax, limits.boundedMs)
    this.#signals = new RateBound(limits.signalsMax, limits.boundedMs)
    this.#window = new ReadWindow(limits.connectionWindowBytes)
    const reader = new FrameReader(this)
    this.#intake = new Intake(socket, {
      outbox: this.outbox,
      turns,
      step: (bytes, at) => reader.step(bytes, at),
      failed: ({ code }) => this.leave(code),
    })
    socket.on('error', () => {})
    socket.once('close', () => this.#dropAll())
    this.outbox.push(greetingOf(limits))
  }

  /** Streams that are open. */
  get streams(): number {
    return this.#streams.size
  }

  get isOpen(): boolean {
    return this.#state === 'greeting' || this.#state === 'open'
  }

  /** See `FrameSink`. */
  frame(head: FrameHead, payload: Buffer): void {
    if (this.#state === 'left') return
    if (this.#state === 'greeting' && head.type !== FrameType.SETTINGS)
      throw protocolError('The first frame has no settings')
    if (this.#blocks.isInside && head.type !== FrameType.CONTINUATION)
      throw protocolError('Headers are interrupted')
    this.#read(head, payload)
  }

  #read(head: FrameHead, payload: Buffer): void {
    switch (head.type) {
      case FrameType.HEADERS:
      case FrameType.CONTINUATION:
        return this.#readHeaders(head, payload)
      case FrameType.RST_STREAM:
        return this.#readReset(head)
      case FrameType.SETTINGS:
        return this.#readSettings(head, payload)
      case FrameType.PUSH_PROMISE:
        throw protocolError('A client promised to push')
      case FrameType.PING:
        return this.#readPing(head, payload)
      case FrameType.WINDOW_UPDATE:
        return this.#readWindow(head, payload)
      default:
        // Priorities have no meaning any more, and what is unknown has none yet.
        checkSize(head)
        this.#signals.count()
    }
  }

  /** See `FrameSink`. */
  dataBegins(id: number, length: number): void {
    if (this.#state === 'left') return
    if (this.#state === 'greeting' || this.#blocks.isInside) throw protocolError('Data out of turn')
    if (!this.#window.take(length)) throw flowError('More data than there is room for')
    const stream = this.#streamOf(id)
    if (stream === undefined) return this.consumed(length)
    if (stream.hasClientEnded) throw protocolError('Data behind the end of a stream')
    if (!stream.receives(length)) throw flowError('More data than a stream has room for')
  }

  /** See `FrameSink`. */
  data(id: number, piece: Buffer, isLast: boolean): void {
    if (piece.length === 0 && !isLast) this.#signals.count()
    this.#streams.get(id)?.take(piece, isLast)
  }

  /** See `FrameSink`. */
  padding(id: number, length: number): void {
    this.#streams.get(id)?.consumed(length)
  }

  /** Undefined for one that is over; what still comes of it is nobody's. */
  #streamOf(id: number): Stream | undefined {
    const isIdle = id === 0 || id % 2 === 0 || id > this.#lastStream
    if (isIdle && this.#state !== 'closing') throw protocolError(`There is no stream ${id}`)
    return this.#streams.get(id)
  }

  #readHeaders(head: FrameHead, payload: Buffer): void {
    const block = this.#blocks.add(head, payload)
    if (block === undefined) return
    const { stream: id, isLast, read } = block
    const known = this.#streams.get(id)
    if (known !== undefined) {
      // Those behind a body say nothing here.
      if (!isLast || known.hasClientEnded) throw protocolError('Headers within a stream')
      return known.end()
    }
    if (id % 2 === 0) throw protocolError(`A client opened stream ${id}`)
    // Of a stream that is over, or that was told to come too late.
    if (id <= this.#lastStream || this.#state === 'closing') return this.#signals.count()
    this.#lastStream = id
    this.#open(id, read, isLast)
  }

  #open(id: number, read: HeadersRead, isLast: boolean): void {
    const isRefused = this.#streams.size >= this.#limits.streamsMax
    if (isRefused || 'fault' in read) {
      this.#resets.count()
      const code = 'fault' in read ? read.fault : ErrorCode.REFUSED_STREAM
      return this.outbox.push(resetFrame(id, code))
    }
    this.#signals.allow()
    const stream = new Stream(id, this)
    this.#streams.set(id, stream)
    this.#handler.open(stream, read.headers)
    if (isLast) stream.end()
  }

  #readReset(head: FrameHead): void {
    checkSize(head)
    const stream = this.#streamOf(head.stream)
    // Many calls may pass their deadline together, and all of them had their turn before.
    if (stream === undefined) return this.#signals.count()
    if (performance.now() - stream.sinceMs < this.#limits.resetAtOnceMs) this.#resets.count()
    stream.drop()
  }

  #readSettings(head: FrameHead, payload: Buffer): void {
    const settings = readSettings(head, payload)
    if (settings === undefined) return this.#signals.count()
    this.#resets.count()
    const { windowBytes = this.windows.other } = settings
    const more = windowBytes - this.windows.other
    this.windows.other = windowBytes
    if (more !== 0)
      for (const each of this.#streams.values())
        if (!each.widen(more)) throw flowError('A stream has too much room')
    this.outbox.push(SETTINGS_ACK)
    if (this.#state !== 'greeting') return
    this.#state = 'open'
    this.#handler.greeted()
  }

  #readPing(head: FrameHead, payload: Buffer): void {
    this.#signals.count()
    if (readPing(head)) this.#ponged.shift()?.()
    else this.outbox.push(pingFrame(payload, true))
  }

  #readWindow(head: FrameHead, payload: Buffer): void {
    const bytes = readWindowUpdate(head, payload)
    const id = head.stream
    if (id === 0) return this.outbox.widen(bytes)
    const stream = this.#streamOf(id)
    if (stream === undefined || (bytes > 0 && stream.widen(bytes))) return
    this.#resets.count()
    stream.reset(bytes === 0 ? ErrorCode.PROTOCOL_ERROR : ErrorCode.FLOW_CONTROL_ERROR)
  }

  /** See `StreamConnection`. */
  consumed(bytes: number): void {
    const told = this.#window.free(bytes)
    if (told > 0) this.outbox.push(windowFrame(0, told))
  }

  /** See `StreamConnection`. */
  forget({ id }: Stream): void {
    this.#streams.delete(id)
    if (this.#streams.size > 0) return
    this.#handler.idle()
    if (this.#state === 'closing') this.leave()
  }

  /** Asks whether the client is still there; what it was sent before has been read when it answers. */
  ping(ponged: () => void): void {
    this.#ponged.push(ponged)
    this.outbox.push(pingFrame(PING, false))
  }

  /** Announces that the connection will end; streams that are on their way are answered. */
  announceEnd(): void {
    this.outbox.push(goodbyeFrame(STREAM_ID_MAX, ErrorCode.NO_ERROR))
  }

  /** Takes no new streams, and ends with the last of those that are there. */
  close(): void {
    if (!this.isOpen) return
    this.#state = 'closing'
    if (this.#streams.size === 0) this.leave()
    else this.outbox.push(goodbyeFrame(this.#lastStream, ErrorCode.NO_ERROR))
  }

  /** Says goodbye, and ends as soon as the client has read that, or did not for too long. */
  leave(code: ErrorCode = ErrorCode.NO_ERROR): void {
    if (this.#state === 'left') return
    this.#state = 'left'
    this.outbox.push(goodbyeFrame(this.#lastStream, code))
    this.#dropAll()
    this.outbox.flush()
    this.#intake.close()
    if (this.#socket.destroyed) return
    this.#socket.end()
    const cut = setTimeout(() => this.destroy(), this.#limits.leaveMs).unref()
    // It would keep what is held here, however many connections come and go meanwhile.
    this.#socket.once('close', () => clearTimeout(cut))
  }

  /** Ends it if the client was sent all that there is for it, and only has to close its side. */
  endIfLeft(): void {
    if (this.#state === 'left' && this.#socket.writableLength === 0) this.destroy()
  }

  /** Ends it, or streams of it, if nothing has moved for so many looks, of which this is one. */
  endIfStalled(looks: number): void {
    if (this.#intake.isStalled(looks)) return this.destroy()
    for (const { handler } of this.#streams.values()) handler.endIfStalled(looks)
  }

  /** Ends it at once, without a word. */
  destroy(): void {
    this.#socket.destroy()
  }

  #dropAll(): void {
    for (const stream of this.#streams.values()) stream.drop()
  }
}
