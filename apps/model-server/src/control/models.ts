import { setTimeout as after } from 'node:timers'
import type { Log } from '@drover/service'
import { type ModelChoice, notKnown, notServed } from '@drover/serving-api'
import type { ControlLimits } from './limits.ts'
import { Jobs } from './jobs.ts'
import { Model, VersionObject, type WantedModel } from './model.ts'
import { Pace } from '../event-loop/pace.ts'
import { type Action, plan } from './plan.ts'
import type { Loader, Publisher, Usage, VersionTold, WarmUp } from './ports.ts'
import { Publication } from './publication.ts'
import { type MemoryUse, Residency } from './residency.ts'
import { type RetryPolicy, retryDelayMs } from './retry.ts'
import { VersionLife } from './version-life.ts'

export interface ModelsOptions {
  load: Loader
  /** Nothing is warmed up without it. */
  warmUp?: WarmUp
  publisher: Publisher
  /** What was counted of a model's requests; nothing was unless told. */
  usageOf?: (name: string) => Usage
  /** Told of each model of which nothing is known any more. */
  onForgotten?: (name: string) => void
  log: Log
  limits: ControlLimits
  loadsAtOnce: number
  /** The first tries; the rest follows from them. */
  retry: Pick<RetryPolicy, 'retries' | 'retryMs'>
  /** `--max_resident_bytes`; no limit without it. */
  residentBytesMax?: number | undefined
  /** `--allow_version_labels_for_unavailable_models`. */
  allowsEarlyLabels?: boolean
}

const UNUSED: Usage = { lastUsedMs: 0, requests: 0, failures: 0 }

/** All models of this server. Each is brought to what is wanted of it, apart from all others. */
export class Models {
  readonly memory: MemoryUse
  readonly #options: ModelsOptions
  readonly #models = new Map<string, Model>()
  readonly #publications = new WeakMap<Model, Publication>()
  /** Gone models whose status is still told, oldest first. */
  readonly #gone = new Set<Model>()
  readonly #retries = new Map<VersionObject, NodeJS.Timeout>()
  readonly #queue: Jobs
  readonly #residency: Residency
  readonly #life: VersionLife
  #lastId = 0
  #isClosed = false

