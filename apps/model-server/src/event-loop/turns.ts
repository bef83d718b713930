/** How long requests are answered at a stretch before the event loop turns to all else. */
const STRETCH_MS = 2
/** Places at the front of the queue that are free already; then it is made anew without them. */
const FREE_PLACES_MAX = 1_024

/**
 * Shares the time of a thread among connections, each of which asks one request at a time: what comes
 * while there is time is answered at once, further requests wait, and are answered in the order in
 * which they came. So a connection that sends thousands at once gets its turn as often as all others.
 */
export class Turns {
  #waiting: (() => void)[] = []
  /** The first that waits. */
  #first = 0
  /** When the stretch of this turn of the event loop began; undefined if it has not. */
  #startMs: number | undefined
  readonly #end = (): void => {
    this.#startMs = undefined
  }
  readonly #goOn = (): void => this.#work()

  /** Whether one more request may be answered at once. */
  get isFree(): boolean {
    if (this.#first < this.#waiting.length) return false
    const nowMs = performance.now()
    if (this.#startMs !== undefined) return nowMs - this.#startMs < STRETCH_MS
    this.#startMs = nowMs
    // Whatever is ready in this turn of the loop comes before this, and nothing is kept waiting by it.
    setImmediate(this.#end).unref()
    return true
  }

  /** When the time of this turn of the event loop is used up, on the clock of `performance.now()`. */
  get endMs(): number {
    return (this.#startMs ?? 0) + STRETCH_MS
  }

  /** Calls when its turn comes, in another turn of the event loop. */
  wait(work: () => void): void {
    this.#waiting.push(work)
    if (this.#waiting.length - this.#first === 1) setImmediate(this.#goOn)
  }

  #work(): void {
    const startMs = performance.now()
    this.#startMs = startMs
    while (performance.now() - startMs < STRETCH_MS) {
      const work = this.#waiting[this.#first]
      if (work === undefined) break
      // What it begins finds others waiting, or itself the last one.
      work()
      this.#first++
    }
    this.#tidy()
    this.#startMs = undefined
    if (this.#waiting.length > 0) setImmediate(this.#goOn)
  }

  #tidy(): void {
    const isEmpty = this.#first === this.#waiting.length
    if (!isEmpty && this.#first < FREE_PLACES_MAX) return
    this.#waiting = this.#waiting.slice(this.#first)
    this.#first = 0
  }
}
