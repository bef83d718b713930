// Request bodies as they arrive, with a bound on each and on all of them together.

import { ServingError } from '@drover/serving-api'
import type { Limits } from '../limits.ts'
import { LANE_BODY_BYTES } from '../serving/core.ts'
import { NOTHING, TooLarge } from './reply.ts'

/** What is allocated at a time for a body that comes in several pieces: as much again as came already. */
const SEGMENT_BYTES_MIN = 4 * 1024
const SEGMENT_BYTES_MAX = LANE_BODY_BYTES
/** What is copied before the loop may turn to others: under a millisecond. */
const COPY_BYTES = 4 * 1024 * 1024

/** The memory that request bodies of one port may take. */
export class Held {
  readonly #limits: Limits
  #bytes = 0

  constructor(limits: Limits) {
    this.#limits = limits
  }

  /** Throws RESOURCE_EXHAUSTED where there is no room. */
  take(bytes: number): void {
    if (!this.tryTake(bytes))
      throw new ServingError('RESOURCE_EXHAUSTED', 'Too many request bodies are held already')
  }

  tryTake(bytes: number): boolean {
    if (this.#bytes + bytes > this.#limits.bodiesBytesMax) return false
    this.#bytes += bytes
    return true
  }

  give(bytes: number): void {
    this.#bytes -= bytes
  }

  /** Throws TooLarge. */
  check(bytes: number): void {
    const { bodyBytesMax } = this.#limits
    if (bytes > bodyBytesMax) throw new TooLarge(`A request body may have ${bodyBytesMax} bytes`)
  }
}

/**
 * One body. A body that comes in one piece is not copied; the pieces of others are, because each
 * of them may be a byte in memory of its own that is hundreds of times as large.
 */
export class Body {
  readonly #held: Held
  readonly #segments: Buffer[] = []
  #lastUsedBytes = 0
  #heldBytes = 0
  sizeBytes = 0

  constructor(held: Held) {
    this.#held = held
  }

  /** Throws TooLarge, or RESOURCE_EXHAUSTED; the body is let go of then. */
  add(piece: Buffer): void {
    try {
      this.#held.check(this.sizeBytes + piece.length)
      if (this.sizeBytes === 0) this.#keep(piece)
      else this.#copy(piece)
      this.sizeBytes += piece.length
    } catch (error) {
      this.release()
      throw error
    }
  }

  #keep(piece: Buffer): void {
    this.#take(piece.length)
    this.#segments.push(piece)
    this.#lastUsedBytes = piece.length
  }

  #copy(piece: Buffer): void {
    let from = 0
    while (from < piece.length) {
      let last = this.#segments.at(-1)
      if (last === undefined || this.#lastUsedBytes === last.length) {
        const bytes = Math.min(Math.max(SEGMENT_BYTES_MIN, this.sizeBytes), SEGMENT_BYTES_MAX)
        this.#take(bytes)
        last = Buffer.allocUnsafeSlow(bytes)
        this.#segments.push(last)
        this.#lastUsedBytes = 0
      }
      const bytes = piece.copy(last, this.#lastUsedBytes, from)
      from += bytes
      this.#lastUsedBytes += bytes
    }
  }

  #take(bytes: number): void {
    this.#held.take(bytes)
    this.#heldBytes += bytes
  }

  /**
   * The whole of it. A large one is put together in slices, into memory of its own, so that it can
   * go to another thread uncopied.
   */
  whole(): Buffer | Promise<Buffer> {
    const [first = NOTHING] = this.#segments
    if (this.#segments.length <= 1) return first.subarray(0, this.sizeBytes)
    if (this.sizeBytes <= LANE_BODY_BYTES) return Buffer.concat(this.#segments, this.sizeBytes)
    return this.#join()
  }

  async #join(): Promise<Buffer> {
    const whole = Buffer.allocUnsafeSlow(this.sizeBytes)
    let at = 0
    let untilTurn = COPY_BYTES
    for (const segment of this.#segments) {
      at += segment.copy(whole, at)
      untilTurn -= segment.length
      if (untilTurn > 0) continue
      untilTurn = COPY_BYTES
      await new Promise((resolve) => setImmediate(resolve))
    }
    this.#segments.length = 0
    return whole
  }

  /** The memory of it is not held any more. May be called twice. */
  release(): void {
    this.#held.give(this.#heldBytes)
    this.#heldBytes = 0
    this.#segments.length = 0
  }
}
