/**
 * What this thread has of things that others made, by the names that these gave them. Held weakly: what
 * no model of this thread uses must not be kept.
 */
export class Weakly<T extends object> {
  readonly #known = new Map<string, WeakRef<T>>()
  readonly #gone = new FinalizationRegistry<string>((id) => {
    if (this.#known.get(id)?.deref() === undefined) this.#known.delete(id)
  })

  /** The one of this name; it is made when there is none. */
  get(id: string, make: () => T): T {
    const known = this.#known.get(id)?.deref()
    if (known !== undefined) return known
    const made = make()
    this.#known.set(id, new WeakRef(made))
    this.#gone.register(made, id)
    return made
  }
}
