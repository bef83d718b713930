// Long work, and where it may pause.

/**
 * Work that may be interrupted where it yields, which it does after some 0.1 ms: so others can have
 * their turn while a large body is read or a large answer written.
 */
export type Steps<Result> = Generator<undefined, Result, undefined>

/** Does all of the work at once. */
export function atOnce<Result>(steps: Steps<Result>): Result {
  for (;;) {
    const { done, value } = steps.next()
    if (done === true) return value
  }
}

/** What is done between two pauses: some 0.1 ms. */
const PARTS_A_STEP = 1_000

/** Says when work in `Steps` is to pause. */
export class Pauses {
  #parts = 0

  /** Whether enough was done since the last pause. */
  get isDue(): boolean {
    return this.#parts >= PARTS_A_STEP
  }

  /** Counts a part: a value, a list, or a member of an object. */
  count(): void {
    this.#parts++
  }

  /** A pause is made now. */
  begin(): void {
    this.#parts = 0
  }
}
