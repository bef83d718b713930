import type { Socket } from 'node:net'
import { ConnectionError, NOTHING } from './frames.ts'
import type { Outbox } from './outbox.ts'

export interface IntakeOptions {
  outbox: Outbox
  /** Longest that is read at a stretch. */
  turnMsMax: number
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
  /** Whether nothing is taken from the socket until the next turn. */
  #isWaiting = false
  #isClosed = false
  /** At how many looks in a row the client had not read what was written. */
  #stalledLooks = 0

  constructor(socket: Socket, options: IntakeOptions) {
    this.#socket = socket
    this.#options = options
    socket.on('data', (bytes: Buffer) => this.#take(bytes))
    socket.on('drain', () => this.#goOn())
  }

  #take(bytes: Buffer): void {
    if (this.#isClosed) return
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes])
    if (!this.#isWaiting) this.#work()
  }

  #work(): void {
    if (this.#isClosed) return
    const { outbox } = this.#options
    outbox.hold()
    const hasMore = this.#read()
    outbox.flush()
    if (this.#isClosed) return
    if (hasMore || outbox.isFull) this.#wait(hasMore)
    else if (this.#isWaiting) this.#listen()
  }

  /** Whether there is more that could be read at once. */
  #read(): boolean {
    const { step, turnMsMax, failed } = this.#options
    const bytes = this.#rest
    const untilMs = performance.now() + turnMsMax
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

  #wait(hasMore: boolean): void {
    if (!this.#isWaiting) this.#socket.pause()
    this.#isWaiting = true
    if (hasMore && !this.#options.outbox.isFull) setImmediate(() => this.#work())
  }

  #listen(): void {
    this.#isWaiting = false
    this.#socket.resume()
  }

  /** The client has read what was written. */
  #goOn(): void {
    this.#stalledLooks = 0
    this.#options.outbox.pump()
    if (this.#isWaiting) this.#work()
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
