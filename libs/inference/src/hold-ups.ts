// The requests in one process, which takes one at a time: how many each model has there, and how long
// each has kept those of others waiting. What it is charged with runs off again, so that only those
// models are found that do it much and often.

/** So much at once is too much: one run of this length, or a few within seconds. */
const CHARGE_MS_MAX = 250
/** What is forgiven of each second. */
const FORGIVEN_MS_PER_S = 20

/** See the head of the file. */
export class HoldUps {
  readonly #requests = new Map<number, number>()
  readonly #charges = new Map<number, { ms: number; atMs: number }>()
  #total = 0

  /** Requests of all models. */
  get total(): number {
    return this.#total
  }

  /** Requests of all models but this one. */
  othersThan(model: number): number {
    return this.#total - (this.#requests.get(model) ?? 0)
  }

  enter(model: number): void {
    this.#total++
    this.#requests.set(model, (this.#requests.get(model) ?? 0) + 1)
  }

  leave(model: number): void {
    this.#total--
    const left = (this.#requests.get(model) ?? 0) - 1
    if (left > 0) this.#requests.set(model, left)
    else this.#requests.delete(model)
  }

  /** Charges a model with a run if others wait behind it; whether that makes it too much. */
  charge(model: number, runMs: number, nowMs: number): boolean {
    if (this.othersThan(model) === 0) return false
    const { ms, atMs } = this.#charges.get(model) ?? { ms: 0, atMs: nowMs }
    const left = Math.max(0, ms - ((nowMs - atMs) / 1_000) * FORGIVEN_MS_PER_S)
    const charge = left + runMs
    const isTooMuch = charge > CHARGE_MS_MAX
    // It is told once, and then again when as much has come together anew.
    this.#charges.set(model, { ms: isTooMuch ? 0 : charge, atMs: nowMs })
    return isTooMuch
  }

  /** What it did is forgiven; its requests still count. */
  forgive(model: number): void {
    this.#charges.delete(model)
  }
}
