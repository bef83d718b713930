import { strict as assert } from 'node:assert'

/** A stretch of memory. */
export interface Stretch {
  at: number
  size: number
}

/** What is free between two places: the best fit is taken, and neighbours that become free are joined. */
export class FreeList {
  readonly #size: number
  /** In order; no two of them touch. */
  readonly #free: Stretch[]

  constructor(from: number, to: number) {
    this.#size = to - from
    this.#free = [{ at: from, size: to - from }]
  }

  /** Whether nothing is taken. */
  get isEmpty(): boolean {
    return this.#free[0]?.size === this.#size
  }

  /** The size of the smallest free stretch that holds so many bytes. */
  fit(size: number): number | undefined {
    let best: number | undefined
    for (const free of this.#free)
      if (free.size >= size && free.size < (best ?? Infinity)) best = free.size
    return best
  }

  /** Takes bytes from that stretch; undefined when there is none. */
  allocate(size: number): number | undefined {
    const best = this.fit(size)
    const index = this.#free.findIndex((free) => free.size === best)
    const found = this.#free[index]
    if (found === undefined) return undefined
    const { at } = found
    if (found.size === size) this.#free.splice(index, 1)
    else this.#free[index] = { at: at + size, size: found.size - size }
    return at
  }

  /** Gives back what `allocate` gave, with the size that was asked for. */
  free({ at, size }: Stretch): void {
    const index = this.#indexAfter(at)
    const [before, after] = [this.#free[index - 1], this.#free[index]]
    const [from, to] = [before ? before.at + before.size : -1, after?.at ?? Infinity]
    assert(from <= at && at + size <= to, `the memory at ${at} is free already`)
    const joined = { at, size }
    let [first, count] = [index, 0]
    if (before !== undefined && from === at) {
      joined.at = before.at
      joined.size += before.size
      first--
      count++
    }
    if (after !== undefined && to === at + size) {
      joined.size += after.size
      count++
    }
    this.#free.splice(first, count, joined)
  }

  /** The first free stretch behind a place. */
  #indexAfter(at: number): number {
    let [low, high] = [0, this.#free.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#free[middle]?.at ?? 0) < at) low = middle + 1
      else high = middle
    }
    return low
  }
}
