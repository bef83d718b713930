import {
  type Channel,
  cleanPair,
  type ConfigRef,
  parseAnnotation,
  type Rollout,
  type TemplatePair,
  type Undo,
} from '@drover/model-config'
import { steadyConfig } from './judge.ts'
import {
  FIELD_MANAGER,
  isSamePair,
  isSameRef,
  type Observed,
  type SeenDeployment,
} from './observed.ts'
import type { Step } from './rollout.ts'
import { templateOf } from './template.ts'

const MANAGER_CHARACTERS_MAX = 200

/**
 * With no rollout running: what somebody else did to the pod template is looked after, once
 * (PROTOCOL 6, "the template"). Undefined: it is as it was left.
 */
export function lookAfter(
  observed: Observed,
  channel: Channel,
  taken: Omit<Rollout, 'sha' | 'seq' | 'step'>,
): Step | undefined {
  const { deployment, isCurrent } = observed
  if (deployment.kind !== 'seen') return undefined
  const { pair, templateSha } = deployment
  const known = channel.template
  const isKnown = known?.sha === templateSha && isSamePair(known, pair)
  if (isKnown && !isUnsafe(observed, pair)) return undefined
  // A Deployment that was read before the channel moved may be that of an earlier rollout.
  if (!isCurrent) return { why: 'the Deployment has changed and is read once more' }
  if (isUnsafe(observed, pair)) return correct(observed, channel, deployment, taken)
  const template = { ...pair, sha: templateSha }
  const undo = isMovedBack(observed, channel) ? undoOf(observed, channel, deployment) : undefined
  if (undo === undefined) {
    const why = 'the pod template was changed by somebody else'
    const record = { id: `template.${channel.seq + 1}`, what: why }
    return { why, action: { kind: 'write', what: 'template', change: { template }, why, record } }
  }
  const why = `${undo.by} moved drover.dev/config back to config ${undo.seq}: the fleet goes back`
  const record = { id: `undo.${undo.asked}`, what: `undo to ${undo.sha} by ${undo.by}` }
  return { why, action: { kind: 'write', what: 'undo', change: { template, undo }, why, record } }
}

/** A pod would start with a config that is not live, or not at all. */
function isUnsafe(observed: Observed, { config }: TemplatePair): boolean {
  if (config === undefined) return false
  const named = parseAnnotation(config)
  return named === undefined || named.seq > steadyConfig(observed).seq
}

/** No pod comes up any more, for what somebody wrote into the pod template. */
export function isHeldUp(observed: Observed): boolean {
  const { deployment, noneReadySince, now, limits } = observed
  const isDown = noneReadySince !== undefined && now - noneReadySince > limits.applyMs
  return isDown && deployment.kind === 'seen' && isUnsafe(observed, deployment.pair)
}

/** Another's hand took the config back, and nothing else of the template changed. */
function isMovedBack({ deployment }: Observed, { template: known }: Channel): boolean {
  if (deployment.kind !== 'seen' || known === undefined) return false
  const [was, is] = [known, deployment.pair].map(({ config = '' }) => parseAnnotation(config))
  if (was === undefined || is === undefined || is.seq >= was.seq) return false
  return known.sha === deployment.templateSha && deployment.manager !== FIELD_MANAGER
}

/** What an annotation that was moved back asks for: the config that it names, if it was live once. */
export function undoOf(
  observed: Observed,
  { previous, live, seq }: Channel,
  { pair, manager = 'somebody' }: SeenDeployment,
  otherwise?: ConfigRef,
): Undo | undefined {
  const named = parseAnnotation(pair.config ?? '')
  const found = named && previous.find((each) => isSameRef(each, named) && each.sha !== live?.sha)
  const target = found ?? otherwise
  if (target === undefined) return undefined
  const by = manager.slice(0, MANAGER_CHARACTERS_MAX)
  const why = `drover.dev/config was changed at ${observed.at}`
  return { sha: target.sha, seq: target.seq, by, why, asked: seq + 1 }
}

/** The template goes back to what it was when it was last looked after. */
function correct(
  observed: Observed,
  { template: known }: Channel,
  deployment: SeenDeployment,
  taken: Omit<Rollout, 'sha' | 'seq' | 'step'>,
): Step {
  const { pair, status } = deployment
  const why = `drover.dev/config names ${pair.config}, which is not live: it is put back`
  if (status.state === 'paused') return { why: `${why} when the Deployment is paused no more` }
  const before = cleanPair(known ?? {})
  const to = isUnsafe(observed, before) ? {} : before
  const step = { kind: 'back' as const, servers: [], template: templateOf(deployment, to) }
  const rollout = { ...taken, ...steadyConfig(observed), step }
  return { why, action: { kind: 'write', what: 'take', change: { rollout }, why } }
}
