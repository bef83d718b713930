import {
  annotationOf,
  type Channel,
  type ConfigRef,
  type Rollout,
  type TemplatePair,
} from '@drover/model-config'
import { faultOf, lateOf, steadyConfig } from './judge.ts'
import { FIELD_MANAGER, isSameRef, type Observed, type SeenDeployment } from './observed.ts'
import { dueByAge, isWishOpen, whyWait } from './recycle.ts'
import { moveLive, reject, type Step, tellNext, turnBack, whyNotLive } from './rollout.ts'
import { undoOf } from './by-others.ts'
import { leftOf, patchTemplate, saidOf } from './template.ts'

/** After a roll for its age failed, the next one waits for this share of the age. */
const FAILED_SHARE = 0.1

/** The pair of annotations for a config and a count of wishes; before the first config none is named. */
export function pairOf(config: ConfigRef, count: number): TemplatePair {
  const isNamed = config.seq > 0
  return { ...(isNamed && { config: annotationOf(config) }), restart: `${count}` }
}

/** Why no roll may start on a Deployment; undefined: one may. */
function whyNoRoll(observed: Observed): string | undefined {
  const { deployment } = observed
  if (deployment.kind === 'none') return 'there is no Deployment to roll (DROVER_DEPLOYMENT)'
  if (deployment.kind === 'away') return `the cluster cannot be asked: ${deployment.why}`
  const { state } = deployment.status
  if (state === 'done' || (isDown(observed) && state !== 'paused' && state !== 'empty'))
    return undefined
  return `the Deployment is not done: ${saidOf(deployment)}`
}

/** Nobody has been ready for long: the pods that are there wait for what only a roll brings. */
const isDown = ({ now, noneReadySince, limits }: Observed): boolean =>
  noneReadySince !== undefined && now - noneReadySince > limits.applyMs

/** The right to roll the fleet on to a candidate; windows bind it unless it holds an undo. */
export function takeRoll(
  observed: Observed,
  channel: Channel,
  { candidate, taken }: { candidate: ConfigRef; taken: Omit<Rollout, 'sha' | 'seq' | 'step'> },
): Step {
  const { deployment } = observed
  const isUndo = channel.undo !== undefined && candidate.seq > channel.undo.asked
  const obstacle = whyNoRoll(observed) ?? (isUndo ? undefined : whyWait(observed))
  if (obstacle !== undefined || deployment.kind !== 'seen') {
    return { why: `config ${candidate.seq} waits to be rolled out: ${obstacle}` }
  }
  const { sha, seq } = candidate
  const template = { to: pairOf(candidate, channel.restart.count), from: deployment.pair }
  const rollout = { ...taken, sha, seq, step: { kind: 'roll' as const, servers: [], template } }
  const why = `config ${seq} is to be rolled out by new pods`
  return { why, action: { kind: 'write', what: 'take', change: { rollout }, why } }
}

/** A roll under what is live: because somebody wished for it, or because of its age. */
export function dueRoll(
  observed: Observed,
  channel: Channel,
  taken: Omit<Rollout, 'sha' | 'seq' | 'step'>,
): Step | undefined {
  const { deployment } = observed
  const due = whyRoll(observed, channel)
  if (due === undefined) return undefined
  const obstacle = whyNoRoll(observed) ?? whyWait(observed)
  if (obstacle !== undefined || deployment.kind !== 'seen') {
    return { why: `the fleet waits to be rolled for ${due.why}: ${obstacle}` }
  }
  const steady = steadyConfig(observed)
  const { restart } = channel
  const count = due.isWish ? restart.count : restart.count + 1
  const template = { to: pairOf(steady, count), from: deployment.pair }
  const rollout = { ...taken, ...steady, step: { kind: 'roll' as const, servers: [], template } }
  const raised = {
    count,
    at: observed.at,
    why: due.why,
    ...(restart.failed !== undefined && { failed: restart.failed }),
  }
  const why = `roll the fleet for ${due.why}`
  const change = { rollout, ...(!due.isWish && { restart: raised }) }
  return { why, action: { kind: 'write', what: 'take', change, why } }
}

function whyRoll(
  observed: Observed,
  { restart }: Channel,
): { isWish: boolean; why: string } | undefined {
  const { deployment, delivery, servers, at, limits } = observed
  if (deployment.kind === 'none') return undefined
  const bound = servers.filter(({ state }) => delivery === 'restart' || state?.canRecycle === false)
  const isObeyed = deployment.kind === 'seen' && deployment.pair.restart === `${restart.count}`
  const hasFailed = restart.failed === restart.count
  if (!isObeyed && !hasFailed && bound.some((server) => isWishOpen(server, observed))) {
    return { isWish: true, why: 'a wish' }
  }
  const sinceMs = Date.parse(at) - Date.parse(restart.at ?? '')
  if (hasFailed && sinceMs < limits.recycleAgeMs * FAILED_SHARE) return undefined
  const old = bound.map((server) => dueByAge(server, observed)).find((why) => why !== undefined)
  return old === undefined ? undefined : { isWish: false, why: old }
}

