// Answers that are waited for, each with the same time to wait: so they fall due in the order in
// which they came, and one timer serves them all.

/** One answer; whichever comes first counts, the answer or the deadline. */
interface Waiting {
  deadlineMs: number
  expire: () => void
}

/** The answers of one port that are not there yet. */
export class Pending {
  readonly #timeoutMs: number
  readonly #waiting = new Set<Waiting>()
  #timer: NodeJS.Timeout | undefined

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs
  }

  /** When what begins now falls due, on the clock of `performance.now()`. */
  deadlineMs(nowMs: number): number {
    return nowMs + this.#timeoutMs
  }

  /** Calls `settle` with the answer, which must not throw, or with what `expired` makes when it takes too long; once. */
  wait<T>(answer: Promise<T>, settle: (answer: T) => void, expired: () => T): void {
    const waiting: Waiting = {
      deadlineMs: this.deadlineMs(performance.now()),
      expire: () => settle(expired()),
    }
    this.#waiting.add(waiting)
    if (this.#timer === undefined) this.#arm(waiting)
    void this.#settle(answer, waiting, settle)
  }

  async #settle<T>(
    answer: Promise<T>,
    waiting: Waiting,
    settle: (answer: T) => void,
  ): Promise<void> {
    const made = await answer
    if (this.#waiting.delete(waiting)) settle(made)
  }

  #arm({ deadlineMs }: Waiting): void {
    this.#timer = setTimeout(() => this.#look(), Math.max(1, deadlineMs - performance.now()))
    this.#timer.unref()
  }

  #look(): void {
    this.#timer = undefined
    const nowMs = performance.now()
    for (const waiting of this.#waiting) {
      if (waiting.deadlineMs > nowMs) return this.#arm(waiting)
      this.#waiting.delete(waiting)
      waiting.expire()
    }
  }
}
