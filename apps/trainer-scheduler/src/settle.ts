import type { FairQueue, NudgeOf } from '@drover/jobs'
import type { ModelId } from '@drover/model-config'
import { type ModelStore, ModelStoreCode, ModelStoreError } from '@drover/model-store'
import { childOf, type Log, newTraceparent } from '@drover/service'
import { act, type Hands, isCommand, wantedAt } from './act.ts'
import type { Agenda } from './agenda.ts'
import type { Dispatch } from './dispatch.ts'
import { observe } from './observe.ts'
import { type Action, newestOf, type Observed, plan } from './plan.ts'

const TURNS_MAX = 16
const RETRY_MS = 5_000

export interface SettleParts {
  store: ModelStore
  fair: FairQueue
  agenda: Agenda
  dispatch: Dispatch
  hands: Hands
  log: Log
  now: () => number
  /** Aborted when the scheduler stops. */
  stop: AbortSignal
}

/** The two ways to attend to one model: `look` queues what is due, `settle` does it. */
export function makeSettle(parts: SettleParts) {
  const { store, fair, agenda, dispatch, log, now, stop } = parts
  const { lane } = parts.hands

  function put(model: ModelId, action: Action): void {
    agenda.set(model, untilOf(action))
    lane.forget(model)
    if (action.kind !== 'wait') dispatch.forget(model)
  }

  /** What is due goes to the queue; for the rest, when to look again. */
  async function look(model: ModelId): Promise<void> {
    try {
      const observed = await observe(store, model, now())
      const action = plan(observed)
      const wish = wishOf(observed, action)
      if (wish === undefined) put(model, action)
      else if (action.kind === 'train' && isCommand(observed) && lane.isFull) lane.park(model)
      else await dispatch.request(wish)
    } catch (err) {
      agenda.set(model, now() + RETRY_MS)
      if (err instanceof ModelStoreError && err.code === ModelStoreCode.UNAVAILABLE) throw err
      log.error({ err, ...model }, 'model not understood')
    }
  }

  /** Observes, plans and acts until nothing is left to do for the model now. */
  async function turns(
    model: ModelId,
    traceparent: string,
    onObserved: (observed: Observed) => void,
  ): Promise<void> {
    for (let turn = 0; turn < TURNS_MAX; turn++) {
      const observed = await observe(store, model, now())
      onObserved(observed)
      const action = plan(observed)
      const next = await act(parts.hands, observed, { action, traceparent, signal: stop })
      if (next === 'cancelled') stop.throwIfAborted()
      if (next === 'full') return
      if (next === 'done') {
        put(model, action)
        return
      }
    }
    agenda.set(model, now() + RETRY_MS)
  }

  return {
    look,

    /**
     * Handles a nudge of `train`. A fault is logged and looked at again by the agenda, not by the
     * queue's own tries; only a stop throws, so that the job goes back to the queue.
     */
    settle: async ({ tenant, model, traceparent }: NudgeOf<{ name: 'train' }>): Promise<void> => {
      const id = { tenant, model }
      const startedAt = performance.now()
      let weight = 1
      try {
        await turns(id, traceparent, (observed) => {
          weight = observed.tenant?.spec.weight ?? weight
        })
      } catch (err) {
        stop.throwIfAborted()
        log.warn({ err, ...id }, 'model will be looked at again')
        agenda.set(id, now() + RETRY_MS)
      }
      const costMs = performance.now() - startedAt
      await fair.finished({ ...id, costMs, weight }).catch((err: unknown) => {
        log.warn({ err, ...id }, 'cost not accounted for')
      })
    },
  }
}

/** When to look at a model again; undefined: when it is changed. */
function untilOf(action: Action): number | undefined {
  return 'until' in action ? action.until : undefined
}

/** What is to be queued for an action; undefined when no run has to do anything. */
function wishOf({ model, tenant, versions, now }: Observed, action: Action) {
  if (tenant === undefined || (action.kind !== 'train' && action.kind !== 'giveUp'))
    return undefined
  const isFirst = newestOf(versions, tenant.models[model.model]?.born) === undefined
  // A training that its schedule wants has nothing to do with the last change, nor with its trace.
  const isScheduled = wantedAt(tenant, model.model, now) > Date.parse(tenant.changedAt)
  return {
    model,
    request: action.kind === 'train' ? action.request.id : action.claim.request,
    weight: tenant.spec.weight,
    onboarding: isFirst,
    traceparent: isScheduled ? newTraceparent() : childOf(tenant.traceparent),
  }
}
