/**
 * Lets requests into the lane: one in each turn of its event loop, as reading one takes all of a turn,
 * and none while those that run hold as many texts as its heap has room for. A text takes up to 200
 * bytes there, however short it was sent; numbers lie outside.
 */
export class Admission {
  readonly #textsMax: number
  readonly #waiting: (() => void)[] = []
  #texts = 0
  #isDue = false

  constructor(textsMax: number) {
    this.#textsMax = textsMax
  }

  /** Resolves when it is this request's turn, in the order of their coming. */
  async enter(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve)
      this.#look()
    })
  }

  /** A request goes on that holds so many texts. */
  hold(texts: number): void {
    this.#texts += texts
  }

  /** It does not hold them any more. */
  free(texts: number): void {
    this.#texts -= texts
    this.#look()
  }

  #look(): void {
    if (this.#isDue || this.#waiting.length === 0) return
    this.#isDue = true
    setImmediate(() => {
      this.#isDue = false
      if (this.#texts > this.#textsMax) return
      this.#waiting.shift()?.()
      this.#look()
    })
  }
}
