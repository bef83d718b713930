import type { Action, Observed } from '@drover/restarter'
import { asSeen, deciding, writing } from './mutants.ts'
import { type Plans, REAL } from './plans.ts'

const acting =
  (change: (action: Action) => Action | undefined) =>
  (decision: ReturnType<Plans['decide']>): ReturnType<Plans['decide']> =>
    decision.action === undefined ? decision : { ...decision, action: change(decision.action) }

/** A Deployment always seems to be done. */
function allDone(observed: Observed): Observed {
  const { deployment } = observed
  if (deployment.kind !== 'seen') return observed
  return { ...observed, deployment: { ...deployment, status: { state: 'done', message: '' } } }
}

/** Like `MUTANTS`: rules of a roll, each left out. */
export const ROLL_MUTANTS: Record<string, Plans> = {
  'a roll does not wait for its pods': { ...REAL, decide: deciding(allDone) },
  'a patch does not say what it was decided on': {
    ...REAL,
    decide: deciding(
      asSeen,
      acting((action) => (action.kind === 'patch' ? { ...action, resourceVersion: '' } : action)),
    ),
  },
  'an annotation that names what is not live is only noted': {
    ...REAL,
    decide: (observed) => {
      const decision = REAL.decide(observed)
      const { action } = decision
      const { deployment, channel } = observed
      const isBack = action?.kind === 'write' && action.change.rollout?.step.kind === 'back'
      if (!isBack || channel?.rollout !== undefined || deployment.kind !== 'seen') return decision
      const change = { template: { ...deployment.pair, sha: deployment.templateSha } }
      return { ...decision, action: { ...action, what: 'template', change } }
    },
  },
  'an undo by an annotation is only noted': {
    ...REAL,
    decide: deciding(
      asSeen,
      writing((action) => {
        const { template } = action.change
        if (action.what !== 'undo' || template === undefined) return action
        return { ...action, what: 'template', change: { template } }
      }),
    ),
  },
  'a wish is not obeyed by a roll': {
    ...REAL,
    decide: deciding(
      asSeen,
      writing((action, { live }) => {
        const { rollout } = action.change
        const isRoll = action.what === 'take' && rollout?.step.kind === 'roll'
        return isRoll && rollout.seq === (live?.seq ?? 0) ? undefined : action
      }),
    ),
  },
  'a server gets ready on a config that never was live, without all of it': {
    ...REAL,
    agent: (observed) => {
      const { config } = observed
      return REAL.agent({
        ...observed,
        config: config && { ...config, isComplete: true },
        mayOpen: true,
      })
    },
  },
}

/** Too seldom broken by a random history to be looked for: a case has the history for each. */
export const SELDOM_MUTANTS: Record<string, Plans> = {
  'a server forgets what is live while the store is away': {
    ...REAL,
    agent: (observed) => {
      const { channel, named } = observed
      return REAL.agent({ ...observed, named: channel.kind === 'away' ? undefined : named })
    },
  },
}
