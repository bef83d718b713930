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
