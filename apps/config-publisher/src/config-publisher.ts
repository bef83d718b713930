import { mapBounded } from '@drover/basics'
import type { ModelId } from '@drover/model-config'
import { openQueue, type NudgeOf, type Place, startWorker, watchRedis } from '@drover/jobs'
import { isObjectFault, type ModelStore } from '@drover/model-store'
import { type Log, makeLoop } from '@drover/service'
import { type Gate, makeGate } from './gate/gate.ts'
import type { Prober } from './gate/trial.ts'
import { type LookOptions, makePublication, type Publication } from './publication/publication.ts'
import { makeRecords, type Records } from './records.ts'
import { makeScan, type Named } from './scan.ts'

export { plan as planGate } from './gate/plan.ts'
export type { GateAction, GateObserved, GateTrouble, GateVersion } from './gate/plan.ts'
export { plan as planPublication } from './publication/plan.ts'
export type {
  DueVerdict,
  NamedModel,
  PublicationAction,
  PublicationObserved,
} from './publication/plan.ts'
export { type DuePins, namesToUndo } from './publication/undo.ts'
export { withPublisherFields } from './publication/act.ts'
export { plan as planRollback, withPins } from './controls/plan.ts'
export type { RollbackObserved, RollbackPlan, RollbackWish } from './controls/plan.ts'

/** Nudges that wait for a gate must not hold up those that have only to be published. */
const NUDGES_AT_ONCE = 32
const TENANTS_AT_ONCE = 16
const BACKOFF_MS = 1_000
/** A version that is being judged at the end is left; its verdict is written by the next start. */
const STOP_MS_MAX = 2_000

/** What a publisher is made of. */
export interface PublisherParts {
  store: ModelStore
  place: Place
  probe: Prober
  log: Log
  /** The fleet whose channel is made at the first start; others come with their tenants. */
  fleet: string
  /** Versions are fetched into it. */
  workDirectory: string
  /** Longest time for loading a version and asking it, for each engine. */
  probeMs: number
  /** Longest time between two looks at what changed, and at everything. */
  scanMs: number
  fullScanMs: number
  now?: () => number
}

/** What is to be looked at, as a nudge or a change record names it. */
export interface LookAt extends Named {
  version?: number | undefined
}

/** The gate and the publications of all fleets. */
export interface ConfigPublisher {
  readonly store: ModelStore
  readonly records: Records
  readonly gate: Gate
  readonly log: Log
  readonly now: () => number
  /** Whether everything was looked at once. */
  readonly isReady: boolean
  publicationOf(fleet: string): Publication
  /** Judges and publishes what is due of a tenant; resolves when that is done. */
  look(at: LookAt, options?: LookOptions): Promise<void>
  /** Looks at what changed, or at everything, as soon as the present look ends. */
  scan(kind: 'changes' | 'everything'): void
  /** Works on nudges and scans until the signal. */
  run(stop: AbortSignal): Promise<void>
}

/** The loop: gate, then publication, on a nudge and on a timer. Nothing runs before `run`. */
export function makeConfigPublisher(parts: PublisherParts): ConfigPublisher {
  return new PublisherLoop(parts)
}

class PublisherLoop implements ConfigPublisher {
  readonly #parts: PublisherParts
  readonly #publications = new Map<string, Publication>()
  readonly #rollouts: ReturnType<typeof makeRollouts>
  readonly #loop
  readonly #scan
  readonly store: ModelStore
  readonly records: Records
  readonly gate: Gate
  readonly log: Log
  readonly now: () => number
  isReady = false
  #isFullScanDue = true
  #fullScanAt = 0

