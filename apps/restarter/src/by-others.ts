import {
  type Channel,
  cleanPair,
  type ConfigRef,
  parseAnnotation,
  MANAGER_CHARACTERS_MAX,
  openUndo,
} from '@drover/model-config'
import { steadyConfig } from './judge.ts'
import {
  type Change,
  isSamePair,
  isSameRef,
  type Observed,
  type SeenDeployment,
} from './observed.ts'
import { type Step, take } from './rollout.ts'
import { isJustReturned, isTakenBack, isUnsafe, templateOf, UNDO_COMMAND } from './template.ts'

/** The same hand with the same config again within this time is a tool and no person. */
const AGAIN_MS = 86_400_000

/**
 * With no rollout running: what somebody else did to the pod template is looked after, once
 * (PROTOCOL 6, "the template"). Undefined: it is as it was left. A config that is about to come by
 * reload (`isAwaited`) does not wait for the same thing twice in the time of a roll.
 */
export function lookAfter(
  observed: Observed,
  channel: Channel,
  isAwaited: boolean,
): Step | undefined {
  const { deployment, isCurrent } = observed
  if (deployment.kind !== 'seen') return undefined
  const { pair, templateSha } = deployment
  const known = channel.template
  const isKnown = known?.sha === templateSha && isSamePair(known, pair)
  if (isKnown && !isUnsafe(observed, pair)) return undefined
  // A Deployment that was read before the channel moved may be that of an earlier rollout.
  if (!isCurrent) return { why: 'the Deployment has changed and is read once more' }
  if (isUnsafe(observed, pair)) return correct(observed, channel, deployment, isAwaited)
  const template = { ...pair, sha: templateSha }
  const isBack = known !== undefined && isTakenBack(deployment, known)
  const { undo, ...asked } = isBack ? undoOf(observed, channel, deployment) : {}
  if (undo === undefined) {
    const why = 'the pod template was changed by somebody else'
    const record = { id: `template.${channel.seq + 1}`, what: why }
    return { why, action: { kind: 'write', what: 'template', change: { template }, why, record } }
  }
  const why = `${undo.by} moved drover.dev/config back to config ${undo.seq}: the fleet goes back`
  const record = { id: `undo.${undo.asked}`, what: `undo to ${undo.sha} by ${undo.by}` }
  return {
    why,
    action: { kind: 'write', what: 'undo', change: { template, undo, ...asked }, why, record },
  }
}

/**
 * What an annotation that was moved back asks for: the config that it names, if it was live once.
 * Nothing of a hand that asked for the same just before: a tool that holds the annotation there would
 * bring the fleet back for ever.
 */
export function undoOf(
  { at }: Observed,
  channel: Channel,
  { pair, manager = 'somebody' }: SeenDeployment,
  otherwise?: ConfigRef,
): Pick<Change, 'undo' | 'undoneByHand'> {
  const { previous, live, seq } = channel
  const named = parseAnnotation(pair.config ?? '')
  const found = named && previous.find((each) => isSameRef(each, named) && each.sha !== live?.sha)
  const target = found ?? otherwise
  if (target === undefined) return {}
  const ref = { sha: target.sha, seq: target.seq }
  const by = manager.slice(0, MANAGER_CHARACTERS_MAX)
  if (by !== UNDO_COMMAND && isByTool(channel, { ...ref, by, at })) return {}
  const why = `drover.dev/config was changed at ${at}`
  return { undo: { ...ref, by, why, asked: seq + 1 }, undoneByHand: { ...ref, by, at } }
}

/** What a tool holds there does not count, nor does what it brings back while a person's undo is open. */
function isByTool(channel: Channel, asked: NonNullable<Channel['undoneByHand']>): boolean {
  const { undoneByHand: last } = channel
  if (openUndo(channel) !== undefined) return true
  if (last === undefined || !isSameRef(last, asked) || last.by !== asked.by) return false
  // A clock that was ahead must not make everybody a tool for as long.
  return Math.abs(Date.parse(asked.at) - Date.parse(last.at)) < AGAIN_MS
}

/** The template goes back to what it was when it was last looked after. */
function correct(
  observed: Observed,
  channel: Channel,
  deployment: SeenDeployment,
  isAwaited: boolean,
): Step {
  const { pair, status } = deployment
  const why = `drover.dev/config names ${pair.config}, which is not live: it is put back`
  if (status.state === 'paused') return { why: `${why} when the Deployment is paused no more` }
  if (isJustReturned(observed, isAwaited ? observed.limits.rollMs : undefined)) {
    return { why: `${why} once more in a while` }
  }
  const before = cleanPair(channel.template ?? {})
  const to = isUnsafe(observed, before) ? {} : before
  const step = { kind: 'back' as const, servers: [], template: templateOf(deployment, to) }
  return take(observed, channel, steadyConfig(observed), { step, why })
}
