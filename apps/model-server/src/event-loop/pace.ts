import { setImmediate } from 'node:timers/promises'

/** Looking at the clock costs as much as many a step. */
const STEPS_A_LOOK = 8

/** Keeps work on many things from holding the event loop for long. */
export class Pace {
  readonly #stretchMs: number
  #since = performance.now()
  #steps = 0

  constructor(stretchMs: number) {
    this.#stretchMs = stretchMs
  }

  /** Counts a step of the work; true when the loop has been held for long enough: `rest` then. */
  step(): boolean {
    this.#steps++
    if (this.#steps % STEPS_A_LOOK !== 0) return false
    return performance.now() - this.#since >= this.#stretchMs
  }

  /** Lets everything else that is ready go first. */
  async rest(): Promise<void> {
    await setImmediate()
    this.#since = performance.now()
  }
}

/** Takes all steps of some work, with rests between them; what `look` throws after a rest ends it. */
export async function inSlices<T>(
  steps: Iterator<unknown, T>,
  stretchMs: number,
  look?: () => void,
): Promise<T> {
  const pace = new Pace(stretchMs)
  for (;;) {
    const { done, value } = steps.next()
    if (done) return value
    if (!pace.step()) continue
    await pace.rest()
    look?.()
  }
}
