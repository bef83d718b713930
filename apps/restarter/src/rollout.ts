import {
  type Channel,
  type ConfigRef,
  PREVIOUS_MAX,
  type Rejection,
  type Rollout,
} from '@drover/model-config'
import {
  confirms,
  faultOf,
  holds,
  isBlinking,
  isBusy,
  isImpaired,
  isPending,
  isRequired,
  lateOf,
  mayRetry,
  openLosses,
  steadyConfig,
  type Verdict,
} from './judge.ts'
import {
  type Action,
  type Change,
  isSameRef,
  type Observed,
  type ObservedServer,
} from './observed.ts'
import { withRejection } from './rejections.ts'
import { isHeldUp, WAITS_FOR_TEMPLATE } from './template.ts'

const REASON_CHARACTERS_MAX = 1_024

/** What a held rollout does next: an action, or only the reason why it waits. */
export interface Step {
  action?: Action
  why: string
}

/** The right to disturb servers is taken, for a config and a first step. */
export function take(
  { holder, at }: Observed,
  channel: Channel,
  { sha, seq }: ConfigRef,
  { step, why, change = {} }: { step: Rollout['step']; why: string; change?: Change },
): Step {
  const rollout = { sha, seq, step, holder, fence: channel.seq + 1, beat: 0, startedAt: at }
  return { why, action: { kind: 'write', what: 'take', change: { ...change, rollout }, why } }
}

/** The rollout with another step: every write of it is a new fence and a new sign of life. */
export function rewrite(channel: Channel, rollout: Rollout, step: Rollout['step']): Rollout {
  return { ...rollout, step, fence: channel.seq + 1, beat: rollout.beat + 1 }
}

/** The next action of a rollout that brings a config to the servers and, at last, to `live`. */
export function stepForward(observed: Observed, channel: Channel, rollout: Rollout): Step {
  const fault = faultOf(observed, rollout)
  if (fault !== undefined) return reject(observed, channel, rollout, fault)
  const blocker = whyNotLive(observed, rollout)
  if (blocker === undefined) return moveLive(observed, channel, rollout)
  const late = lateOf(observed, rollout)
  if (late !== undefined) return reject(observed, channel, rollout, late)
  if (isSuperseded(observed, channel, rollout)) {
    const why = 'no server could take the config in time, and there is a newer candidate'
    return turnBack(observed, channel, rollout, { why })
  }
  if (isHeldUp(observed)) {
    return turnBack(observed, channel, rollout, { why: WAITS_FOR_TEMPLATE })
  }
  return tellNext(observed, channel, rollout) ?? { why: blocker }
}

/** Servers that a rollout brought off the config to which it returns, or may have. */
export function changedServers({ servers }: Observed, rollout: Rollout, target: ConfigRef) {
  return servers.filter((server) => {
    const { url, state, command } = server
    if (state === undefined) return rollout.step.servers.includes(url)
    if (holds(server, target) && !(command?.outcome === 'pending')) return false
    const isTouched = [state.config, state.applying].some((each) => isSameRef(each, rollout))
    const isTold = command?.outcome === 'pending'
    const isNamed = rollout.step.servers.includes(url) && state.config !== undefined
    return isTouched || isTold || isNamed
  })
}

/** Why a config may not become `live` yet; undefined: all required servers confirm it. */
export function whyNotLive(observed: Observed, rollout: Rollout): string | undefined {
  const required = observed.servers.filter((server) => isRequired(server, rollout))
  if (required.length === 0) return 'no server is ready'
  const missing = required.find((server) => !confirms(server, rollout))
  if (missing !== undefined) return `${missing.url} has not confirmed yet`
  const blinking = observed.servers.find((server) => isBlinking(server, observed))
  if (blinking !== undefined) return `${blinking.url} has just fallen silent`
  const disturbed = observed.servers.find(
    (server) => isBusy(server, rollout, observed) && !isImpaired(server, rollout),
  )
  return disturbed && `${disturbed.url} is still on its way`
}

export function moveLive(
  observed: Observed,
  channel: Channel,
  { sha, seq }: Rollout,
  more: Change = {},
): Step {
  const { live, previous } = channel
  const why = `every required server confirmed config ${seq}`
  const change = {
    ...more,
    live: { sha, seq, at: observed.at },
    previous: live === undefined ? previous : [live, ...previous].slice(0, PREVIOUS_MAX),
    rollout: undefined,
  }
  return { why, action: { kind: 'write', what: 'live', change, why } }
}

/** How a rollout turns round: why, to which pod template, and what else is written with it. */
export interface Turn {
  why: string
  template?: Rollout['step']['template']
  change?: Change
  /** For the audit. */
  record?: { id: string; what: string }
}

/** The config is rejected, and the servers and the pod template go back. */
export function reject(
  observed: Observed,
  channel: Channel,
  rollout: Rollout,
  { kind, culprits, ...turn }: Verdict & Turn,
): Step {
  const { sha, seq } = rollout
  const why = turn.why.slice(0, REASON_CHARACTERS_MAX)
  const rejection: Rejection = { sha, seq, kind, culprits, why, at: observed.at }
  const rejected = withRejection(channel.rejected, rejection)
  return turnBack(observed, channel, rollout, { ...turn, change: { ...turn.change, rejected } })
}

