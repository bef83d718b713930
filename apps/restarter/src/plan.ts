import {
  type Channel,
  heldUndo,
  isPending as hasPending,
  openUndo,
  type Rollout,
} from '@drover/model-config'
import { lookAfter } from './by-others.ts'
import { holds, isPending, isRequired, mayRetry, steadyConfig } from './judge.ts'
import {
  type Action,
  type Decision,
  isSameRef,
  type Observed,
  type ObservedServer,
} from './observed.ts'
import { stepBack } from './going-back.ts'
import { dueRecycle, stepRecycle, takeRecycle, whyNoRecycle } from './recycle.ts'
import { dueRoll, stepRoll, takeRoll } from './roll.ts'
import { handFence, rewrite, type Step, stepForward, take } from './rollout.ts'
import { isHeldUp, touchFirst, WAITS_FOR_TEMPLATE } from './template.ts'

// The states of a fleet, as the channel shows them:
//   no rollout   -> undo removed once a candidate holds it
//                -> take (apply) for a pending candidate | tell servers that are behind `live`
//                -> take (recycle) for one server | take (roll)
//                -> note what others did to the pod template, or take (back) to put it back
//   apply        -> step, apply to the canary, step, apply to the others -> live, rollout removed
//                -> reject (back) when a server shows a fault, or time is up
//   back         -> apply `live` to the servers that changed -> rollout removed
//   recycle      -> recycle one server -> rollout removed
//   roll         -> patch the pod template, wait for new pods -> live, rollout removed
//                -> reject (back), or only back where the config is live already
//   another's    -> take over when its beat stands still
// Each is entered by a write that comes before what it stands for.

/** The one thing to do next, or nothing. Pure. */
export function plan(observed: Observed): Action | undefined {
  return decide(observed).action
}

/** Like `plan`, with the reason and with the servers whose confirmation `live` needs. */
export function decide(observed: Observed): Decision {
  const { channel, servers } = observed
  const config = channel?.rollout ?? channel?.candidate ?? steadyConfig(observed)
  const required = servers.filter((server) => isRequired(server, config)).map(({ url }) => url)
  const { action, why } = choose(observed)
  return { action, why, required }
}

function choose(observed: Observed): Step {
  const { channel, away } = observed
  if (away !== undefined) return { why: `the store is away: ${away}` }
  if (channel === undefined) return { why: 'the channel was not created yet' }
  const { rollout } = channel
  if (rollout === undefined) return stepIdle(observed, channel)
  return rollout.holder === observed.holder
    ? stepHeld(observed, channel, rollout)
    : stepForeign(observed, channel, rollout)
}

function stepForeign(observed: Observed, channel: Channel, rollout: Rollout): Step {
  const { now, beatSince, limits, instance, holder } = observed
  const isEarlierLife = instance !== undefined && rollout.holder.startsWith(`${instance}/`)
  if (!isEarlierLife && now - beatSince < limits.takeoverMs) {
    return { why: `${rollout.holder} has the rollout of config ${rollout.seq}` }
  }
  const why = `${rollout.holder} gave no sign of life`
  const change = { rollout: { ...rewrite(channel, rollout, rollout.step), holder } }
  return { why, action: { kind: 'write', what: 'take over', change, why } }
}

function stepHeld(observed: Observed, channel: Channel, rollout: Rollout): Step {
  const { now, beatSince, limits } = observed
  if (now - beatSince >= limits.beatMs) {
    const why = 'the rollout goes on'
    const change = { rollout: rewrite(channel, rollout, rollout.step) }
    return { why, action: { kind: 'write', what: 'beat', change, why } }
  }
  return (
    touchFirst(observed, rollout) ??
    handFence(observed, rollout) ??
    stepOf(observed, channel, rollout)
  )
}

function stepOf(observed: Observed, channel: Channel, rollout: Rollout): Step {
  switch (rollout.step.kind) {
    case 'apply':
      return stepForward(observed, channel, rollout)
    case 'back':
      return stepBack(observed, channel, rollout)
    case 'recycle':
      return stepRecycle(observed, rollout)
    case 'roll':
      return stepRoll(observed, channel, rollout)
  }
}

function stepIdle(observed: Observed, channel: Channel): Step {
  const start = startRollout(observed, channel)
  // A roll looks at the undo that it brings: it waits for no window.
  const over = start.isRoll === true ? undefined : endUndo(channel)
  if (over !== undefined) return over
  const isAwaited = start.action !== undefined && start.isRoll !== true
  const other = lookAfter(observed, channel, isAwaited)
  if (other !== undefined && (other.action !== undefined || start.isRoll === true)) return other
  if (start.action !== undefined) return start
  const behind = tellBehind(observed, channel)
  if (behind !== undefined) return behind
  if (hasPending(channel)) return start
  return other ?? restartNext(observed, channel) ?? start
}

