import { LANE_BODY_BYTES } from '../serving/core.ts'
import type { GrpcLimits } from './limits.ts'

/**
 * Counts the bytes of requests and answers that are held in this thread. Small ones are counted
 * apart from large ones, so that neither kind can take the other's room.
 */
export class Held {
  readonly #limits: GrpcLimits
  #smallBytes = 0
  #largeBytes = 0

  constructor(limits: GrpcLimits) {
    this.#limits = limits
  }

  /** Whether a call may hold `to` bytes in place of `from`; they are counted if so. */
  grow(from: number, to: number): boolean {
    if (to <= LANE_BODY_BYTES) {
      if (this.#smallBytes + to - from > this.#limits.smallBytesMax) return false
      this.#smallBytes += to - from
      return true
    }
    const others = this.#largeBytes - (from > LANE_BODY_BYTES ? from : 0)
    if (others > 0 && others + to > this.#limits.largeBytesMax) return false
    this.free(from)
    this.#largeBytes += to
    return true
  }

  /** A call that held these bytes is over. */
  free(bytes: number): void {
    if (bytes > LANE_BODY_BYTES) this.#largeBytes -= bytes
    else this.#smallBytes -= bytes
  }
}
