import { setTimeout as sleep } from 'node:timers/promises'
import { type ConfigRef, isPending, isRejected } from '@drover/model-config'
import type { ModelStore } from '@drover/model-store'
import { type Log, newTraceparent } from '@drover/service'
import type { Records } from '../records.ts'
import { createChannel, publish, writeUndo, writeVerdicts } from './act.ts'
import { faultsLogged, observe, type StoredPublication } from './observe.ts'
import { plan, type PublicationAction } from './plan.ts'
import type { DuePins } from './undo.ts'

/** How many turns a look may take, since the channel can move before each swap. */
const TRIES_MAX = 50
const MOVED_MS_MAX = 30
/** While changes gather, the channel is read this often: the rollout may end earlier. */
const GATHER_LOOK_MS = 100
/** A look that failed is repeated after this. */
const OWED_MS = 5_000
const LATER_MS_MAX = 60 * 60_000
const WAITING_MAX = 100_000

/** What one fleet's publication needs. */
export interface PublicationParts {
  store: ModelStore
  records: Records
  fleet: string
  log: Log
  now: () => number
  /** Tells the restarter; must not throw. */
  nudgeRollout: (fleet: string, traceparent: string | undefined) => Promise<void>
}

/** What is known of why somebody looks. */
export interface LookOptions {
  /** Does not wait for a rollout that is under way. */
  isUrgent?: boolean
  /** Removals that are let go although nothing explains them. */
  allowedRemovals?: readonly string[]
  traceparent?: string | undefined
}

/** The publications of one fleet, one after the other. */
export interface Publication {
  /**
   * Brings the candidate in line with the specs, verdicts and pins of these tenants; resolves when
   * that is done, with the candidate there is then.
   */
  look(tenants: readonly string[] | 'all', options?: LookOptions): Promise<ConfigRef | undefined>
  /** Models that would have left the fleet for no reason on record, and were kept. */
  refusedRemovals(): string[]
  close(): void
}

type Tenants = ReadonlySet<string> | 'all'

interface Request extends LookOptions {
  tenants: Tenants
  since: number
  /** Looks once more at what failed; what fails together with it is tried again without it. */
  isRepeat: boolean
  isSecondTry: boolean
  resolve: (candidate: ConfigRef | undefined) => void
  reject: (error: unknown) => void
}

/** One turn: what there is now, or that there is more to do. Gathering ends by its own deadline. */
type Turn = { candidate: ConfigRef | undefined } | 'again' | 'moved' | 'gathering'

export function makePublication(parts: PublicationParts): Publication {
  return new PublicationQueue(parts)
}

class PublicationQueue implements Publication {
  readonly #parts: PublicationParts
  readonly #closing = new AbortController()
  /** Came while others were worked on; they join at the next turn. */
  #waiting: Request[] = []
  #isRunning = false
  /** Tenants of looks that failed, for one look of their own that comes later. */
  #owed: Tenants = new Set()
  #rejected: { name: string; since: number } | undefined
  #refused = new Set<string>()
  #timer: NodeJS.Timeout | undefined
  #owedTimer: NodeJS.Timeout | undefined

  constructor(parts: PublicationParts) {
    this.#parts = parts
  }

  async look(tenants: readonly string[] | 'all', options: LookOptions = {}) {
    return await this.#ask(tenants === 'all' ? tenants : new Set(tenants), options)
  }

  async #ask(tenants: Tenants, options: LookOptions, isRepeat = false) {
    if (this.#waiting.length >= WAITING_MAX) throw new Error('too many publications wait')
    return await new Promise<ConfigRef | undefined>((resolve, reject) => {
      const since = this.#parts.now()
      const request = { ...options, tenants, since, isRepeat, isSecondTry: false }
      this.#waiting.push({ ...request, resolve, reject })
      // Whoever asked hears of every outcome; this promise itself never rejects.
      void this.#run()
    })
  }

