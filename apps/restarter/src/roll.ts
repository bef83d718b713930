import {
  annotationOf,
  type Channel,
  cleanPair,
  type ConfigRef,
  heldUndo,
  openUndo,
  type Rollout,
  type TemplatePair,
} from '@drover/model-config'
import { confirms, faultOf, isDown, lateOf, steadyConfig } from './judge.ts'
import { isSamePair, isSameRef, type Observed, type SeenDeployment } from './observed.ts'
import { noteSeen } from './going-back.ts'
import { whyNoJudgement } from './giving-way.ts'
import { dueByAge, isWishOpen, whyClosed } from './recycle.ts'
import { moveLive, reject, type Step, take, tellNext, turnBack, whyNotLive } from './rollout.ts'
import { undoOf } from './by-others.ts'
import {
  isByAnother,
  isTakenBack,
  leftOf,
  patchTemplate,
  saidOf,
  templateOf,
  UNDO_COMMAND,
  whyUnseen,
} from './template.ts'

/** After a roll for its age, the next one waits for this share of the age; after one that failed: */
const DONE_SHARE = 0.9
const FAILED_SHARE = 0.1

/** The pair of annotations for a config and a count of wishes; before the first config none is named. */
function pairOf(config: ConfigRef, count: number): TemplatePair {
  const isNamed = config.seq > 0
  return { ...(isNamed && { config: annotationOf(config) }), restart: `${count}` }
}

/** Why no roll may start on a Deployment; undefined: one may. */
function whyNoRoll(observed: Observed): string | undefined {
  const { deployment } = observed
  if (deployment.kind !== 'seen') return whyUnseen(deployment)
  const { state } = deployment.status
  // With nobody ready for long, the pods that are there wait for what only a roll brings.
  const isOpen = isDown(observed) && state !== 'paused' && state !== 'empty'
  if (state === 'done' || isOpen) return undefined
  return `the Deployment is not done: ${saidOf(deployment)}`
}

/** Windows and freeze, and the interval since the last roll: a server that crashes begins none. */
function whyNotNow(observed: Observed, { live, restart }: Channel): string | undefined {
  const closed = whyClosed(observed)
  if (closed !== undefined) return closed
  const { recycleIntervalMs } = observed.limits
  const last = Math.max(...[live?.at, restart.at].map((at) => Date.parse(at ?? '') || -Infinity))
  if (Math.abs(Date.parse(observed.at) - last) >= recycleIntervalMs) return undefined
  return `the last roll was less than ${recycleIntervalMs} ms ago`
}

/** The right to roll the fleet on to a candidate; windows bind it unless it holds an undo. */
export function takeRoll(observed: Observed, channel: Channel, candidate: ConfigRef): Step {
  const isUndo = heldUndo(channel) !== undefined
  const obstacle = whyNoRoll(observed) ?? (isUndo ? undefined : whyNotNow(observed, channel))
  const { deployment } = observed
  if (obstacle !== undefined || deployment.kind !== 'seen') {
    return { why: `config ${candidate.seq} waits to be rolled out: ${obstacle}` }
  }
  const step = rollTo(deployment, candidate, channel.restart.count)
  const why = `config ${candidate.seq} is to be rolled out by new pods`
  return take(observed, channel, candidate, { step, why })
}

/** A roll under what is live: because somebody wished for it, or because of its age. */
export function dueRoll(observed: Observed, channel: Channel): Step | undefined {
  const due = whyRoll(observed, channel)
  if (due === undefined) return undefined
  const obstacle = whyNoRoll(observed) ?? whyNotNow(observed, channel)
  const { deployment } = observed
  if (obstacle !== undefined || deployment.kind !== 'seen') {
    return { why: `the fleet waits to be rolled for ${due.why}: ${obstacle}` }
  }
  const steady = steadyConfig(observed)
  const { count, failed } = channel.restart
  const why = `roll the fleet for ${due.why}`
  if (due.isWish)
    return take(observed, channel, steady, { step: rollTo(deployment, steady, count), why })
  const step = rollTo(deployment, steady, count + 1)
  const raised = { count: count + 1, at: observed.at, why: due.why }
  const restart = failed === undefined ? raised : { ...raised, failed }
  return take(observed, channel, steady, { step, why, change: { restart } })
}

