import type { Socket } from 'node:net'
import type { Turns } from '../event-loop/turns.ts'
import { ConnectionError, NOTHING } from './frames.ts'
import type { Outbox } from './outbox.ts'

/** Longest that one connection is read before the next one is. */
const SLICE_MS = 0.25

export interface IntakeOptions {
  outbox: Outbox
  /** Whose time all connections of a thread share. */
  turns: Turns
  /** Reads a little; returns how far it came, which is not at all when more must come first. */
  step: (bytes: Buffer, at: number) => number
  /** `step` threw this. */
  failed: (error: ConnectionError) => void
}

/**
 * Reads what comes on a socket: not for so long that other connections wait for it, and no further
 * as long as the client does not read what it was sent.
 */
export class Intake {
  readonly #socket: Socket
  readonly #options: IntakeOptions
  /** What came and was not read yet. */
  #rest: Buffer = NOTHING
  /** Whether it waits for its turn. */
  #isQueued = false
  /** Whether nothing is taken from the socket for now. */
  #isPaused = false
  #isClosed = false
  /** At how many looks in a row the client had not read what was written. */
  #stalledLooks = 0
  readonly #turn = (): void => {
    this.#isQueued = false
    // A socket that is paused now would never tell that the client has closed it.
    if (this.#isClosed) return
    if (this.#options.outbox.isFull) this.#pause()
    else this.#work()
  }

  constructor(socket: Socket, options: IntakeOptions) {
    this.#socket = socket
    this.#options = options
    socket.on('data', (bytes: Buffer) => this.#take(bytes))
    socket.on('drain', () => this.#goOn())
    // What came before and waits for its turn would open streams that nothing ends any more.
    socket.once('close', () => this.close())
  }

  #take(bytes: Buffer): void {
    if (this.#isClosed) return
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes])
    // Within one turn of the event loop a socket may give many pieces: one of them waits here.
    if (this.#isQueued) this.#pause()
    else this.#begin()
  }

  #begin(): void {
    if (this.#options.turns.isFree) this.#work()
    else this.#queue()
  }

  #work(): void {
    if (this.#isClosed) return
    const { outbox } = this.#options
    outbox.hold()
    const hasMore = this.#read()
    outbox.flush()
    if (this.#isClosed) return
    if (outbox.isFull) this.#pause()
    else if (hasMore) this.#queue()
    else if (this.#isPaused) this.#listen()
  }

  /** Whether there is more that could be read at once. */
  #read(): boolean {
    const { step, turns, failed } = this.#options
    const bytes = this.#rest
    const untilMs = Math.min(turns.endMs, performance.now() + SLICE_MS)
    let at = 0
    let isStuck = false
    try {
      while (at < bytes.length && !isStuck) {
        const next = step(bytes, at)
        isStuck = next === at
        at = next
        if (performance.now() > untilMs) break
      }
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error
      failed(error)
    }
    this.#rest = at < bytes.length ? bytes.subarray(at) : NOTHING
    return at < bytes.length && !isStuck
  }

  #queue(): void {
    this.#isQueued = true
    this.#options.turns.wait(this.#turn)
  }

  #pause(): void {
    this.#isPaused = true
    this.#socket.pause()
  }

  #listen(): void {
    this.#isPaused = false
    this.#socket.resume()
  }

  /** The client has read what was written. */
  #goOn(): void {
    this.#stalledLooks = 0
    this.#options.outbox.pump()
    if (this.#isPaused && !this.#isQueued) this.#begin()
  }

  /** Whether the client has read nothing of what was written for so many looks, of which this is one. */
  isStalled(looks: number): boolean {
    if (!this.#socket.writableNeedDrain) this.#stalledLooks = 0
    else this.#stalledLooks++
    return this.#stalledLooks > looks
  }

  /** Drops what was not read, and what still comes. */
  close(): void {
    this.#isClosed = true
    this.#rest = NOTHING
    this.#socket.resume()
  }
}
