// Which versions there are on disk: a level that is looked at again and again, never an event. Each
// model is looked at by itself, so that one whose directory is missing, slow or half written holds up
// nobody else.

import type { ModelServerModel } from '@drover/model-config'
import type { Log } from '@drover/service'
import type { VersionFolder } from './examine.ts'
import type { ControlLimits } from './limits.ts'
import { Jobs } from './jobs.ts'
import type { WantedModel } from './model.ts'
import type { Models } from './models.ts'
import { Pace } from '../event-loop/pace.ts'
import { NOT_LOOKED, Watched } from './watched.ts'

/** Versions that are examined at a time: a large one is read to its last byte. */
const EXAMINATIONS_AT_ONCE = 4

export interface DiscoveryOptions {
  models: Models
  /** Milliseconds between two looks at every base path; one look; or none at all. */
  poll: { pollMs: number } | 'once' | 'never'
  log: Log
  limits: ControlLimits
}

/** What is known of one model besides its files. */
interface State {
  watched: Watched
  isExamining: boolean
  again: NodeJS.Timeout | undefined
  againCount: number
  /** What was told of it last. */
  told: WantedModel
}

/** Looks at the base paths of the configured models and says what is to be served of each. */
export class Discovery {
  readonly #options: DiscoveryOptions
  readonly #states = new Map<string, State>()
  readonly #listings: Jobs
  /** New models, whose base paths are listed before those whose turn it is. */
  readonly #due = new Set<State>()
  #roundLeft = 0
  #onRoundEnd = (): void => {}
  readonly #examinations = new Jobs(EXAMINATIONS_AT_ONCE)
  /** Those whose faulty manifest was told. */
  readonly #faulty = new WeakSet<VersionFolder>()
  /** Where the last round stopped. */
  #rotation: Iterator<State> | undefined
  #deepRotation: Iterator<[State, VersionFolder]> | undefined
  #timer: NodeJS.Timeout | undefined
  #isStopped = false

  constructor(options: DiscoveryOptions) {
    this.#options = options
    this.#listings = new Jobs(options.limits.looksAtOnceMax, () => this.#nextListing())
    if (typeof options.poll === 'object') this.#pollAfter(options.poll.pollMs)
  }

  /** Looks at these models from now on, first of all now. */
  async watch(configs: readonly ModelServerModel[]): Promise<void> {
    const { models, limits, poll } = this.#options
    const pace = new Pace(limits.stretchMs)
    for (const config of configs) {
      const before = this.#states.get(config.name)
      clearTimeout(before?.again)
      const watched = new Watched(config, limits, before?.watched)
      const told = watched.wanted(this.#servedOf(config.name))
      const state = { watched, isExamining: false, again: undefined, againCount: 0, told }
      this.#states.set(config.name, state)
      if (poll === 'never')
        state.told = { ...told, pending: undefined, fault: 'its base path is never looked at' }
      await models.want([state.told])
      this.#tellFault(state.told, undefined)
      if (poll !== 'never') this.#due.add(state)
      this.#listings.wake()
      if (pace.step()) await pace.rest()
    }
  }

  /** Looks at these models no more. What is served of them is somebody else's to say. */
  forget(names: readonly string[]): void {
    for (const name of names) {
      clearTimeout(this.#states.get(name)?.again)
      this.#states.delete(name)
    }
  }

  has(name: string): boolean {
    return this.#states.has(name)
  }

  /** Looks at nothing more. */
  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
    for (const { again } of this.#states.values()) clearTimeout(again)
  }

  #pollAfter(pollMs: number): void {
    if (this.#isStopped) return
    this.#timer = setTimeout(() => {
      void this.#round().finally(() => this.#pollAfter(pollMs))
    }, pollMs).unref()
  }

