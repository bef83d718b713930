import { setImmediate } from 'node:timers/promises'
import type { Servable } from '@drover/inference'
import type { ServedList } from '@drover/model-config'
import type { Log } from '@drover/service'
import {
  type ModelChoice,
  notKnown,
  notServed,
  ServingError,
  type Tensor,
  type VersionStatus,
} from '@drover/serving-api'
import type { Limits } from '../limits.ts'
import { reasonOf, toServingError } from './errors.ts'
import { Model, VersionObject, type WantedModel } from './model.ts'
import { type Action, plan } from './plan.ts'
import { withDeadline } from './with-deadline.ts'

export interface ModelsOptions {
  load: (directory: string) => Promise<Servable>
  log: Log
  limits: Limits
  /** How long a request may take once it is here. */
  timeoutMs: number
}

/** A version that answers now. */
export interface Found {
  model: Model
  version: VersionObject
  servable: Servable
}

/** All models of this server. Each is brought to what is wanted of it, apart from all others. */
export class Models {
  readonly #options: ModelsOptions
  readonly #models = new Map<string, Model>()
  /** Gone models whose status is still told, oldest first. */
  readonly #gone = new Set<Model>()
  readonly #queue: { model: Model; version: VersionObject }[] = []
  #loading = 0

  constructor(options: ModelsOptions) {
    this.#options = options
  }

  /** Serves this of these models from now on; the rest is left as it is. Resolves when all settled. */
  async want(wishes: readonly WantedModel[]): Promise<void> {
    const named = wishes.flatMap((wanted) => {
      const known = this.#models.get(wanted.name)
      if (known === undefined && wanted.versions.length === 0) return []
      const model = known ?? new Model(wanted)
      this.#models.set(wanted.name, model)
      this.#gone.delete(model)
      model.want(wanted)
      return [model]
    })
    for (const model of named) this.#settle(model)
    await Promise.all(named.map(async (model) => await model.settled()))
  }

  /** The version that is asked for. Throws NOT_FOUND when it does not answer now. */
  find(choice: ModelChoice): Found {
    const model = this.#models.get(choice.name)
    const version = choice.label === undefined ? choice.version : labelled(model, choice.label)
    const found = version === undefined ? model?.latest : model?.versions.get(Number(version))
    if (model === undefined || found?.state !== 'AVAILABLE' || found.servable === undefined)
      throw notServed({ name: choice.name, ...(version !== undefined && { version }) })
    return { model, version: found, servable: found.servable }
  }

