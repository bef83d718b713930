import type { Socket } from 'node:net'
import {
  FIRST_WINDOW_BYTES,
  flowError,
  NOTHING,
  protocolError,
  WINDOW_BYTES_MAX,
} from './frames.ts'

/** Frames are joined up to here before they are written. */
const JOINED_BYTES_MAX = 32 * 1024
/** What may wait for the client to read it; more is not taken from streams, nor from the client. */
const UNREAD_BYTES_MAX = 256 * 1024
/** One stream writes so much before the next one has its turn. */
const STRETCH_BYTES = 64 * 1024

/** A stream with something to send, as far as the client has room for it. */
export interface Sender {
  /** Sends so much at most. Whether it could send more at once. */
  pump(bytesMax: number): boolean
}

/**
 * What goes out on a connection: frames that are ready within one turn leave in one write, and what
 * the client has no room for waits at its stream.
 */
export class Outbox {
  readonly #socket: Socket
  /** What the client has room for, over all streams. */
  windowBytes = FIRST_WINDOW_BYTES
  #frames: Uint8Array[] = []
  #bytes = 0
  #isHeld = false
  #isDue = false
  /** Streams that could send more, in the order of their turns. */
  readonly #ready = new Set<Sender>()
  readonly #flushLater = (): void => {
    this.#isDue = false
    this.flush()
  }

  constructor(socket: Socket) {
    this.#socket = socket
  }

  /** Whether some of what waits has to leave before more is added. */
  get isFull(): boolean {
    return this.#socket.writableLength + this.#bytes >= UNREAD_BYTES_MAX
  }

  /** Sends bytes that are whole frames, or the next part of one. */
  push(bytes: Uint8Array): void {
    this.#frames.push(bytes)
    this.#bytes += bytes.length
    if (this.#isHeld || this.#isDue) return
    this.#isDue = true
    process.nextTick(this.#flushLater)
  }

  /** Gathers what is sent from now on, until it is flushed. */
  hold(): void {
    this.#isHeld = true
  }

  /** Writes what was gathered. */
  flush(): void {
    this.#isHeld = false
    const frames = this.#frames
    if (frames.length === 0) return
    const [first = NOTHING] = frames
    this.#frames = []
    const socket = this.#socket
    if (socket.destroyed || socket.writableEnded) this.#bytes = 0
    else if (frames.length === 1) socket.write(first)
    else if (this.#bytes <= JOINED_BYTES_MAX) socket.write(Buffer.concat(frames, this.#bytes))
    else this.#writeJoined(frames)
    this.#bytes = 0
  }

  /** Joins small frames that stand together, and leaves large ones as they are. */
  #writeJoined(frames: readonly Uint8Array[]): void {
    const socket = this.#socket
    let from = 0
    let bytes = 0
    socket.cork()
    for (const [index, { length }] of frames.entries()) {
      if (index > from && bytes + length > JOINED_BYTES_MAX) {
        socket.write(joined(frames.slice(from, index)))
        from = index
        bytes = 0
      }
      bytes += length
    }
    socket.write(joined(frames.slice(from)))
    socket.uncork()
  }

  /** Gives a stream its turns from now on, until it has sent all or may send no more. */
  add(sender: Sender): void {
    this.#ready.add(sender)
    this.pump()
  }

  /** The client has room for so much more. Throws `ConnectionError` for no such amount. */
  widen(bytes: number): void {
    if (bytes === 0) throw protocolError('A client has room for nothing more')
    this.windowBytes += bytes
    if (this.windowBytes > WINDOW_BYTES_MAX) throw flowError('A client has too much room')
    this.pump()
  }

  remove(sender: Sender): void {
    this.#ready.delete(sender)
  }

  /** Lets streams send for as long as there is room. */
  pump(): void {
    for (const sender of this.#ready) {
      if (this.isFull || this.windowBytes <= 0) return
      this.#ready.delete(sender)
      // Added at the end, it is met again after all others.
      if (sender.pump(STRETCH_BYTES)) this.#ready.add(sender)
    }
  }
}

function joined(frames: readonly Uint8Array[]): Uint8Array {
  const [first = NOTHING] = frames
  return frames.length === 1 ? first : Buffer.concat(frames)
}
