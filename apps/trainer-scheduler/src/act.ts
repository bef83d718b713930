import { childOf, type Log } from '@drover/service'
import type { NudgeOf, NudgeQueue } from '@drover/jobs'
import { durationMs, type ModelId, slotAt, type Tenant } from '@drover/model-config'
import { abortVersion } from './commit.ts'
import type { CommandLane } from './lane.ts'
import type { Action, Observed } from './plan.ts'
import { trainVersion, type Workshop } from './run.ts'

const BY = 'trainer-scheduler'

/** What actions are carried out with. */
export interface Hands {
  workshop: Workshop
  lane: CommandLane
  publish: NudgeQueue<{ name: 'publish' }>
  log: Log
  /** When the model's present request was put into the queue here; undefined: by another process. */
  queuedAt: (model: ModelId, request: string) => number | undefined
}

/** What comes after an action; `full`: it has to wait for the lane of commands. */
export type Next = 'again' | 'done' | 'cancelled' | 'full'

/**
 * Carries out one action. Doing it twice does no harm: a second training finds the number taken, a
 * second giving up finds the manifest there. Throws when the store is away.
 */
export async function act(
  hands: Hands,
  observed: Observed,
  { action, traceparent, signal }: { action: Action; traceparent: string; signal: AbortSignal },
): Promise<Next> {
  const { workshop, log } = hands
  const { model, tenant } = observed
  switch (action.kind) {
    case 'nothing':
    case 'wait':
      return 'done'
    case 'publish': {
      const fleet = tenant?.spec.fleet
      if (fleet !== undefined) {
        await nudgePublish(hands, { fleet, ...model, version: action.version, traceparent })
      }
      return 'done'
    }
    case 'giveUp': {
      const { version, why } = action
      await abortVersion(
        workshop.store,
        { model, version, claim: action.claim },
        { why, by: BY, now: workshop.now() },
      )
      log.warn({ ...model, version, why }, 'claim given up')
      return 'again'
    }
    case 'train': {
      const training = { ...action, traceparent, signal }
      if (!isCommand(observed)) return await train(hands, observed, training)
      using place = hands.lane.enter(model)
      if (place !== undefined) return await train(hands, observed, training)
      hands.lane.park(model)
      return 'full'
    }
  }
}

/** Whether the model is made by a program of the operator's. */
export const isCommand = ({ tenant, model }: Observed): boolean =>
  tenant?.spec.models[model.model]?.recipe.name === 'command'

type Training = Extract<Action, { kind: 'train' }> & { traceparent: string; signal: AbortSignal }

async function train(
  hands: Hands,
  { model, tenant, now }: Observed,
  { request, version, traceparent, signal }: Training,
): Promise<Next> {
  const spec = tenant?.spec.models[model.model]
  if (tenant === undefined || spec === undefined) return 'again'
  const queuedAt = hands.queuedAt(model, request.id) ?? wantedAt(tenant, model.model, now)
  const outcome = await trainVersion(
    hands.workshop,
    {
      model,
      spec,
      request,
      version,
      queuedAt: new Date(queuedAt).toISOString(),
      traceparent: childOf(traceparent),
    },
    signal,
  )
  hands.log.info({ ...model, ...outcome, version, traceparent }, 'run ended')
  return outcome.kind === 'cancelled' ? 'cancelled' : 'again'
}

/** Tells the publisher. It finds what it is not told by its own scan, so Redis may be away. */
export async function nudgePublish(
  { publish, log }: Pick<Hands, 'publish' | 'log'>,
  nudge: NudgeOf<{ name: 'publish' }>,
): Promise<void> {
  try {
    await publish.nudge(nudge)
  } catch (err) {
    log.warn({ err, ...nudge }, 'publish not nudged')
  }
}

/** When the present request of a model arose: by a change, or by its schedule. */
export function wantedAt(tenant: Tenant, model: string, now: number): number {
  const changedAt = Date.parse(tenant.changedAt)
  const every = tenant.spec.models[model]?.every
  if (every === undefined) return changedAt
  const { nextAt } = slotAt(`${tenant.tenant}.${model}`, every, now)
  return Math.max(changedAt, nextAt - durationMs(every))
}
