import type { ServableState } from '@drover/serving-api'
import type { Observed } from './plan.ts'
import type { Loaded, PublishedModel, VersionTold } from './ports.ts'
import { move } from './states.ts'

/** A version that is to be served, and where its files are. */
export interface WantedVersion {
  version: bigint
  directory: string
  /** What its files are: other content under the same number is loaded anew. */
  content: string
  /** Of its files, where that is known. */
  sizeBytes?: number
}

/** What is to be served of a model. */
export interface WantedModel {
  name: string
  versions: readonly WantedVersion[]
  labels: Readonly<Record<string, bigint>>
  /** Why its files cannot be seen, or why there are none. */
  fault?: string | undefined
  /** The versions are those of before: nothing is known yet of what is to follow them. */
  isOutdated?: boolean
  /** Why nothing can be served yet: its files have not been looked at, or are not complete. */
  pending?: string | undefined
}

/** One try of a version on its way from START to END. */
export class VersionObject {
  readonly id: number
  readonly version: bigint
  readonly wanted: WantedVersion
  state: ServableState = 'START'
  /** When it came into this state, since 1970. */
  sinceMs = Date.now()
  isQueued = false
  /** Requests are to find it. */
  isServed = false
  error: string | undefined
  /** Undefined in an available version: it is cold. */
  loaded: Loaded | undefined
  /** Of its last stay in memory. */
  residentBytes: number | undefined
  /** Under way while it is being loaded for requests that wait. */
  warming: Promise<void> | undefined
  waiters = 0

  constructor(id: number, wanted: WantedVersion) {
    this.id = id
    this.version = wanted.version
    this.wanted = wanted
  }

  move(to: ServableState): void {
    this.state = move(this.state, to)
    this.sinceMs = Date.now()
  }

  get hasFailed(): boolean {
    return this.state === 'END' && this.error !== undefined
  }
}

/** A model: what is wanted of it, its versions, and who waits for it to settle. */
export class Model {
  readonly name: string
  wanted: WantedModel
  /** It was listed nowhere when it was last heard of. */
  isRemoved = false
  versions: VersionObject[] = []
  /** How often each content has failed in a row. */
  readonly failures = new Map<string, number>()
  /** What each label names now. */
  readonly labels = new Map<string, bigint>()
  readonly #allowsEarlyLabels: boolean
  readonly #waiters = new Set<() => void>()

  constructor(wanted: WantedModel, allowsEarlyLabels: boolean) {
    this.name = wanted.name
    this.wanted = wanted
    this.#allowsEarlyLabels = allowsEarlyLabels
  }

  /** Failures of content that is wanted no more do not count against what comes. */
  forgetFailures(): void {
    for (const content of this.failures.keys())
      if (!this.wanted.versions.some((wanted) => wanted.content === content))
        this.failures.delete(content)
  }

  isWanted({ wanted }: VersionObject): boolean {
    return this.wanted.versions.some(
      ({ version, content }) => version === wanted.version && content === wanted.content,
    )
  }

  /** Whether all that is wanted is available or has failed, and nothing more is to come. */
  get isSettled(): boolean {
    if (this.wanted.pending !== undefined) return false
    return this.wanted.versions.every((wanted) => {
      const found = this.tryOf(wanted)
      return found?.state === 'AVAILABLE' || found?.hasFailed === true
    })
  }

  /** The newest try of wanted content. */
  tryOf({ version, content }: WantedVersion): VersionObject | undefined {
    return this.versions.findLast(
      (each) => each.version === version && each.wanted.content === content,
    )
  }

  /** Whether nothing of it is left but memories. */
  get isGone(): boolean {
    return this.isRemoved && this.versions.every(({ state }) => state === 'END')
  }

  /** Calls back once, when it is settled or removed; the function that is returned takes it back. */
  onSettled(done: () => void): () => void {
    this.#waiters.add(done)
    return () => {
      this.#waiters.delete(done)
    }
  }

  /** Tells those who wait, where there is nothing more to wait for. */
  tell(): void {
    if (!this.isSettled && !this.isRemoved) return
    const waiters = [...this.#waiters]
    this.#waiters.clear()
    for (const done of waiters) done()
  }

  /** By number, what requests find: wanted content before old, then the newest. */
  served(): Map<bigint, VersionObject> {
    const served = new Map<bigint, VersionObject>()
    for (const each of this.versions) {
      const other = served.get(each.version)
      if (each.isServed && (other === undefined || !this.isWanted(other) || this.isWanted(each)))
        served.set(each.version, each)
    }
    return served
  }

  /** What the threads are to answer by now; labels follow. */
  publish(): PublishedModel {
    const served = this.served()
    this.#followLabels(served)
    let latest: bigint | undefined
    for (const version of served.keys())
      if (latest === undefined || version > latest) latest = version
    return {
      name: this.name,
      versions: Array.from(served.values(), ({ version, loaded }) => ({
        version,
        loaded: loaded ?? 'cold',
      })),
      labels: new Map(this.labels),
      latest,
    }
  }

  /**
   * A label goes to another version when that one answers. A new label may go to one that does not,
   * where that is allowed; it then answers NOT_FOUND until it does.
   */
  #followLabels(served: ReadonlyMap<bigint, VersionObject>): void {
    const { labels } = this.wanted
    for (const label of this.labels.keys())
      if (this.isRemoved || !Object.hasOwn(labels, label)) this.labels.delete(label)
    for (const [label, version] of Object.entries(labels)) {
      const isNew = !this.labels.has(label)
      if (served.has(version) || (isNew && this.#allowsEarlyLabels)) this.labels.set(label, version)
    }
  }

  observe(): Observed {
    const { versions, labels } = this.wanted
    return {
      wanted: versions,
      held: Array.from(this.labels).flatMap(([label, version]) =>
        labels[label] === version || !Object.hasOwn(labels, label) ? [] : [version],
      ),
      versions: this.versions.map(({ id, version, wanted, state, isQueued, hasFailed }) => ({
        id,
        version,
        content: wanted.content,
        state,
        isQueued,
        hasFailed,
      })),
    }
  }

  /** What is told of its versions, highest first: of each number what answers, else the newest try. */
  told(): VersionTold[] {
    const told = new Map<bigint, VersionObject>()
    for (const each of this.versions) {
      const other = told.get(each.version)
      if (other === undefined || other.state !== 'AVAILABLE' || each.state === 'AVAILABLE')
        told.set(each.version, each)
    }
    return [...told.values()]
      .toSorted((a, b) => (a.version < b.version ? 1 : -1))
      .map(({ version, state, error }) => ({
        version,
        state,
        ...(error !== undefined && { error }),
      }))
  }

  /** Forgets ended tries that another one follows, and the lowest ended versions beyond a number. */
  forget(endedMax: number): void {
    const newest = new Map(this.versions.map(({ version, id }) => [version, id]))
    const ended = this.versions
      .filter(({ state }) => state === 'END')
      .filter((each) => !this.isWanted(each) || each.id !== newest.get(each.version))
      .toSorted((a, b) => (a.version < b.version ? 1 : -1))
    const isKept = ({ id, version }: VersionObject, index: number): boolean =>
      id === newest.get(version) && index < endedMax
    const dropped = new Set(ended.filter((each, index) => !isKept(each, index)))
    if (dropped.size > 0) this.versions = this.versions.filter((each) => !dropped.has(each))
  }
}
