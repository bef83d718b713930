import type { FairQueue, NudgeOf, NudgeQueue } from '@drover/jobs'
import {
  type ModelId,
  parseServedName,
  requestOf,
  servedName,
  type Tenant,
} from '@drover/model-config'
import type { Log } from '@drover/service'
import { nudgePublish } from './act.ts'
import type { Agenda } from './agenda.ts'

const RETRY_MS = 5_000
/** When to look again at what was queued: nothing says that a queued job was lost. */
const LOST_JOB_MS = 300_000
/** The acknowledgement of a change waits no longer for Redis. */
const ANNOUNCE_MS_MAX = 60
const QUEUED_REMEMBERED_MAX = 100_000

export interface DispatchParts {
  fair: FairQueue
  publish: NudgeQueue<{ name: 'publish' }>
  agenda: Agenda
  log: Log
  now: () => number
}

/** One training to be queued. */
export interface Wish {
  model: ModelId
  /** The id of the request. */
  request: string
  weight: number
  onboarding: boolean
  traceparent: string
}

/** Puts trainings into the fair queue, and remembers since when they wait there. */
export function makeDispatch({ fair, publish, agenda, log, now }: DispatchParts) {
  const queued = new Map<string, { request: string; at: number }>()

  async function ask({ model, request, ...wish }: Wish): Promise<boolean> {
    const name = servedName(model)
    // Before the call: a run that starts at once sets a better time.
    agenda.set(model, now() + LOST_JOB_MS)
    if (queued.get(name)?.request !== request) {
      if (queued.size >= QUEUED_REMEMBERED_MAX) queued.clear()
      queued.set(name, { request, at: now() })
    }
    try {
      await fair.request({ ...model, ...wish })
      return true
    } catch (err) {
      agenda.set(model, now() + RETRY_MS)
      log.warn({ err, ...model }, 'training not queued')
      return false
    }
  }

  async function feed(): Promise<void> {
    await fair.feed().catch((err: unknown) => log.warn({ err }, 'trainings not handed on'))
  }

  return {
    /** False: Redis is away, and the request is asked for again by itself. */
    async request(wish: Wish): Promise<boolean> {
      const isQueued = await ask(wish)
      if (isQueued) await feed()
      return isQueued
    },

    /** Since when a request waits, or waited, in the queue; undefined when another process queued it. */
    queuedAt: (model: ModelId, request: string): number | undefined => {
      const known = queued.get(servedName(model))
      return known?.request === request ? known.at : undefined
    },

    /** The models whose request was queued here and is not known to be settled. */
    unsettled: (): ModelId[] => [...queued.keys()].map(parseServedName),

    /** Forgets a request that is settled. */
    forget: (model: ModelId): void => void queued.delete(servedName(model)),

    /** Tells the publisher of a version. */
    announceVersion: async (nudge: NudgeOf<{ name: 'publish' }>): Promise<void> =>
      await nudgePublish({ publish, log }, nudge),

    /**
     * Says what a change of a tenant leads to: trainings that are wanted now, and a look by the
     * publishers of its fleets. False: Redis did not take it all in time, and scans will.
     */
    async announce(tenant: Tenant, before: Tenant | undefined): Promise<boolean> {
      const asks = wishesOf(tenant, before, now()).map(ask)
      const trained = Promise.all(asks).then(async (answers) => {
        if (answers.length > 0) await feed()
        return answers.every(Boolean)
      })
      const fleets = before === undefined ? [] : [before.spec.fleet, tenant.spec.fleet]
      for (const fleet of new Set(fleets)) {
        const { traceparent } = tenant
        // It tells the log by itself, and nobody waits for it.
        void nudgePublish({ publish, log }, { fleet, tenant: tenant.tenant, traceparent })
      }
      return await Promise.race([trained, after(ANNOUNCE_MS_MAX)])
    },
  }
}

export type Dispatch = ReturnType<typeof makeDispatch>

/** The models whose present request is another than before. */
function wishesOf(tenant: Tenant, before: Tenant | undefined, now: number): Wish[] {
  return Object.entries(tenant.models).flatMap(([model, { born }]) => {
    const request = requestOf(tenant, model, now)?.id
    const old = before === undefined ? undefined : requestOf(before, model, now)?.id
    if (request === undefined || request === old) return []
    const { traceparent } = tenant
    const onboarding = born === tenant.seq
    const id = { tenant: tenant.tenant, model }
    return [{ model: id, request, weight: tenant.spec.weight, onboarding, traceparent }]
  })
}

async function after(ms: number): Promise<false> {
  return await new Promise((resolve) => {
    setTimeout(() => resolve(false), ms).unref()
  })
}
