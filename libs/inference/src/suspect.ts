// Which model is at fault when a process ends as it loads its models again.

/** One model after the other is loaded; each had been before. */
export class Suspect {
  #model: number | undefined
  /** The last process was ended from outside as it loaded this one. */
  #spared: number | undefined

  /** It is loaded again just now. */
  suspect(model: number): void {
    this.#model = model
  }

  /** The process is done with it. */
  acquit(): void {
    if (this.#spared === this.#model) this.#spared = undefined
    this.#model = undefined
  }

  /**
   * The model to leave out after an end. One that somebody ended has shown nothing of a model, but
   * where memory runs out, which looks the same, it would be the same one each time.
   */
  blame(wasEndedFromOutside: boolean): number | undefined {
    const model = this.#model
    this.#model = undefined
    if (!wasEndedFromOutside || model === this.#spared) return model
    this.#spared = model
    return undefined
  }
}
