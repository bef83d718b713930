import type { Model } from './model.ts'
import type { PublishedModel, Publisher } from './ports.ts'

/**
 * Tells the threads of one model, one message after another. What changes while one is under way is
 * told by one more after it.
 */
export class Publication {
  readonly #model: Model
  readonly #publisher: Publisher
  #next: Promise<void> | undefined
  #last: Promise<void> = Promise.resolve()
  #told: PublishedModel | undefined

  constructor(model: Model, publisher: Publisher) {
    this.#model = model
    this.#publisher = publisher
  }

  /** Resolves when the threads answer by what the model is now, or by something newer. */
  async update(): Promise<void> {
    if (this.#next === undefined) {
      const next = this.#tellAfter(this.#last)
      this.#next = next
      this.#last = next.catch(() => {})
    }
    await this.#next
  }

  async #tellAfter(last: Promise<void>): Promise<void> {
    await last
    this.#next = undefined
    const model = this.#model.publish()
    if (this.#told !== undefined && isSame(this.#told, model)) return
    // Until it has been told the threads may know the one or the other.
    this.#told = undefined
    await this.#publisher.serve(model)
    this.#told = model
  }

  /** Whether the threads may not know what the model is now. */
  get isStale(): boolean {
    return this.#told === undefined || !isSame(this.#told, this.#model.publish())
  }
}

function isSame(a: PublishedModel, b: PublishedModel): boolean {
  if (a.versions.length !== b.versions.length || a.labels.size !== b.labels.size) return false
  const isThere = ({ version, loaded }: PublishedModel['versions'][number], index: number) =>
    b.versions[index]?.version === version && b.versions[index].loaded === loaded
  if (!a.versions.every(isThere)) return false
  return [...a.labels].every(([label, version]) => b.labels.get(label) === version)
}
