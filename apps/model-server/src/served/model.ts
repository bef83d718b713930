import type { Servable } from '@drover/inference'
import type { ServableState, VersionStatus } from '@drover/serving-api'
import type { Observed } from './plan.ts'
import { move } from './states.ts'

/** A version that is to be served, and where its files are. */
export interface WantedVersion {
  version: number
  directory: string
}

/** What is to be served of a model. */
export interface WantedModel {
  name: string
  versions: readonly WantedVersion[]
  labels: Readonly<Record<string, number>>
}

/** One version on its way from START to END. */
export class VersionObject {
  readonly version: number
  readonly directory: string
  state: ServableState = 'START'
  isQueued = false
  isClosing = false
  inFlight = 0
  error: string | undefined
  servable: Servable | undefined

  constructor({ version, directory }: WantedVersion) {
    this.version = version
    this.directory = directory
  }

  move(to: ServableState): void {
    this.state = move(this.state, to)
  }

  status(): VersionStatus {
    const { version, state, error } = this
    return { version, state, ...(error !== undefined && { error }) }
  }
}

/** A model: what is wanted of it, its versions, and who waits for it to settle. */
export class Model {
  readonly name: string
  wanted: WantedModel
  readonly versions = new Map<number, VersionObject>()
  /** The highest available version: what a request without a version gets. */
  latest: VersionObject | undefined
  /** Requests that wait or run, over all versions. */
  waiting = 0
  /** What each label names now; it follows the wish when the wanted version is available. */
  readonly #labels = new Map<string, number>()
  #waiters: (() => void)[] = []

  constructor(wanted: WantedModel) {
    this.name = wanted.name
    this.wanted = wanted
  }

  /** A new wish: what failed before and is wanted again is tried again. */
  want(wanted: WantedModel): void {
    this.wanted = wanted
    for (const { version } of wanted.versions)
      if (this.versions.get(version)?.error !== undefined) this.versions.delete(version)
  }

  /** Whether all that is wanted is available or has failed. */
  get isSettled(): boolean {
    return this.wanted.versions.every(({ version }) => {
      const found = this.versions.get(version)
      return found?.state === 'AVAILABLE' || found?.error !== undefined
    })
  }

  /** Whether nothing of it is left but memories. */
  get isGone(): boolean {
    const isOver = [...this.versions.values()].every(({ state }) => state === 'END')
    return isOver && this.wanted.versions.length === 0
  }

  async settled(): Promise<void> {
    if (this.isSettled) return
    await new Promise<void>((resolve) => this.#waiters.push(resolve))
  }

  /** Brings what follows from the versions' states up to date. */
  refresh(): void {
    this.latest = undefined
    for (const each of this.versions.values())
      if (each.state === 'AVAILABLE' && each.version > (this.latest?.version ?? -1))
        this.latest = each
    this.#followLabels()
    if (!this.isSettled) return
    const waiters = this.#waiters
    this.#waiters = []
    for (const resolve of waiters) resolve()
  }

  isAvailable(version: number | undefined): boolean {
    return version !== undefined && this.versions.get(version)?.state === 'AVAILABLE'
  }

  #followLabels(): void {
    const { labels } = this.wanted
    for (const label of this.#labels.keys())
      if (!Object.hasOwn(labels, label)) this.#labels.delete(label)
    for (const [label, version] of Object.entries(labels))
      if (this.isAvailable(version) || !this.isAvailable(this.#labels.get(label)))
        this.#labels.set(label, version)
  }

  versionOf(label: string): number | undefined {
    return this.#labels.get(label)
  }

  observe(): Observed {
    const { versions, labels } = this.wanted
    return {
      wanted: versions.map(({ version }) => version),
      held: Array.from(this.#labels).flatMap(([label, version]) =>
        labels[label] === version ? [] : [version],
      ),
      versions: Array.from(this.versions.values(), (each) => ({
        version: each.version,
        state: each.state,
        isQueued: each.isQueued,
        isClosing: each.isClosing,
        hasFailed: each.error !== undefined,
        inFlight: each.inFlight,
      })),
    }
  }

  /** Forgets the lowest ended versions beyond a number of them. */
  forget(endedMax: number): void {
    const wanted = new Set(this.wanted.versions.map(({ version }) => version))
    const ended = [...this.versions.values()]
      .filter(({ state, version }) => state === 'END' && !wanted.has(version))
      .toSorted((a, b) => b.version - a.version)
    for (const { version } of ended.slice(endedMax)) this.versions.delete(version)
  }
}
