// What the server is configured to serve, and how that changes: by a whole list, or by a delta.

import { randomUUID } from 'node:crypto'
import {
  checkModelServerConfig,
  ModelConfigError,
  type ModelServerConfig,
  type ModelServerModel,
} from '@drover/model-config'
import type { Log } from '@drover/service'
import { ServingError } from '@drover/serving-api'
import type { Discovery } from './discovery.ts'
import type { ControlLimits } from './limits.ts'
import type { WantedModel } from './model.ts'
import type { Models } from './models.ts'
import { outcomeOf } from './outcome.ts'
import { inSlices, Pace } from '../event-loop/pace.ts'

export interface ReloadOptions {
  models: Models
  discovery: Discovery
  log: Log
  limits: ControlLimits
}

/** What changes when models come and go by name. */
export interface Delta {
  /** To be discovered by a policy below a base path. */
  configs: readonly ModelServerModel[]
  /** To be served as they are said to be. */
  wanted: readonly WantedModel[]
  removes: readonly string[]
}

/** What a change touches. */
interface Change {
  removes: string[]
  configs: ModelServerModel[]
  /** Whose outcome is waited for. */
  awaited: string[]
}

/** The config that is in force. Changes take effect one after another; the newest wins. */
export class Reload {
  readonly #options: ReloadOptions
  #config: ModelServerConfig | undefined
  #byName = new Map<string, ModelServerModel>()
  #last: Promise<unknown> = Promise.resolve()
  #waiting = 0
  readonly #instance = randomUUID()
  #seq = 0
  #hasToldLogging = false

  constructor(options: ReloadOptions) {
    this.#options = options
  }

  /** The list that was applied last; a delta since then is not in it. */
  get config(): ModelServerConfig | undefined {
    return this.#config
  }

  /** Names what is configured now; another one after each change. */
  get base(): string {
    return `${this.#instance}.${this.#seq}`
  }

  /**
   * Serves this list and nothing else. Resolves when all that is new or other in it is available; throws
   * `ServingError`: INVALID_ARGUMENT or FAILED_PRECONDITION for a list that is refused whole, UNKNOWN
   * by name for models that did not become available, though all the rest of it is in force then.
   */
  async reload(config: ModelServerConfig, { waitMs }: { waitMs?: number } = {}): Promise<void> {
    const { models, limits } = this.#options
    const waitMsMax = Math.min(waitMs ?? limits.reloadWaitMsMax, limits.reloadWaitMsMax)
    const endMs = performance.now() + waitMsMax
    const awaited = await this.#inTurn(async () => await this.#apply(config))
    await models.settled(awaited, Math.max(0, endMs - performance.now()))
    const failed = outcomeOf(awaited, models, limits.reloadFailuresMax)
    if (failed !== undefined) throw failed
  }

