import { ConnectionError, ErrorCode } from './frames.ts'

/** Bounds how often a client may do within a stretch of time what costs us and comes to nothing. */
export class RateBound {
  readonly #max: number
  readonly #stretchMs: number
  #count = 0
  #sinceMs = performance.now()

  /** At most `max` within `stretchMs`. */
  constructor(max: number, stretchMs: number) {
    this.#max = max
    this.#stretchMs = stretchMs
  }

  /** It happened once more. Throws `ConnectionError` if that is too often. */
  count(): void {
    if (++this.#count <= this.#max) return
    const nowMs = performance.now()
    if (nowMs - this.#sinceMs <= this.#stretchMs)
      throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, 'Too much comes to nothing')
    this.#sinceMs = nowMs
    this.#count = 1
  }

  /** It may happen once more than it might have. */
  allow(): void {
    if (this.#count > 0) this.#count--
  }
}
