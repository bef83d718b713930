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
 * What the calls of one connection hold: never more than it leaves to others. Of small ones a little is
 * always granted besides, and a large one is taken, whatever its size, when there is no other.
 */
export class Share {
  readonly #limits: GrpcLimits
  readonly #together: Together
  #smallBytes = 0
  #largeBytes = 0

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
    const { largeBytes } = this.#together
    const counted = from > LANE_BODY_BYTES ? from : 0
    const own = this.#largeBytes - counted + to
    const left = this.#limits.largeBytesMax - (largeBytes - counted + to)
    if (largeBytes > counted && own > left) return false
    this.free(from)
    this.#addLarge(to)
    return true
  }

  /** A call that held these bytes is over. */
  free(bytes: number): void {
    if (bytes > LANE_BODY_BYTES) this.#addLarge(-bytes)
    else this.#addSmall(-bytes)
  }

  #addLarge(bytes: number): void {
    this.#largeBytes += bytes
    this.#together.largeBytes += bytes
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
