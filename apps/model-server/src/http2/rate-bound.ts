/** Bounds how often something happens within a stretch of time. */
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

  /** It happened once more; false if that is too often. */
  count(): boolean {
    const nowMs = performance.now()
    if (nowMs - this.#sinceMs > this.#stretchMs) {
      this.#sinceMs = nowMs
      this.#count = 0
    }
    return ++this.#count <= this.#max
  }
}
