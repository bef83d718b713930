import { LANE_BODY_BYTES } from '../serving/core.ts'
import type { GrpcLimits } from './limits.ts'

/** What all connections of a thread hold together. */
interface Together {
  smallBytes: number
  largeBytes: number
}

/**
 * Counts the bytes of requests and answers that are held in this thread. Small ones are counted
 * apart from large ones, so that neither kind can take the other's room.
 */
export class Held {
  readonly #limits: GrpcLimits
  readonly #together: Together = { smallBytes: 0, largeBytes: 0 }

  constructor(limits: GrpcLimits) {
    this.#limits = limits
  }

  /** What one connection may hold. */
  share(): Share {
    return new Share(this.#limits, this.#together)
  }
}

/**
 * What the calls of one connection hold. Of small ones a little is always granted, and the rest comes out
 * of what all connections share, of which one may never hold more than it leaves to others. Large ones
 * have no such share: whoever comes first has the room.
 */
export class Share {
  readonly #limits: GrpcLimits
  readonly #together: Together
  #smallBytes = 0

  constructor(limits: GrpcLimits, together: Together) {
    this.#limits = limits
    this.#together = together
  }

  /** Whether a call may hold `to` bytes in place of `from`; they are counted if so. */
  grow(from: number, to: number): boolean {
    return to <= LANE_BODY_BYTES ? this.#growSmall(to - from) : this.#growLarge(from, to)
  }

  #growSmall(bytes: number): boolean {
    const own = this.#sharedOf(this.#smallBytes + bytes)
    const more = own - this.#sharedOf(this.#smallBytes)
    const left = this.#limits.smallBytesMax - this.#together.smallBytes - more
    if (more > 0 && own > left) return false
    this.#addSmall(bytes)
    return true
  }

  #growLarge(from: number, to: number): boolean {
    const together = this.#together
    const others = together.largeBytes - (from > LANE_BODY_BYTES ? from : 0)
    if (others > 0 && others + to > this.#limits.largeBytesMax) return false
    this.free(from)
    together.largeBytes += to
    return true
  }

  /** A call that held these bytes is over. */
  free(bytes: number): void {
    if (bytes > LANE_BODY_BYTES) this.#together.largeBytes -= bytes
    else this.#addSmall(-bytes)
  }

  #addSmall(bytes: number): void {
    const before = this.#sharedOf(this.#smallBytes)
    this.#smallBytes += bytes
    this.#together.smallBytes += this.#sharedOf(this.#smallBytes) - before
  }

  /** How much of what it holds is beyond what is always granted. */
  #sharedOf(bytes: number): number {
    return Math.max(0, bytes - this.#limits.reservedBytes)
  }
}
