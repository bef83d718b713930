// Work that must not hold up the event loop: a stretch of it, then whatever else waits, then the next.

import { performance } from 'node:perf_hooks'
import { setImmediate } from 'node:timers/promises'
import { InferenceError } from '../errors.ts'

/** How long a stretch may take, about. */
const STRETCH_MS = 2
/** The first rows, which tell how long others take, may cost so many multiply-adds. */
const FIRST_COST = 250_000
const SLICE_MS = 0.5
const ROWS_MAX = 8_192

/** How many rows to run at a time: the first few by what they should cost, then by what they did. */
export class Pace {
  #rows: number

  /** The cost of a row, about, in multiply-adds of a dense layer. */
  constructor(cost: number) {
    this.#rows = Math.min(ROWS_MAX, Math.ceil(FIRST_COST / (cost + 1)))
  }

  /** The next slice. */
  get rows(): number {
    return this.#rows
  }

  took(rows: number, ms: number): void {
    // The clock is coarse and a pause may be nobody's fault: neither may change much at once.
    const wanted = (rows * SLICE_MS) / (ms + 1e-3)
    this.#rows = Math.ceil(Math.min(wanted, this.#rows * 4, ROWS_MAX))
  }
}

/** Work that can be done piece by piece. */
export interface Pieces<T> {
  isDone: () => boolean
  /** Does the next piece. */
  work: () => void
  finish: () => T
}

/** Does work in stretches; TIMEOUT when the deadline has passed before one. */
export class Stretches {
  readonly #deadlineMs: number
  #startMs: number

  /** Both on the clock of `performance.now()`. */
  constructor(deadlineMs: number, startMs: number) {
    this.#deadlineMs = deadlineMs
    this.#startMs = startMs
  }

  /** The answer at once if the first stretch is enough for it. */
  run<T>(pieces: Pieces<T>): T | Promise<T> {
    return this.#stretch(pieces) ? pieces.finish() : this.#goOn(pieces)
  }

  #stretch({ isDone, work }: Pieces<unknown>): boolean {
    while (!isDone()) {
      const now = performance.now()
      if (now > this.#deadlineMs) throw new InferenceError('TIMEOUT', 'it took too long')
      if (now - this.#startMs > STRETCH_MS) return false
      work()
    }
    return true
  }

  async #goOn<T>(pieces: Pieces<T>): Promise<T> {
    do {
      await setImmediate()
      this.#startMs = performance.now()
    } while (!this.#stretch(pieces))
    return pieces.finish()
  }
}