const rollTo = (deployment: SeenDeployment, config: ConfigRef, count: number): Rollout['step'] => ({
  kind: 'roll',
  servers: [],
  template: templateOf(deployment, pairOf(config, count)),
})

function whyRoll(
  observed: Observed,
  { restart }: Channel,
): { isWish: boolean; why: string } | undefined {
  const { deployment, delivery, servers } = observed
  if (deployment.kind === 'none') return undefined
  const bound = servers.filter(({ state }) => delivery === 'restart' || state?.canRecycle === false)
  const isObeyed = deployment.kind === 'seen' && deployment.pair.restart === `${restart.count}`
  const hasFailed = restart.failed === restart.count
  if (!isObeyed && !hasFailed && bound.some((server) => isWishOpen(server, observed))) {
    return { isWish: true, why: 'a wish' }
  }
  const old = bound.map((server) => dueByAge(server, observed)).find((why) => why !== undefined)
  return old === undefined || isJustRolled(observed, restart)
    ? undefined
    : { isWish: false, why: old }
}

/** Pods whose clocks are wrong seem old or large again at once. This process's own clock decides. */
function isJustRolled(
  { at, limits }: Observed,
  { at: rolledAt, count, failed }: Channel['restart'],
) {
  const share = failed === count ? FAILED_SHARE : DONE_SHARE
  return Date.parse(at) - Date.parse(rolledAt ?? '') < limits.recycleAgeMs * share
}

/** The next action of a roll: the pair, then the wait for the Deployment, then `live`. */
export function stepRoll(observed: Observed, channel: Channel, rollout: Rollout): Step {
  const over = giveUp(observed, channel, rollout)
  if (over !== undefined) return over
  const to = rollout.step.template?.to ?? {}
  const patch = patchTemplate(observed, to) ?? noteSeen(observed, channel, rollout)
  const { deployment } = observed
  if (patch !== undefined || deployment.kind !== 'seen') return patch ?? { why: 'nothing is seen' }
  const isDone = deployment.status.state === 'done'
  return isDone ? endRoll(observed, channel, rollout) : { why: saidOf(deployment) }
}

/** The end of a roll that does not come to its aim; undefined while it may. */
function giveUp(observed: Observed, channel: Channel, rollout: Rollout): Step | undefined {
  const fault = isTrial(observed, rollout) ? faultOf(observed, rollout) : undefined
  if (fault !== undefined) return reject(observed, channel, rollout, fault)
  const { deployment } = observed
  // Whoever took it back is heard, however late it is and whatever waits.
  if (deployment.kind === 'seen' && isUndone(deployment, rollout.step)) {
    return undone(observed, channel, rollout, deployment)
  }
  const end = whyNoJudgement(observed, channel, rollout)
  if (end !== undefined) return turnBack(observed, channel, rollout, { why: end })
  const why = whyLate(observed) ?? whyFailed(observed, rollout)
  return why === undefined ? undefined : fail(observed, channel, rollout, why)
}

/** Whether a roll brings a config that is not live yet. */
const isTrial = (observed: Observed, rollout: Rollout): boolean =>
  !isSameRef(steadyConfig(observed), rollout)

/** Every pod is new: what they confirm is live. */
function endRoll(observed: Observed, channel: Channel, rollout: Rollout): Step {
  const left = leftOf(observed.deployment, rollout.step)
  if (!isTrial(observed, rollout)) {
    const why = 'every pod is new'
    const change = { rollout: undefined, ...left }
    const record = { id: `rolled.${countOf(rollout)}`, what: 'fleet rolled' }
    return { why, action: { kind: 'write', what: 'release', change, why, record } }
  }
  const blocker = whyNotAll(observed, rollout) ?? whyNotLive(observed, rollout)
  if (blocker === undefined) return moveLive(observed, channel, rollout, left)
  const late = lateOf(observed, rollout)
  if (late !== undefined) return reject(observed, channel, rollout, late)
  // One that was ready on another config before its pod's turn came.
  return tellNext(observed, channel, rollout) ?? { why: blocker }
}

