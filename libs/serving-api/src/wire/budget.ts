import { ServingError } from '../errors.ts'

/**
 * The most that one request may take for values which it does not bring, in bytes: few bytes could
 * ask for terabytes.
 */
export const FILLED_BYTES_MAX = 512 * 1024
/** Strings and serialized examples in a request: each costs many times its bytes in a message. */
export const STRINGS_MAX = 2_000_000
/** Inputs, names of outputs, and tasks. */
export const NAMES_MAX = 10_000

/** A request has more strings than its reader wanted to read, and may be read elsewhere. */
export class ManyStrings extends Error {}

/** What one request may still take. */
export class RequestBudget {
  readonly #stringsLeft: number
  #filledBytes = FILLED_BYTES_MAX
  #strings = STRINGS_MAX
  #names = NAMES_MAX

  /** `stringsMax`: with more, `takeStrings` throws `ManyStrings`. */
  constructor(stringsMax = STRINGS_MAX) {
    this.#stringsLeft = STRINGS_MAX - stringsMax
  }

  /** Takes memory for values that the request does not bring; false if that is too much. */
  fill(bytes: number): boolean {
    if (bytes > this.#filledBytes) return false
    this.#filledBytes -= Math.max(0, bytes)
    return true
  }

  /** Throws RESOURCE_EXHAUSTED where there are too many. */
  takeStrings(count: number): void {
    this.#strings -= count
    if (this.#strings >= 0 && this.#strings < this.#stringsLeft) throw new ManyStrings()
    if (this.#strings < 0) throw tooMany(`${STRINGS_MAX} strings or examples`)
  }

  /** Throws RESOURCE_EXHAUSTED where there are too many. */
  takeName(): void {
    if (--this.#names < 0) throw tooMany(`${NAMES_MAX} inputs, outputs or tasks`)
  }
}

const tooMany = (what: string): ServingError =>
  new ServingError('RESOURCE_EXHAUSTED', `A request may have ${what}: send fewer at a time`)
