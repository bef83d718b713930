/** Bounds what goes on at once; what comes on top waits its turn. */
export class Turns {
  readonly #max: number
  readonly #queue: (() => void)[] = []
  #running = 0

  constructor(max: number) {
    this.#max = max
  }

  async take<T>(operation: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#max) {
      await new Promise<void>((takeTurn) => this.#queue.push(takeTurn))
    } else {
      this.#running++
    }
    try {
      return await operation()
    } finally {
      const next = this.#queue.shift()
      if (next === undefined) this.#running--
      else next()
    }
  }
}