/** A pod may be ready before its address is known by its name. */
function whyNotAll({ deployment, servers }: Observed, rollout: Rollout): string | undefined {
  if (deployment.kind !== 'seen') return undefined
  const known = servers.filter((server) => confirms(server, rollout)).length
  const { replicas } = deployment
  return known < replicas ? `${known} of ${replicas} pods are known and confirm` : undefined
}

/**
 * Another's hand took the config back after it had come to where the roll wants it, and changed
 * nothing else. Whatever else stands there now is patched over.
 */
function isUndone(deployment: SeenDeployment, { template }: Rollout['step']): boolean {
  if (template === undefined || isSamePair(deployment.pair, template.to)) return false
  const { to, from, sha, manager } = template
  // A roll for a wish names the same config before and after.
  const isFrom = isSamePair(deployment.pair, from)
  // Nobody noted that it had come there: a tool may have signed what was there before, unchanged.
  if (!template.seen) {
    const isNewHand = deployment.manager === UNDO_COMMAND && manager !== UNDO_COMMAND
    return isFrom && isNewHand && deployment.templateSha === sha
  }
  return isTakenBack(deployment, { ...to, sha }) || (isFrom && isByAnother(deployment, sha))
}

function undone(
  observed: Observed,
  channel: Channel,
  rollout: Rollout,
  deployment: SeenDeployment,
): Step {
  const { pair, manager = 'somebody' } = deployment
  const why = `${manager} changed drover.dev/config during the roll`
  const isNew = isTrial(observed, rollout)
  // Without it the publisher would bring the same again. What a candidate holds is what was taken back.
  const isAsked = isNew && openUndo(channel) === undefined
  const asked = undoOf(observed, channel, deployment, isAsked ? channel.live : undefined)
  const left = cleanPair(pair)
  const template = { ...templateOf(deployment, left), from: left, seen: true }
  if (!isNew) {
    const { record, change } = unrolled(channel, rollout)
    const turn = { template, record, change: { ...change, ...asked }, why }
    return turnBack(observed, channel, rollout, turn)
  }
  const turn = { template, change: asked }
  return reject(observed, channel, rollout, { kind: 'deadline', culprits: [], why, ...turn })
}

/** Kubernetes' own word on the pods that were made for it. */
function whyFailed({ deployment }: Observed, { step }: Rollout): string | undefined {
  if (deployment.kind !== 'seen' || step.template === undefined) return undefined
  if (!isSamePair(deployment.pair, step.template.to)) return undefined
  return deployment.status.state === 'failed' ? saidOf(deployment) : undefined
}

/** Our own time, since the Deployment last came any further. */
function whyLate({ deployment, now, progressSince, limits }: Observed): string | undefined {
  if (now - progressSince <= limits.rollMs) return undefined
  const said = deployment.kind === 'seen' ? saidOf(deployment) : whyUnseen(deployment)
  return `the roll came no further in ${limits.rollMs} ms: ${said}`
}

function fail(observed: Observed, channel: Channel, rollout: Rollout, why: string): Step {
  // Neither an API server that was away says anything of a config, nor somebody who keeps pods from it.
  const { deployment } = observed
  const isKnown = deployment.kind === 'seen'
  const isHeld = isKnown && ['paused', 'empty'].includes(deployment.status.state)
  if (isTrial(observed, rollout)) {
    if (!isKnown || isHeld) return turnBack(observed, channel, rollout, { why })
    return reject(observed, channel, rollout, { kind: 'deadline', culprits: [], why })
  }
  return turnBack(observed, channel, rollout, { why, ...unrolled(channel, rollout) })
}

/** A wish, or a turn of age, that is not tried again: one that was made meanwhile is. */
function unrolled({ restart }: Channel, rollout: Rollout) {
  const failed = countOf(rollout) ?? restart.count
  return {
    record: { id: `unrolled.${failed}`, what: 'the roll of the fleet failed' },
    change: { restart: { ...restart, failed } },
  }
}

/** The count of wishes for which a roll is made. */
function countOf({ step }: Rollout): number | undefined {
  const { restart } = step.template?.to ?? {}
  return restart === undefined ? undefined : Number(restart)
}
