/** Who was let into the lane. */
export interface Place {
  /** It has been read, and holds so many texts. */
  hold: (texts: number) => void
  /** It is answered. */
  leave: () => void
}

/**
 * Lets requests into the lane while those in it have texts that its heap has room for: a text takes up
 * to 200 bytes there, however short it was sent; numbers lie outside. A request counts for as much as
 * it may bring until it has been read. Long requests have room of their own and the others too: so
 * none waits until one that takes seconds is done. One is let in whatever it brings where there is
 * nobody, and one of each kind in a turn of the event loop.
 */
export class Admission {
  readonly #textsMax: number
  readonly #long: Room
  readonly #short: Room
  readonly #freed = (): void => this.#look()
  #isDue = false

  constructor(textsMax: number) {
    this.#textsMax = textsMax
    this.#long = new Room(textsMax, this.#freed)
    this.#short = new Room(textsMax, this.#freed)
  }

  /** Resolves when it is the turn of a request that may bring so many texts, in the order of their coming. */
  async enter(texts: number): Promise<Place> {
    const most = Math.min(texts, this.#textsMax)
    const room = most > this.#textsMax / 2 ? this.#long : this.#short
    const place = room.wait(most)
    this.#look()
    return await place
  }

  #look(): void {
    if (this.#isDue || !(this.#long.isOpen || this.#short.isOpen)) return
    this.#isDue = true
    setImmediate(() => {
      this.#isDue = false
      this.#short.admit()
      this.#long.admit()
      this.#look()
    })
  }
}

interface Waiting {
  texts: number
  enter: (place: Place) => void
}

/** Room for so many texts, and who waits for some of it. */
class Room {
  readonly #textsMax: number
  readonly #freed: () => void
  readonly #waiting: Waiting[] = []
  #requests = 0
  #texts = 0

  constructor(textsMax: number, freed: () => void) {
    this.#textsMax = textsMax
    this.#freed = freed
  }

  async wait(texts: number): Promise<Place> {
    return await new Promise((enter) => {
      this.#waiting.push({ texts, enter })
    })
  }

  /** Whether there is room for the first that waits. */
  get isOpen(): boolean {
    const [first] = this.#waiting
    if (first === undefined) return false
    return this.#requests === 0 || this.#texts + first.texts <= this.#textsMax
  }

  /** Lets the first in if there is room for it. */
  admit(): void {
    const first = this.isOpen ? this.#waiting.shift() : undefined
    if (first === undefined) return
    let held = first.texts
    this.#requests++
    this.#texts += held
    const hold = (texts: number): void => {
      this.#texts += texts - held
      held = texts
      this.#freed()
    }
    const leave = (): void => {
      this.#requests--
      hold(0)
    }
    first.enter({ hold, leave })
  }
}