  refusedRemovals(): string[] {
    return [...this.#refused].toSorted()
  }

  close(): void {
    this.#closing.abort()
    clearTimeout(this.#timer)
    clearTimeout(this.#owedTimer)
  }

  async #run(): Promise<void> {
    if (this.#isRunning) return
    this.#isRunning = true
    while (this.#waiting.length > 0) {
      const batch: Request[] = []
      try {
        const candidate = await this.#settle(batch)
        for (const { resolve } of batch) resolve(candidate)
      } catch (error) {
        const again = tryAgain(batch)
        this.#waiting.unshift(...again)
        const failed = batch.filter((request) => !again.includes(request))
        this.#owe(failed.map(({ tenants }) => tenants))
        for (const { reject } of failed) reject(error)
      }
    }
    this.#isRunning = false
  }

  /** Observes, plans and acts until nothing is left to do for the batch, which grows meanwhile. */
  async #settle(batch: Request[]): Promise<ConfigRef | undefined> {
    for (let tries = 0; tries < TRIES_MAX;) {
      batch.push(...this.#waiting.splice(0))
      this.#closing.signal.throwIfAborted()
      const turn = await this.#turn(batch)
      if (typeof turn === 'object') return turn.candidate
      if (turn === 'gathering') continue
      tries++
      if (turn === 'moved') await sleep(Math.random() * MOVED_MS_MAX)
    }
    throw new Error(`the fleet ${this.#parts.fleet} did not settle in ${TRIES_MAX} turns`)
  }

  async #turn(batch: readonly Request[]): Promise<Turn> {
    const { store, records, fleet, log, now } = this.#parts
    const tenants = union(batch.map((request) => request.tenants))
    const stored = await observe(records, { fleet, tenants }, faultsLogged(log, fleet))
    if (stored === undefined) {
      await createChannel(store, fleet)
      return 'moved'
    }
    const action = plan({
      ...stored,
      now: now(),
      allowedRemovals: batch.flatMap((request) => request.allowedRemovals ?? []),
      since: batch.some(({ isUrgent }) => isUrgent)
        ? undefined
        : Math.min(...batch.map(({ since }) => since)),
      rejectedSince: this.#rejectedSince(stored),
    })
    this.#noteRefused(stored, action)
    return await this.#act(
      stored,
      action,
      batch.find((request) => request.traceparent)?.traceparent,
    )
  }

  async #act(
    stored: StoredPublication,
    action: PublicationAction | undefined,
    traceparent: string | undefined,
  ): Promise<Turn> {
    const { store, fleet, log, now, nudgeRollout } = this.#parts
    const { channel } = stored
    switch (action?.kind) {
      case 'verdicts': {
        const { verdicts } = action
        await writeVerdicts(store, fleet, { verdicts, at: new Date(now()) })
        log.info({ fleet, verdicts, traceparent }, 'rejected versions')
        return 'again'
      }
      case 'undo':
        return await this.#pin(stored, action.due, traceparent)
      case 'gather': {
        const waitMs = Math.min(action.until - now(), GATHER_LOOK_MS)
        await sleep(Math.max(0, waitMs), undefined, { signal: this.#closing.signal })
        return 'gathering'
      }
      case 'publish': {
        const candidate = await publish(store, stored, action.models)
        if (candidate === undefined) return 'moved'
        const models = Object.keys(action.models).length
        log.info({ fleet, ...candidate, models, traceparent }, 'published')
        // Not waited for: the candidate is in the store, and Redis may be slow to say that it is away.
        void nudgeRollout(fleet, traceparent)
        return { candidate }
      }
      case 'later':
        this.#lookAt(action.at)
        return { candidate: channel.candidate }
      case 'refuse':
      case undefined:
        // The nudge may have been lost with the process that published.
        if (isPending(channel) && channel.rollout === undefined) {
          void nudgeRollout(fleet, traceparent)
        }
        return { candidate: channel.candidate }
    }
  }

  async #pin(
    { channel: { undo } }: StoredPublication,
    due: readonly DuePins[],
    traceparent = newTraceparent(),
  ): Promise<Turn> {
    const { fleet, log } = this.#parts
    await writeUndo(this.#parts, due, traceparent)
    const pins = due.map(({ tenant, pins: own }) => ({ tenant: tenant.tenant, pins: own }))
    log.info({ fleet, undo, pins, traceparent }, 'pinned for an undo')
    return 'again'
  }

  /** When this process first saw the candidate rejected: the wait for another try counts from there. */
  #rejectedSince({ channel }: StoredPublication): number | undefined {
    const { candidate } = channel
    if (candidate === undefined || !isRejected(channel, candidate)) {
      this.#rejected = undefined
      return undefined
    }
    const name = `${candidate.sha}/${candidate.seq}`
    if (this.#rejected?.name !== name) this.#rejected = { name, since: this.#parts.now() }
    return this.#rejected.since
  }

  /** What was refused stays an alert until somebody allows it or its reason to leave is gone. */
  #noteRefused({ base, named }: StoredPublication, action: PublicationAction | undefined): void {
    const refused = action !== undefined && 'refused' in action ? action.refused : []
    for (const name of this.#refused) {
      if (base[name] === undefined || named[name] !== undefined) this.#refused.delete(name)
    }
    const isNew = refused.some((name) => !this.#refused.has(name))
    for (const name of refused) this.#refused.add(name)
    if (!isNew) return
    const { fleet, log } = this.#parts
    const allow = `POST /v1/fleets/${fleet}/allow-shrink`
    log.error(
      { fleet, models: refused, allow },
      'models kept: nothing explains why they would leave',
    )
  }

  #owe(tenants: readonly Tenants[]): void {
    this.#owed = union([this.#owed, ...tenants])
    clearTimeout(this.#owedTimer)
    if (this.#closing.signal.aborted) return
    const repeat = () => {
      const owed = this.#owed
      this.#owed = new Set()
      this.#ask(owed, {}, true).catch((err: unknown) => this.#warn(err))
    }
    this.#owedTimer = setTimeout(repeat, OWED_MS).unref()
  }

  #warn(err: unknown): void {
    this.#parts.log.warn({ err, fleet: this.#parts.fleet }, 'not published, will retry')
  }

  #lookAt(at: number): void {
    clearTimeout(this.#timer)
    if (this.#closing.signal.aborted) return
    const waitMs = Math.min(Math.max(0, at - this.#parts.now()), LATER_MS_MAX)
    const look = () => void this.look([]).catch((err: unknown) => this.#warn(err))
    this.#timer = setTimeout(look, waitMs).unref()
  }
}

/** Of a batch that failed, what may have failed only because of the repeats in it. */
function tryAgain(batch: readonly Request[]): Request[] {
  if (!batch.some(({ isRepeat }) => isRepeat)) return []
  const others = batch.filter(({ isRepeat, isSecondTry }) => !isRepeat && !isSecondTry)
  for (const request of others) request.isSecondTry = true
  return others
}

function union(all: readonly Tenants[]): Tenants {
  const names = new Set<string>()
  for (const tenants of all) {
    if (tenants === 'all') return 'all'
    for (const name of tenants) names.add(name)
  }
  return names
}