  /** Asks a version that was just found. Throws `ServingError`. */
  async run(
    { model, version, servable }: Found,
    signature: string,
    inputs: Readonly<Record<string, Tensor>>,
  ): Promise<Record<string, Tensor>> {
    if (model.waiting >= this.#options.limits.waitingMax)
      throw new ServingError('UNAVAILABLE', `${model.waiting} requests wait for this model already`)
    model.waiting++
    version.inFlight++
    const done = (): void => {
      model.waiting--
      version.inFlight--
      if (version.state === 'UNLOADING') this.#settle(model)
    }
    const running = servable.run(signature, inputs)
    // A request that is given up goes on in its engine, and counts until it ends there.
    void running.catch(() => {}).finally(done)
    try {
      return await withDeadline(running, this.#options.timeoutMs)
    } catch (error) {
      throw toServingError(error)
    }
  }

  /** What is told of a model's versions. Throws NOT_FOUND. */
  statusOf(choice: ModelChoice): VersionStatus[] {
    const model = this.#models.get(choice.name)
    const statuses = Array.from(model?.versions.values() ?? [], (version) => version.status())
    const told = statuses.filter(
      ({ version }) => choice.version === undefined || BigInt(version) === choice.version,
    )
    if (told.length === 0) throw notKnown(choice)
    return told
  }

  /** All versions that are wanted or not over, of all models or of these. */
  list(names: Iterable<string> = this.#models.keys()): ServedList {
    const models = Array.from(names).flatMap((name) => this.#models.get(name) ?? [])
    return { versions: models.flatMap(listOf) }
  }

  /** Does for a model whatever its plan says, until it says nothing. */
  #settle(model: Model): void {
    for (let next = plan(model.observe()); next !== undefined; next = plan(model.observe())) {
      this.#act(model, next)
      model.refresh()
    }
    model.refresh()
    model.forget(this.#options.limits.endedVersionsMax)
    if (model.isGone) this.#remember(model)
  }

  #act(model: Model, { kind, version: number }: Action): void {
    const wanted = model.wanted.versions.find(({ version }) => version === number)
    if (kind === 'start' && wanted !== undefined)
      model.versions.set(number, new VersionObject(wanted))
    const version = model.versions.get(number)
    if (version === undefined) return
    switch (kind) {
      case 'start':
        return
      case 'queue':
        version.isQueued = true
        this.#queue.push({ model, version })
        return this.#pump()
      case 'cancel':
        version.isQueued = false
        return version.move('END')
      case 'quiesce':
        return version.move('UNLOADING')
      case 'unload':
        version.isClosing = true
        void this.#unload(model, version)
    }
  }

  /** A gone model is remembered for its status, until others went after it. */
  #remember(model: Model): void {
    this.#gone.add(model)
    const [oldest] = this.#gone
    if (this.#gone.size <= this.#options.limits.goneModelsMax || oldest === undefined) return
    this.#gone.delete(oldest)
    this.#models.delete(oldest.name)
  }

  #pump(): void {
    while (this.#loading < this.#options.limits.loadsAtOnceMax) {
      const next = this.#queue.shift()
      if (next === undefined) return
      if (next.version.isQueued) void this.#load(next.model, next.version)
    }
  }

  async #load(model: Model, version: VersionObject): Promise<void> {
    const { log, limits, load } = this.#options
    const about = { model: model.name, version: version.version }
    this.#loading++
    version.isQueued = false
    version.move('LOADING')
    const startedAt = performance.now()
    let loading: Promise<Servable> | undefined
    try {
      // Parts of a load hold the event loop: requests come first, between any two of them.
      await setImmediate()
      loading = load(version.directory)
      version.servable = await withDeadline(loading, limits.loadMsMax)
      version.move('AVAILABLE')
      const loadMs = Math.round(performance.now() - startedAt)
      log.info({ ...about, engine: version.servable.engine, loadMs }, 'version available')
    } catch (err) {
      version.error = reasonOf(err)
      version.move('END')
      log.warn({ ...about, err }, 'version failed to load')
      // One that was given up may still come; what it rejects with has been told or comes too late.
      void loading?.then(async (late) => await late.close()).catch(() => {})
    }
    this.#loading--
    this.#settle(model)
    this.#pump()
  }

  async #unload(model: Model, version: VersionObject): Promise<void> {
    const about = { model: model.name, version: version.version }
    try {
      if (version.servable !== undefined)
        await withDeadline(version.servable.close(), this.#options.limits.closeMsMax)
      this.#options.log.info(about, 'version unloaded')
    } catch (err) {
      this.#options.log.warn({ ...about, err }, 'version did not close')
    }
    version.servable = undefined
    version.isClosing = false
    version.move('END')
    this.#settle(model)
  }
}

function labelled(model: Model | undefined, label: string): bigint {
  const version = model?.versionOf(label)
  if (version === undefined)
    throw new ServingError('INVALID_ARGUMENT', `Unrecognized servable version label: ${label}`)
  return BigInt(version)
}

function listOf(model: Model): ServedList['versions'] {
  const wanted = new Set(model.wanted.versions.map(({ version }) => version))
  return [...model.versions.values()]
    .filter(({ version, state }) => wanted.has(version) || state !== 'END')
    .map(({ version, state, servable, error }) => ({
      name: model.name,
      version,
      state,
      ...(servable && { engine: servable.engine }),
      sizeBytes: servable?.sizeBytes ?? 0,
      ...(error !== undefined && { error }),
    }))
}