  /** Lists as many base paths as are due in one round, and looks into some versions in service. */
  async #round(): Promise<void> {
    this.#roundLeft = Math.min(this.#states.size, this.#options.limits.listingsPerRoundMax)
    // Until all are begun: nobody waits for those that take long.
    await new Promise<void>((resolve) => {
      this.#onRoundEnd = resolve
      this.#listings.wake()
    })
    await this.#deepRound()
  }

  /** The next base path to list. It is asked for as one is done: thousands would be much memory to wait in. */
  #nextListing(): (() => Promise<void>) | undefined {
    for (const state of this.#due) {
      this.#due.delete(state)
      if (this.#isCurrent(state)) return async () => await this.#list(state, true)
    }
    while (this.#roundLeft > 0) {
      this.#roundLeft--
      const state = this.#next()
      if (state?.watched.isListable) return async () => await this.#list(state, false)
    }
    this.#onRoundEnd()
    return undefined
  }

  #next(): State | undefined {
    this.#rotation ??= this.#states.values()
    let found = this.#rotation.next()
    if (found.done) {
      this.#rotation = this.#states.values()
      found = this.#rotation.next()
    }
    return found.done ? undefined : found.value
  }

  /** Lists a base path; what it leads to goes on after it. */
  async #list(state: State, isDue: boolean): Promise<void> {
    try {
      const isNew = await state.watched.list()
      if ((!isNew && !isDue) || !this.#isCurrent(state)) return
      await this.#report(state)
      this.#examine(state)
    } catch (error) {
      this.#onFault(state)(error)
    }
  }

  #examine(state: State): void {
    if (state.isExamining) return
    state.isExamining = true
    const job = async (): Promise<void> => {
      if (!this.#isCurrent(state)) return
      await state.watched.examine(() => Date.now())
      state.isExamining = false
      if (!this.#isCurrent(state)) return
      await this.#report(state)
      this.#againLater(state)
    }
    this.#examinations.add(job, { isUrgent: false, onFault: this.#onFault(state) })
  }

  /** Incomplete files are looked at sooner than the next round comes. */
  #againLater(state: State): void {
    const { poll, limits } = this.#options
    const afterMs = state.watched.againAfterMs
    clearTimeout(state.again)
    if (afterMs === undefined || this.#isStopped) return
    if (poll === 'once' && ++state.againCount > limits.pendingRoundsMax) return
    const pollMs = typeof poll === 'object' ? poll.pollMs : Infinity
    const delayMs = Math.max(limits.unchangedMsMin, Math.min(pollMs, afterMs))
    state.again = setTimeout(() => this.#examine(state), delayMs).unref()
  }

  /** Looks whether files in service were written over. */
  async #deepRound(): Promise<void> {
    for (let index = 0; index < this.#options.limits.deepLooksPerRoundMax; index++) {
      this.#deepRotation ??= this.#accepted()
      const next = this.#deepRotation.next()
      if (next.done) {
        this.#deepRotation = undefined
        return
      }
      const [state, folder] = next.value
      if (!this.#isCurrent(state) || state.isExamining) continue
      await folder.examine(this.#options.limits, () => Date.now())
      if (this.#isCurrent(state)) await this.#changedDeep(state, folder)
    }
  }

  async #changedDeep(state: State, folder: VersionFolder): Promise<void> {
    if (folder.why !== undefined) this.#againLater(state)
    else await this.#report(state)
  }

  *#accepted(): Generator<[State, VersionFolder], void> {
    for (const state of this.#states.values())
      for (const folder of state.watched.accepted()) yield [state, folder]
  }

  #servedOf(name: string): WantedModel['versions'] {
    return this.#options.models.get(name)?.wanted.versions ?? []
  }

  /** Says what is to be served of a model, where that is something else than before. */
  async #report(state: State): Promise<void> {
    this.#tellManifests(state.watched)
    const { told } = state
    const wanted = state.watched.wanted(this.#servedOf(told.name))
    if (isSame(told, wanted)) return
    state.told = wanted
    this.#tellFault(wanted, told)
    await this.#options.models.want([wanted])
  }

  #tellFault({ name: model, fault, pending }: WantedModel, before: WantedModel | undefined): void {
    const { log } = this.#options
    if (fault !== undefined && fault !== before?.fault)
      log.warn({ model, reason: fault }, 'model has no files to serve')
    if (fault === undefined && before?.fault !== undefined)
      log.info({ model }, 'files of the model are there')
    if (pending !== undefined && pending !== NOT_LOOKED && pending !== before?.pending)
      log.info({ model, reason: pending }, 'model waits for its files')
  }

  /** Whoever wrote the manifest believes that the files are checked by it. */
  #tellManifests(watched: Watched): void {
    for (const folder of watched.faultyManifests()) {
      if (this.#faulty.has(folder)) continue
      this.#faulty.add(folder)
      const { version, directory, manifestFault: reason } = folder
      this.#options.log.warn(
        { model: watched.config.name, version: `${version}`, directory, reason },
        'manifest of a version is of no use',
      )
    }
  }

  #isCurrent(state: State): boolean {
    return !this.#isStopped && this.#states.get(state.watched.config.name) === state
  }

  #onFault(state: State): (err: unknown) => void {
    return (err) =>
      this.#options.log.error({ model: state.watched.config.name, err }, 'looking ended in a fault')
  }
}

function isSame(a: WantedModel, b: WantedModel): boolean {
  if (a.fault !== b.fault || a.pending !== b.pending || a.isOutdated !== b.isOutdated) return false
  if (a.versions.length !== b.versions.length) return false
  return a.versions.every(({ version, content }, index) => {
    const other = b.versions[index]
    return other?.version === version && other.content === content
  })
}
