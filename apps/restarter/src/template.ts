import {
  type Channel,
  cleanPair,
  MANAGER_CHARACTERS_MAX,
  parseAnnotation,
  type Rollout,
  type TemplatePair,
} from '@drover/model-config'
import { isDown, steadyConfig } from './judge.ts'
import {
  type DeploymentView,
  FIELD_MANAGER,
  isSamePair,
  type Observed,
  type SeenDeployment,
} from './observed.ts'
import type { Step } from './rollout.ts'

/** `kubectl rollout undo` signs so, and of what applies nothing does: it is a person who asks. */
export const UNDO_COMMAND = 'kubectl'

type Template = NonNullable<Rollout['step']['template']>

/** What a step keeps of the pod template that it changes. */
export const templateOf = (
  { pair, templateSha, manager }: SeenDeployment,
  to: TemplatePair,
): Template => ({
  to,
  // What is none of ours cannot be written, so it cannot be gone back to.
  from: cleanPair(pair),
  sha: templateSha,
  manager: manager?.slice(0, MANAGER_CHARACTERS_MAX),
  seen: false,
})

/** What a Deployment waits for, with the trouble of its pods, for people. */
export const saidOf = ({ status, trouble }: SeenDeployment): string =>
  trouble === undefined ? status.message : `${status.message}; ${trouble.message}`

/** Why a Deployment cannot be had; undefined: it is seen. */
export function whyUnseen(deployment: DeploymentView): string | undefined {
  if (deployment.kind === 'none') return 'there is no Deployment to roll (DROVER_DEPLOYMENT)'
  return deployment.kind === 'away' ? `the cluster cannot be asked: ${deployment.why}` : undefined
}

/** A pod would start with a config that is not live, or not at all. */
export function isUnsafe(observed: Observed, { config }: TemplatePair): boolean {
  if (config === undefined) return false
  const named = parseAnnotation(config)
  return named === undefined || named.seq > steadyConfig(observed).seq
}

/** Whether what could not be put back, or was set anew, is left alone for a while. */
export const isJustReturned = (
  { now, returnedAt = -Infinity, limits }: Observed,
  pauseMs = limits.applyMs,
): boolean => now - returnedAt < pauseMs

export const WAITS_FOR_TEMPLATE =
  'no pod can start with what drover.dev/config names: that comes first'

/** No pod comes up any more for what somebody wrote into the pod template, and it may be put back. */
export function isHeldUp(observed: Observed): boolean {
  const { deployment } = observed
  if (deployment.kind !== 'seen' || deployment.status.state === 'paused') return false
  return isDown(observed) && isUnsafe(observed, deployment.pair) && !isJustReturned(observed)
}

/** Another's hand changed our annotations, and nothing else of the template. */
export const isByAnother = ({ manager, templateSha }: SeenDeployment, sha: string): boolean =>
  manager !== FIELD_MANAGER && templateSha === sha

/** Another's hand took the config of a template back, and changed nothing else of it. */
export function isTakenBack(
  deployment: SeenDeployment,
  was: TemplatePair & { sha: string },
): boolean {
  if (!isByAnother(deployment, was.sha)) return false
  const [before, now] = [was, deployment.pair].map(({ config = '' }) => parseAnnotation(config))
  return before !== undefined && now !== undefined && now.seq < before.seq
}

/** The template is brought to a pair, against what was read; undefined: it is there. */
export function patchTemplate({ deployment }: Observed, pair: TemplatePair): Step | undefined {
  if (deployment.kind !== 'seen') return { why: whyUnseen(deployment) ?? '' }
  if (isSamePair(deployment.pair, pair)) return undefined
  const { resourceVersion } = deployment
  const why = `the pods are to start with ${pair.config ?? 'no config of their own'}`
  return { why, action: { kind: 'patch', pair, resourceVersion, why } }
}

/** After a takeover, before all else: a late patch of the last holder conflicts from then on. */
export function touchFirst(
  { deployment, tookOver, now, rolloutSince, limits }: Observed,
  rollout: Rollout,
): Step | undefined {
  if (tookOver === undefined || rollout.step.template === undefined) return undefined
  if (deployment.kind !== 'seen' || deployment.touch === tookOver) return undefined
  // Where it is refused, so is every patch.
  if (now - rolloutSince > limits.applyMs) return undefined
  const why = 'the rollout was taken over: no late patch may change the Deployment'
  return { why, action: { kind: 'touch', fence: tookOver, why } }
}

/** Of going back: the pair, then the wait, which has an end. */
export function returnTemplate(observed: Observed, { to, seen }: Template): Step | undefined {
  const { deployment, now, stepSince, limits } = observed
  const isOver = now - stepSince > limits.rollMs
  if (isOver || deployment.kind === 'none') return undefined
  const patch = patchTemplate(observed, to)
  // Somebody else has changed it since: that is looked after next.
  if (patch !== undefined) return seen ? undefined : patch
  if (deployment.kind !== 'seen' || deployment.status.state === 'done') return undefined
  const { state } = deployment.status
  // Only a person can mend these, and the pods that serve are not touched by them.
  const isStuck = state === 'failed' || state === 'paused' || state === 'empty'
  if (isStuck && now - stepSince > limits.applyMs) return undefined
  return { why: `going back: ${saidOf(deployment)}` }
}

/**
 * What the channel keeps of a template that is left as it is; nothing of one that cannot be seen, or
 * that somebody has changed meanwhile: that is looked after next.
 */
export function leftOf(
  deployment: DeploymentView,
  { template }: Rollout['step'],
): Pick<Channel, 'template'> {
  if (deployment.kind !== 'seen' || template === undefined) return {}
  if (!isSamePair(deployment.pair, template.to)) return {}
  return { template: { ...deployment.pair, sha: deployment.templateSha } }
}