  /**
   * Changes single models and leaves the rest as it is; resolves when the change is in force, with
   * the names of all that it touched. Throws ABORTED when the caller believed in another base.
   */
  async apply(delta: Delta, base?: string): Promise<string[]> {
    return await this.#inTurn(async () => {
      if (base !== undefined && base !== this.base)
        throw new ServingError('ABORTED', `What is served now is ${this.base} and not ${base}`)
      return await this.#applyDelta(delta)
    })
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const { reloadsWaitingMax } = this.#options.limits
    if (this.#waiting >= reloadsWaitingMax)
      throw new ServingError('UNAVAILABLE', `${this.#waiting} changes wait already`, {
        retryAfterS: 1,
      })
    this.#waiting++
    const turn = this.#last.then(work).finally(() => this.#waiting--)
    this.#last = turn.catch(() => {})
    return await turn
  }

  /** Brings a list into force; returns the names of what is new in it. */
  async #apply(config: ModelServerConfig): Promise<string[]> {
    const { log, models, discovery } = this.#options
    if (config.isEmpty) {
      if (this.#config !== undefined)
        throw new ServingError(
          'FAILED_PRECONDITION',
          'Cannot transition to requested config. It is only legal to transition from one ' +
            'ModelConfigList to another.',
        )
      log.info('Taking no action for empty config.')
      return []
    }
    await this.#check(config)
    const byName = new Map<string, ModelServerModel>()
    const change = await this.#difference(config, byName)
    this.#config = config
    this.#byName = byName
    this.#seq++
    const { removes, configs, awaited } = change
    log.info(
      { models: byName.size, changed: configs.length, removed: removes.length },
      'config applied',
    )
    discovery.forget(removes)
    await models.remove(removes)
    await discovery.watch(configs)
    return awaited
  }

  async #check(config: ModelServerConfig): Promise<void> {
    const steps = checkModelServerConfig(config, (name) => this.#byName.get(name))
    try {
      await inSlices(steps, this.#options.limits.stretchMs)
    } catch (cause) {
      if (!(cause instanceof ModelConfigError)) throw cause
      throw new ServingError('INVALID_ARGUMENT', cause.message, { cause })
    }
    if (this.#hasToldLogging || !config.models.some(({ hasLogging }) => hasLogging)) return
    this.#hasToldLogging = true
    this.#options.log.warn('logging_config has no effect: this server logs no requests')
  }

  /** What of a list is new or other than now, and what is served and not in it. */
  async #difference(
    config: ModelServerConfig,
    byName: Map<string, ModelServerModel>,
  ): Promise<Change> {
    const { models, limits } = this.#options
    const pace = new Pace(limits.stretchMs)
    const change: Change = { removes: [], configs: [], awaited: [] }
    for (const model of config.models) {
      byName.set(model.name, model)
      const before = this.#byName.get(model.name)
      if (before === undefined || !isSame(before, model)) {
        change.configs.push(model)
        change.awaited.push(model.name)
      } else {
        // What failed before this reload is no fault of it: it is tried again, and not waited for.
        models.again(model.name)
      }
      if (pace.step()) await pace.rest()
    }
    for (const name of models.names()) {
      if (!byName.has(name) && models.get(name)?.isRemoved === false) change.removes.push(name)
      if (pace.step()) await pace.rest()
    }
    return change
  }

  async #applyDelta({ configs, wanted, removes }: Delta): Promise<string[]> {
    const { models, discovery, limits, log } = this.#options
    await this.#check({ models: [...configs] })
    const named = [...configs, ...wanted].map(({ name }) => name)
    const kept = new Set(named)
    const isThere = (name: string): boolean =>
      this.#byName.has(name) || models.get(name)?.isRemoved === false
    const gone = removes.filter((name) => !kept.has(name) && isThere(name))
    // Who changes nothing must not make others believe that somebody did.
    if (kept.size === 0 && gone.length === 0) return []
    this.#seq++
    log.info({ changed: kept.size, removed: gone.length, base: this.base }, 'delta applied')
    const changed = configs.filter((model) => {
      const before = this.#byName.get(model.name)
      return before === undefined || !isSame(before, model)
    })
    discovery.forget([...gone, ...wanted.map(({ name }) => name)])
    for (const { name } of wanted) this.#byName.delete(name)
    for (const name of gone) this.#byName.delete(name)
    for (const model of configs) this.#byName.set(model.name, model)
    await models.remove(gone)
    await models.want(wanted)
    await discovery.watch(changed)
    const pace = new Pace(limits.stretchMs)
    for (const name of kept) {
      models.again(name)
      if (pace.step()) await pace.rest()
    }
    return [...gone, ...kept]
  }
}

function isSame(a: ModelServerModel, b: ModelServerModel): boolean {
  if (a === b) return true
  return (
    a.basePath === b.basePath &&
    isSamePolicy(a.versionPolicy, b.versionPolicy) &&
    isSameLabels(a.versionLabels, b.versionLabels)
  )
}

type Policy = ModelServerModel['versionPolicy']
type Labels = ModelServerModel['versionLabels']

function isSamePolicy(a: Policy, b: Policy): boolean {
  if (a.kind === 'latest') return b.kind === 'latest' && a.numVersions === b.numVersions
  if (a.kind === 'all' || b.kind !== 'specific') return a.kind === b.kind
  return (
    a.versions.length === b.versions.length &&
    a.versions.every((version, index) => version === b.versions[index])
  )
}

function isSameLabels(a: Labels, b: Labels): boolean {
  const labels = Object.keys(a)
  return labels.length === Object.keys(b).length && labels.every((label) => a[label] === b[label])
}