/** An undo that a candidate holds has been carried out. */
function endUndo(channel: Channel): Step | undefined {
  const undo = heldUndo(channel)
  if (undo === undefined) return undefined
  const why = `the candidate holds the undo to config ${undo.seq}`
  return { why, action: { kind: 'write', what: 'undone', change: { undo: undefined }, why } }
}

/** Nothing else is to be done: pods or model servers that are to be replaced. */
function restartNext(observed: Observed, channel: Channel): Step | undefined {
  const roll = dueRoll(observed, channel)
  if (roll !== undefined) return roll
  const due = dueRecycle(observed)
  if (due === undefined) return undefined
  const obstacle = whyNoRecycle(observed)
  if (obstacle !== undefined) return { why: `${due.server.url} waits for ${due.why}: ${obstacle}` }
  return takeRecycle(observed, channel, due)
}

function startRollout(observed: Observed, channel: Channel): Step & { isRoll?: boolean } {
  const { candidate } = channel
  const obstacle = whyNoStart(observed, channel)
  if (candidate === undefined || obstacle !== undefined) {
    return { why: obstacle ?? 'nothing was published yet' }
  }
  if (observed.delivery === 'restart') {
    const roll = takeRoll(observed, channel, candidate)
    return { ...roll, isRoll: true }
  }
  if (isHeldUp(observed)) return { why: WAITS_FOR_TEMPLATE }
  const canary = chooseCanary(observed, channel)
  if (canary === undefined) return { why: 'no server answers that could take the candidate' }
  const why = `config ${candidate.seq} is to be rolled out, ${canary.url} is the canary`
  const step = { kind: 'apply' as const, servers: [canary.url] }
  return take(observed, channel, candidate, { step, why })
}

function whyNoStart({ held, fault }: Observed, channel: Channel): string | undefined {
  const { candidate, live } = channel
  if (candidate === undefined) return 'nothing was published yet'
  if (!hasPending(channel)) {
    return isSameRef(live, candidate)
      ? `config ${candidate.seq} is live`
      : `config ${candidate.seq} was rejected`
  }
  if (live !== undefined && candidate.seq <= live.seq) return 'the candidate is older than live'
  const undo = openUndo(channel)
  if (undo !== undefined)
    return `config ${candidate.seq} gives way to the undo to config ${undo.seq}`
  if (fault !== undefined) return `config ${candidate.seq} cannot be read: ${fault}`
  const [culprit] = held
  return (
    culprit &&
    `config ${candidate.seq} holds ${culprit.name} version ${culprit.version}, which failed`
  )
}

/** The first server that is ready; where none is, the first that answers. */
function chooseCanary(observed: Observed, channel: Channel): ObservedServer | undefined {
  const { servers } = observed
  const able = servers.filter(
    (server) => server.state !== undefined && server.state.impaired === undefined,
  )
  const isFree = (server: ObservedServer) =>
    server.state?.applying === undefined && !isPending(server, observed)
  const ready = able.filter(({ state }) => state?.ready)
  const choice = ready.length > 0 ? ready : able
  // One that just refused this very config leaves the part of the canary to another.
  const isTried = ({ command }: ObservedServer) =>
    channel.candidate !== undefined && isSameRef(command, channel.candidate)
  return choice.find((server) => isFree(server) && !isTried(server)) ?? choice[0]
}

/** With no rollout running, servers on another config than `live` are told `live`. */
function tellBehind(observed: Observed, channel: Channel): Step | undefined {
  const target = steadyConfig(observed)
  const isBehind = (server: ObservedServer) => {
    const config = server.state?.config
    // Nobody knows what it holds. It is told once, or else again and again for nothing.
    if (server.isUnclear) return channel.live !== undefined && !isSameRef(server.command, target)
    if (server.state === undefined || holds(server, target)) return false
    if (channel.live !== undefined) return true
    return config !== undefined && config.sha !== target.sha
  }
  const behind = observed.servers.filter(isBehind)
  const isUnderway = (server: ObservedServer) =>
    isPending(server, observed) || server.state?.applying !== undefined
  const free = observed.limits.parallel - behind.filter(isUnderway).length
  const idle = behind.filter(
    (server) =>
      !isUnderway(server) &&
      server.state?.impaired === undefined &&
      mayRetry(server, target, observed),
  )
  const { sha, seq } = target
  const tell = idle.slice(0, Math.max(0, free)).map(({ url }) => ({ url, sha, seq }))
  if (tell.length === 0) return undefined
  const why = `behind config ${seq}`
  // Every write of a rollout had this seq at most, so no rollout to come can be overtaken by it.
  const fence = channel.seq
  return { why, action: { kind: 'apply', fence, tell, offered: false, why } }
}