/** The servers and the pod template go back; nothing is rejected unless the change says so. */
export function turnBack(
  observed: Observed,
  channel: Channel,
  rollout: Rollout,
  { why, template, change = {}, record }: Turn,
): Step {
  const servers = changedServers(observed, rollout, steadyConfig(observed)).map(({ url }) => url)
  const before = rollout.step.template
  const back = template ?? (before && { ...before, to: before.from, from: before.to, seen: false })
  const step = { kind: 'back' as const, servers, ...(back && { template: back }) }
  const what = change.rejected === undefined ? ('back' as const) : ('reject' as const)
  const next = { ...change, rollout: rewrite(channel, rollout, step) }
  const action = { kind: 'write' as const, what, change: next, why }
  return { why, action: record === undefined ? action : { ...action, record } }
}

/** A rollout that nobody can take must not keep a newer candidate, perhaps its remedy, waiting. */
function isSuperseded(observed: Observed, { candidate }: Channel, rollout: Rollout): boolean {
  const { now, rolloutSince, limits, servers } = observed
  return (
    candidate !== undefined &&
    !isSameRef(candidate, rollout) &&
    now - rolloutSince > limits.applyMs &&
    !servers.some((server) => isRequired(server, rollout) || isBusy(server, rollout, observed))
  )
}

/** Tells the canary alone, then the others, a bounded number at once. */
export function tellNext(observed: Observed, channel: Channel, rollout: Rollout): Step | undefined {
  const { servers, limits } = observed
  const isReady = servers.some((server) => isRequired(server, rollout))
  const busy = servers.filter((server) => isBusy(server, rollout, observed))
  const waiting = servers.filter(
    (server) =>
      server.state !== undefined &&
      server.state.impaired === undefined &&
      (server.state.ready || !isReady) &&
      !holds(server, rollout) &&
      !busy.includes(server) &&
      mayRetry(server, rollout, observed),
  )
  const isAlone = needsCanary(observed, rollout)
  const free = isAlone ? 1 - busy.length : limits.parallel - busy.length
  const chosen = inOrderOfTrial(waiting, rollout).slice(0, Math.max(0, free))
  const whom = isAlone ? 'the canary' : 'the others'
  const why = isReady
    ? `${whom} of config ${rollout.seq}`
    : `no server is ready: config ${rollout.seq} is offered`
  return tell(channel, rollout, chosen, rollout, why, !isReady)
}

/** Nobody confirmed yet, or one was lost and is still away: then one server at a time is risked. */
function needsCanary(observed: Observed, rollout: Rollout): boolean {
  const { servers } = observed
  const isAway = (url: string) =>
    servers.some((server) => server.url === url && server.state === undefined)
  return (
    !servers.some((server) => confirms(server, rollout)) ||
    openLosses(observed, rollout).some(({ url }) => isAway(url)) ||
    servers.some((server) => server.wasApplying && isBlinking(server, observed))
  )
}

/**
 * Whoever refused the config or was lost with it comes after those that were not tried yet. Before
 * all come those whom the last holder named: one of them may have had the config already, and a
 * canary elsewhere would put a second server at risk.
 */
function inOrderOfTrial(servers: readonly ObservedServer[], rollout: Rollout) {
  const rankOf = ({ url, command }: ObservedServer) => {
    if (isSameRef(command, rollout)) return 2
    return rollout.step.servers.includes(url) ? 0 : 1
  }
  return servers.toSorted((a, b) => rankOf(a) - rankOf(b))
}

/** Commands to servers, after the step that names them all has been written. */
export function tell(
  channel: Channel,
  rollout: Rollout,
  chosen: readonly ObservedServer[],
  { sha, seq }: ConfigRef,
  why: string,
  offered = false,
): Step | undefined {
  if (chosen.length === 0) return undefined
  const { step, fence } = rollout
  const urls = chosen.map(({ url }) => url)
  const isWritten = urls.every((url) => step.servers.includes(url))
  if (!isWritten) {
    const servers = [...new Set([...step.servers, ...urls])]
    const change = { rollout: rewrite(channel, rollout, { ...step, servers }) }
    return { why, action: { kind: 'write', what: 'step', change, why } }
  }
  const commands = urls.map((url) => ({ url, sha, seq }))
  return { why, action: { kind: 'apply', fence, tell: commands, offered, why } }
}

/**
 * Hands the fence of a takeover to every server with the config that it has or is coming to, so
 * that no late command of the last holder can be obeyed any more. Nothing else is done before.
 */
export function handFence(observed: Observed, { fence }: Rollout): Step | undefined {
  const { tookOver = 0, servers, now, rolloutSince, limits } = observed
  const unaware = servers.filter(({ state }) => state !== undefined && state.fence < tookOver)
  if (unaware.length === 0 || now - rolloutSince > limits.applyMs) return undefined
  const why = 'the rollout was taken over: every server hears the new fence first'
  const commands = unaware.flatMap((server) => {
    const { url, state } = server
    const { sha, seq } = state?.applying ?? state?.config ?? steadyConfig(observed)
    const isFree = !isPending(server, observed) && mayRetry(server, { sha, seq }, observed)
    return isFree ? [{ url, sha, seq }] : []
  })
  if (commands.length === 0) return { why }
  return { why, action: { kind: 'apply', fence, tell: commands, offered: false, why } }
}