  constructor(parts: PublisherParts) {
    this.#parts = parts
    const { store, log, probe, workDirectory, probeMs, now = Date.now } = parts
    const records = makeRecords(store)
    this.store = store
    this.records = records
    this.log = log
    this.now = now
    const onDue = (id: ModelId) => void this.#lookAgain(id)
    this.gate = makeGate({ store, records, probe, workDirectory, probeMs, now, log, onDue })
    this.#rollouts = makeRollouts(parts.place, log)
    const onError = (err: unknown) => log.warn({ err }, 'not looked at, will retry')
    this.#scan = makeScan({ store, now, onError, look: async (named) => await this.look(named) })
    this.#loop = makeLoop({
      turn: async (stop) => await this.#turn(stop),
      scanMs: parts.scanMs,
      backoffMs: BACKOFF_MS,
      onError: (err) => log.warn({ err }, 'scan failed, will retry'),
    })
  }

  publicationOf(fleet: string): Publication {
    const known = this.#publications.get(fleet)
    if (known !== undefined) return known
    const { store, records, log, now } = this
    const publication = makePublication({
      store,
      records,
      fleet,
      log,
      now,
      nudgeRollout: async (name, traceparent) => await this.#rollouts.nudge(name, traceparent),
    })
    this.#publications.set(fleet, publication)
    return publication
  }

  async look({ tenant, model, version }: LookAt, given: LookOptions = {}): Promise<void> {
    const owner = await this.records.tenant(tenant)
    // A nudge that was lost takes its trace along: what a scan finds goes on with the tenant's own.
    const options = { ...given, traceparent: given.traceparent ?? owner?.traceparent }
    const declared = Object.keys(owner?.spec.models ?? {})
    const models = model === undefined ? declared : [model]
    // A version is judged before there is anything to publish; any other change may be published at once.
    const [hasJudged] = await Promise.all([
      this.#judge(tenant, models),
      version === undefined ? this.#publish(tenant, owner?.spec.fleet, options) : undefined,
    ])
    if (hasJudged || version !== undefined) {
      await this.#publish(tenant, owner?.spec.fleet, options)
    }
  }

  scan(kind: 'changes' | 'everything'): void {
    if (kind === 'everything') this.#isFullScanDue = true
    this.#loop.nudge()
  }

  async run(stop: AbortSignal): Promise<void> {
    const { place, log } = this.#parts
    const onError = (err: unknown) => log.warn({ err }, 'nudge not handled, will retry')
    const handle = async (nudge: PublishNudge) => await this.#handle(nudge)
    const options = { concurrency: NUDGES_AT_ONCE, onError }
    await using rollouts = this.#rollouts
    await using worker = startWorker({ name: 'publish' }, place, handle, options)
    // What was nudged while Redis was away is in the records; what Redis lost may be older.
    const onReturn = (isEmpty: boolean) => this.scan(isEmpty ? 'everything' : 'changes')
    await using watch = watchRedis(place, { onReturn })
    const isOver = new Promise<void>((resolve) => {
      const close = () => {
        this.gate.close()
        for (const publication of this.#publications.values()) publication.close()
        setTimeout(resolve, STOP_MS_MAX).unref()
      }
      if (stop.aborted) close()
      else stop.addEventListener('abort', close, { once: true })
    })
    await Promise.race([this.#loop.run(stop), isOver])
  }

  async #handle({ fleet, tenant, model, version, traceparent }: PublishNudge): Promise<void> {
    if (tenant !== undefined) {
      await this.look({ tenant, model, version }, { traceparent })
      return
    }
    // First what the channel itself calls for, such as culprits; then every tenant of the fleet.
    await this.publicationOf(fleet).look([], { traceparent })
    await this.publicationOf(fleet).look('all', { traceparent })
  }

  async #turn(stop: AbortSignal): Promise<boolean> {
    const now = this.now()
    if (this.#isFullScanDue || now - this.#fullScanAt > this.#parts.fullScanMs) {
      this.#isFullScanDue = false
      try {
        await this.#lookAtEverything(stop)
      } catch (error) {
        this.#isFullScanDue = true
        throw error
      }
      this.#fullScanAt = now
      this.isReady = true
    }
    await this.#scan.run(stop)
    await this.#lookAtChannels()
    return false
  }

  /** What a channel itself calls for, such as an undo or culprits, whatever became of its nudge. */
  async #lookAtChannels(): Promise<void> {
    const fleets = await this.records.fleetNames()
    await mapBounded(fleets, TENANTS_AT_ONCE, async (fleet) => {
      try {
        await this.publicationOf(fleet).look([])
      } catch (err) {
        this.log.warn({ err, fleet }, 'not published, will retry')
      }
    })
  }

  async #lookAtEverything(stop: AbortSignal): Promise<void> {
    const { fleet, log } = this.#parts
    const fleets = new Set([fleet, ...(await this.records.fleetNames())])
    await Promise.all([...fleets].map(async (each) => await this.publicationOf(each).look('all')))
    const tenants = await this.records.tenantNames()
    await mapBounded(tenants, TENANTS_AT_ONCE, async (tenant) => {
      if (stop.aborted) return
      try {
        const owner = await this.records.tenant(tenant)
        const hasJudged = await this.#judge(tenant, Object.keys(owner?.spec.models ?? {}))
        const isNewFleet = owner !== undefined && !fleets.has(owner.spec.fleet)
        if (hasJudged || isNewFleet) await this.#publish(tenant, owner?.spec.fleet)
      } catch (error) {
        if (!isObjectFault(error)) throw error
        log.error({ err: error, tenant }, 'tenant passed over: its objects cannot be read')
      }
    })
  }

  async #judge(tenant: string, models: readonly string[]): Promise<boolean> {
    const judged = await mapBounded(models, TENANTS_AT_ONCE, async (model) => {
      return await this.gate.look({ tenant, model })
    })
    return judged.includes(true)
  }

  /** In its own fleet, and in any other that may still list it after a move. */
  async #publish(tenant: string, fleet: string | undefined, options?: LookOptions): Promise<void> {
    const fleets = new Set(await this.records.fleetNames())
    if (fleet !== undefined) fleets.add(fleet)
    await Promise.all(
      [...fleets].map(async (each) => await this.publicationOf(each).look([tenant], options)),
    )
  }

  async #lookAgain(id: ModelId): Promise<void> {
    try {
      await this.look(id)
    } catch (err) {
      this.log.warn({ err, ...id }, 'not looked at, the next scan will')
    }
  }
}

type PublishNudge = NudgeOf<{ name: 'publish' }>

/** The rollout queue of each fleet, opened when it is first nudged. */
function makeRollouts(place: Place, log: Log) {
  const queues = new Map<string, ReturnType<typeof openRollouts>>()
  return {
    async nudge(fleet: string, traceparent: string | undefined): Promise<void> {
      const queue = queues.get(fleet) ?? openRollouts(fleet, place)
      queues.set(fleet, queue)
      try {
        await queue.nudge({ fleet, ...(traceparent !== undefined && { traceparent }) })
      } catch (err) {
        log.warn({ err, fleet }, 'rollout not nudged; the restarter finds it by its scan')
      }
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(
        [...queues.values()].map(async (queue) => await queue[Symbol.asyncDispose]()),
      )
    },
  }
}

const openRollouts = (fleet: string, place: Place) => openQueue({ name: 'rollout', fleet }, place)
