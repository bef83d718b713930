import type { Channel, Rollout, TemplatePair } from '@drover/model-config'
import { type DeploymentView, isSamePair, type Observed, type SeenDeployment } from './observed.ts'
import type { Step } from './rollout.ts'

type Template = NonNullable<Rollout['step']['template']>

/** What a Deployment waits for, with the trouble of its pods, for people. */
export const saidOf = ({ status, trouble }: SeenDeployment): string =>
  trouble === undefined ? status.message : `${status.message}; ${trouble}`

/** The template is brought to a pair, against what was read; undefined: it is there. */
export function patchTemplate({ deployment }: Observed, pair: TemplatePair): Step | undefined {
  if (deployment.kind === 'none') return { why: 'there is no Deployment (DROVER_DEPLOYMENT)' }
  if (deployment.kind === 'away') return { why: `the cluster cannot be asked: ${deployment.why}` }
  if (isSamePair(deployment.pair, pair)) return undefined
  const { resourceVersion } = deployment
  const why = `the pods are to start with ${pair.config ?? 'no config of their own'}`
  return { why, action: { kind: 'patch', pair, resourceVersion, why } }
}

/** After a takeover, before all else: a late patch of the last holder conflicts from then on. */
export function touchFirst({ deployment, tookOver }: Observed, rollout: Rollout): Step | undefined {
  if (tookOver === undefined || rollout.step.template === undefined) return undefined
  if (deployment.kind !== 'seen' || deployment.touch === tookOver) return undefined
  const why = 'the rollout was taken over: no late patch may change the Deployment'
  return { why, action: { kind: 'touch', fence: tookOver, why } }
}

/** Of going back: the pair first, so that no more pods come; then the wait, which has an end. */
export function returnTemplate(observed: Observed, { to }: Template): Step | undefined {
  const { deployment, hasRolled, now, stepSince, limits } = observed
  const patch = patchTemplate(observed, to)
  const isOver = now - stepSince > limits.rollMs
  if (patch !== undefined) return isOver || hasRolled ? undefined : patch
  if (deployment.kind !== 'seen' || deployment.status.state === 'done' || isOver) return undefined
  const { state } = deployment.status
  // Only a person can mend these, and the pods that serve are not touched by them.
  const isStuck = state === 'failed' || state === 'paused' || state === 'empty'
  if (isStuck && now - stepSince > limits.applyMs) return undefined
  return { why: `going back: ${saidOf(deployment)}` }
}

/** What the channel keeps of a template that is left as it is; nothing of one that cannot be seen. */
export function leftOf(deployment: DeploymentView): Pick<Channel, 'template'> {
  if (deployment.kind !== 'seen') return {}
  return { template: { ...deployment.pair, sha: deployment.templateSha } }
}
