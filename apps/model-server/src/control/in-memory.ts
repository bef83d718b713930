import type { Model, VersionObject } from './model.ts'
import type { Usage } from './ports.ts'
import type { Resident } from './residency.ts'

/** What the residency asks of all versions. */
export interface ResidentWays {
  usageOf: (name: string) => Usage
  /** Takes a version out of memory. Never throws. */
  evict: (model: Model, version: VersionObject) => Promise<void>
}

/** A version in memory, as the residency sees it. Few fields, since there may be ten thousand. */
export class InMemory implements Resident {
  bytes: number
  readonly sinceMs: number
  readonly #model: Model
  readonly #version: VersionObject
  readonly #ways: ResidentWays

  /** One that is loaded for no request counts as having come long ago. */
  constructor(model: Model, version: VersionObject, ways: ResidentWays) {
    this.bytes = version.residentBytes ?? 0
    this.sinceMs = isProof(model, version) ? 0 : Date.now()
    this.#model = model
    this.#version = version
    this.#ways = ways
  }

  usedMs(): number {
    return this.#ways.usageOf(this.#model.name).lastUsedMs
  }

  mayLeave(): boolean {
    return this.#version.state === 'AVAILABLE' && this.#version.warming === undefined
  }

  async leave(): Promise<void> {
    await this.#ways.evict(this.#model, this.#version)
  }
}

/** Whether it is loaded for no request: what it takes the place of was not in memory either. */
function isProof(model: Model, version: VersionObject): boolean {
  const others = model.versions.filter((each) => each !== version && each.state === 'AVAILABLE')
  return others.length > 0 && others.every(({ loaded }) => loaded === undefined)
}