  constructor(options: ModelsOptions) {
    const { limits, publisher, load, warmUp = async () => {}, log } = options
    this.#options = options
    this.#queue = new Jobs(options.loadsAtOnce)
    const bytesMax = options.residentBytesMax
    this.#residency = new Residency({ bytesMax, limits, now: () => Date.now() })
    this.memory = this.#residency
    this.#life = new VersionLife({
      load,
      warmUp,
      publisher,
      log,
      limits,
      publish: async (model) => await this.#publicationOf(model).update(),
      settle: (model) => this.#settle(model),
      usageOf: (name) => this.usageOf(name),
      queue: this.#queue,
      residency: this.#residency,
    })
  }

  /** Serves this of these models from now on; the rest is left as it is. */
  async want(wishes: readonly WantedModel[]): Promise<void> {
    const pace = new Pace(this.#options.limits.stretchMs)
    for (const wanted of wishes) {
      const model = this.#models.get(wanted.name) ?? this.#add(wanted)
      model.wanted = wanted
      model.isRemoved = false
      model.forgetFailures()
      this.#gone.delete(model)
      this.#settle(model)
      if (pace.step()) await pace.rest()
    }
  }

  /** Serves these models no more. */
  async remove(names: readonly string[]): Promise<void> {
    const pace = new Pace(this.#options.limits.stretchMs)
    for (const name of names) {
      const model = this.#models.get(name)
      if (model === undefined) continue
      model.wanted = { name, versions: [], labels: {} }
      model.isRemoved = true
      this.#settle(model)
      if (pace.step()) await pace.rest()
    }
  }

  /** Tries at once what is wanted of a model and has failed. Its pauses go on growing if it fails again. */
  again(name: string): void {
    const model = this.#models.get(name)
    // This is asked of every model at every reload, and few have failed.
    if (!model?.versions.some(({ hasFailed }) => hasFailed)) return
    const failed = model.versions.filter((each) => each.hasFailed && model.isWanted(each))
    if (failed.length === 0) return
    model.versions = model.versions.filter((each) => !failed.includes(each))
    this.#settle(model)
  }

  /**
   * Resolves when all that is wanted of these models is available or has failed, and at the latest
   * after `msMax`. Files that are not complete after a while may never be: they are not waited for longer.
   */
  async settled(names: readonly string[], msMax: number): Promise<void> {
    const waiting = names.flatMap((name) => {
      const model = this.#models.get(name)
      return model === undefined || model.isSettled ? [] : [model]
    })
    if (waiting.length === 0) return
    const { pendingMsMax } = this.#options.limits
    await new Promise<void>((resolve) => {
      const open = new Map<Model, () => void>()
      const leave = (model: Model): void => {
        open.get(model)?.()
        open.delete(model)
        if (open.size === 0) end()
      }
      const end = (): void => {
        for (const timer of timers) clearTimeout(timer)
        for (const forget of open.values()) forget()
        resolve()
      }
      for (const model of waiting)
        open.set(
          model,
          model.onSettled(() => leave(model)),
        )
      const leavePending = (): void => {
        for (const model of open.keys()) if (model.wanted.pending !== undefined) leave(model)
      }
      const timers = [after(end, msMax), after(leavePending, pendingMsMax)]
    })
  }

  /** What is told of a model's versions, highest first. Throws NOT_FOUND. */
  status(choice: ModelChoice): VersionTold[] {
    const model = this.#models.get(choice.name)
    const told = (model?.told() ?? []).filter(
      ({ version }) => choice.version === undefined || version === choice.version,
    )
    if (told.length > 0) return told
    throw notKnown(choice)
  }

  /** Resolves when a version that is available can be asked. Throws `ServingError`. */
  async warm(name: string, version: bigint): Promise<void> {
    const model = this.#models.get(name)
    const found = model?.served().get(version)
    if (model === undefined || found?.state !== 'AVAILABLE') throw notServed({ name, version })
    try {
      await this.#life.warm(model, found)
    } finally {
      this.#settle(model)
    }
  }

  get(name: string): Model | undefined {
    return this.#models.get(name)
  }

  names(): IterableIterator<string> {
    return this.#models.keys()
  }

  usageOf(name: string): Usage {
    return this.#options.usageOf?.(name) ?? UNUSED
  }

  /** Starts nothing more. What runs goes on. */
  close(): void {
    this.#isClosed = true
    for (const timer of this.#retries.values()) clearTimeout(timer)
    this.#retries.clear()
  }

  #add(wanted: WantedModel): Model {
    const model = new Model(wanted, this.#options.allowsEarlyLabels ?? false)
    this.#models.set(wanted.name, model)
    return model
  }

  #publicationOf(model: Model): Publication {
    let publication = this.#publications.get(model)
    if (publication === undefined) {
      publication = new Publication(model, this.#options.publisher)
      this.#publications.set(model, publication)
    }
    return publication
  }

  /** Does for a model whatever its plan says, until it says nothing. */
  #settle(model: Model): void {
    if (this.#isClosed) return
    for (let next = plan(model.observe()); next !== undefined; next = plan(model.observe()))
      this.#act(model, next)
    this.#retryLater(model)
    model.forget(this.#options.limits.endedVersionsMax)
    const publication = this.#publicationOf(model)
    const isStale = publication.isStale
    if (isStale && model.versions.some(({ isServed }) => isServed))
      void publication.update().catch(this.#untold(model))
    model.tell()
    if (model.isGone) this.#remember(model)
    if (this.#residency.isOver && !model.versions.some(isMoving)) void this.#residency.trim()
  }

  #act(model: Model, action: Action): void {
    if (action.kind === 'start') {
      const wanted = model.wanted.versions.find(({ version }) => version === action.version)
      if (wanted !== undefined) model.start(++this.#lastId, wanted)
      return
    }
    const version = model.versions.find(({ id }) => id === action.id)
    if (version === undefined) return
    switch (action.kind) {
      case 'queue':
        version.isQueued = true
        return this.#enqueue(model, version)
      case 'cancel':
        version.isQueued = false
        return version.move('END')
      case 'unload':
        void this.#unload(model, version)
    }
  }

  async #unload(model: Model, version: VersionObject): Promise<void> {
    await this.#life.unload(model, version)
    this.#settle(model)
  }

  #enqueue(model: Model, version: VersionObject): void {
    const job = async (): Promise<void> => {
      if (!version.isQueued || this.#isClosed) return
      await this.#life.load(model, version)
      this.#settle(model)
    }
    const onFault = (err: unknown): void =>
      this.#options.log.error({ model: model.name, err }, 'load ended in a fault')
    this.#queue.add(job, { isUrgent: false, onFault })
  }

  /** A failed version is dropped when its time has come, and the plan starts it anew. */
  #retryLater(model: Model): void {
    const { retry, limits } = this.#options
    for (const version of model.versions) {
      if (!version.hasFailed || this.#retries.has(version) || !model.isWanted(version)) continue
      const failures = Math.max(1, model.failuresOf(version.wanted.content))
      const delayMs = retryDelayMs(failures, { ...retry, retryMsMax: limits.retryMsMax })
      const timer = after(() => {
        this.#retries.delete(version)
        if (!model.versions.includes(version) || !model.isWanted(version)) return
        model.versions = model.versions.filter((each) => each !== version)
        this.#settle(model)
      }, delayMs)
      this.#retries.set(version, timer.unref())
    }
  }

  #untold(model: Model): (err: unknown) => void {
    return (err) =>
      this.#options.log.error({ model: model.name, err }, 'threads not told of a model')
  }

  /** A gone model is remembered for its status, until others went after it. */
  #remember(model: Model): void {
    if (model.versions.length === 0) return this.#forget(model)
    this.#gone.add(model)
    const [oldest] = this.#gone
    if (this.#gone.size <= this.#options.limits.goneModelsMax || oldest === undefined) return
    this.#forget(oldest)
  }

  #forget(model: Model): void {
    this.#gone.delete(model)
    this.#models.delete(model.name)
    this.#options.onForgotten?.(model.name)
  }
}

const isMoving = ({ state }: VersionObject): boolean => state === 'LOADING' || state === 'UNLOADING'
