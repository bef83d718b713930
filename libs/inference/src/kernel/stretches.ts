// Work that must not hold up the event loop: a stretch of it, then whatever else waits, then the next.

import { performance } from 'node:perf_hooks'
import { setImmediate } from 'node:timers/promises'
import { InferenceError } from '../errors.ts'

/** How long a stretch may take, about. */
const STRETCH_MS = 2

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