/** The next action of a roll: the pair, then the wait for the Deployment, then `live`. */
export function stepRoll(observed: Observed, channel: Channel, rollout: Rollout): Step {
  const fault = isTrial(observed, rollout) ? faultOf(observed, rollout) : undefined
  if (fault !== undefined) return reject(observed, channel, rollout, fault)
  const patch = patchFor(observed, channel, rollout)
  if (patch?.action !== undefined) return patch
  const failed = whyFailed(observed)
  if (failed !== undefined) return fail(observed, channel, rollout, failed)
  const { deployment } = observed
  if (isStuck(observed, channel, rollout)) {
    const why = 'the pods do not get ready, and there is a newer candidate'
    return turnBack(observed, channel, rollout, { why })
  }
  if (patch !== undefined || deployment.kind !== 'seen') return patch ?? { why: 'nothing is seen' }
  const isDone = deployment.status.state === 'done'
  return isDone ? endRoll(observed, channel, rollout) : { why: saidOf(deployment) }
}

/** The patch that is to be made or waited for, or the end of the roll if somebody took it back. */
function patchFor(observed: Observed, channel: Channel, rollout: Rollout): Step | undefined {
  const { deployment } = observed
  const patch = patchTemplate(observed, rollout.step.template?.to ?? {})
  const isTaken =
    patch !== undefined && deployment.kind === 'seen' && isUndone(observed, deployment)
  return isTaken ? undone(observed, channel, rollout, deployment) : patch
}

/** Whether a roll brings a config that is not live yet. */
const isTrial = (observed: Observed, rollout: Rollout): boolean =>
  !isSameRef(steadyConfig(observed), rollout)

/** Every pod is new: what they confirm is live. */
function endRoll(observed: Observed, channel: Channel, rollout: Rollout): Step {
  const left = leftOf(observed.deployment)
  if (!isTrial(observed, rollout)) {
    const why = 'every pod is new'
    const change = { rollout: undefined, ...left }
    const record = { id: `rolled.${channel.restart.count}`, what: 'fleet rolled' }
    return { why, action: { kind: 'write', what: 'release', change, why, record } }
  }
  const blocker = whyNotLive(observed, rollout)
  if (blocker === undefined) return moveLive(observed, channel, rollout, left)
  const late = lateOf(observed, rollout)
  if (late !== undefined) return reject(observed, channel, rollout, late)
  // One that was ready on another config before its pod's turn came.
  return tellNext(observed, channel, rollout) ?? { why: blocker }
}

/** Somebody else has changed the pair after it had come to where the roll wants it. */
const isUndone = ({ hasRolled }: Observed, { manager }: SeenDeployment): boolean =>
  hasRolled && manager !== FIELD_MANAGER

function undone(
  observed: Observed,
  channel: Channel,
  rollout: Rollout,
  deployment: SeenDeployment,
): Step {
  const { pair, manager = 'somebody' } = deployment
  const why = `${manager} changed drover.dev/config during the roll`
  const isNew = isTrial(observed, rollout)
  // Without it the publisher would bring the same again.
  const undo = undoOf(observed, channel, deployment, isNew ? channel.live : undefined)
  const change = undo === undefined ? {} : { undo }
  const turn = { template: { to: pair, from: pair }, change }
  if (!isNew) return turnBack(observed, channel, rollout, { ...turn, why })
  return reject(observed, channel, rollout, { kind: 'deadline', culprits: [], why, ...turn })
}

/** What its pods cannot bring must not keep a newer candidate, perhaps its remedy, waiting. */
function isStuck(
  { deployment, now, stepSince, limits }: Observed,
  { candidate }: Channel,
  rollout: Rollout,
): boolean {
  const isNewer = candidate !== undefined && candidate.seq > rollout.seq
  const isTroubled = deployment.kind === 'seen' && deployment.trouble !== undefined
  return isNewer && isTroubled && now - stepSince > limits.applyMs
}

/** Kubernetes' own word, or the time. */
function whyFailed({ deployment, now, stepSince, limits }: Observed): string | undefined {
  if (deployment.kind === 'seen' && deployment.status.state === 'failed') return saidOf(deployment)
  if (now - stepSince <= limits.rollMs) return undefined
  const said = deployment.kind === 'seen' ? saidOf(deployment) : 'the cluster cannot be asked'
  return `the roll took longer than ${limits.rollMs} ms: ${said}`
}

function fail(observed: Observed, channel: Channel, rollout: Rollout, why: string): Step {
  if (isTrial(observed, rollout)) {
    return reject(observed, channel, rollout, { kind: 'deadline', culprits: [], why })
  }
  const { restart } = channel
  const record = { id: `unrolled.${restart.count}`, what: 'the roll of the fleet failed' }
  const change = { restart: { ...restart, failed: restart.count } }
  return turnBack(observed, channel, rollout, { why, change, record })
}
