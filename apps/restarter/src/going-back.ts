import {
  type Channel,
  type ConfigRef,
  isPending as hasPending,
  type Rollout,
} from '@drover/model-config'
import { isBlinking, isPending, mayRetry, steadyConfig } from './judge.ts'
import { isSamePair, isSameRef, type Observed, type ObservedServer } from './observed.ts'
import { changedServers, rewrite, type Step, tell } from './rollout.ts'
import { leftOf, returnTemplate } from './template.ts'

/** The next action of a rollout that returns the servers that changed to `live`. */
export function stepBack(observed: Observed, channel: Channel, rollout: Rollout): Step {
  const target = steadyConfig(observed)
  const open = changedServers(observed, rollout, target).filter(
    (server) => !isGivenUp(server, target, observed),
  )
  const isUnderway = (server: ObservedServer) =>
    isPending(server, observed) && isSameRef(server.command, target)
  const free = observed.limits.parallel - open.filter(isUnderway).length
  const idle = open.filter(
    (server) =>
      (server.state !== undefined || server.isUnclear) &&
      !isUnderway(server) &&
      !isSameRef(server.state?.applying, target) &&
      mayRetry(server, target, observed),
  )
  const why = `go back to config ${target.seq}`
  // Before the pods: a patch that is refused must not keep the config on those that serve.
  const told = tell(channel, rollout, idle.slice(0, Math.max(0, free)), target, why)
  return told ?? endBack(observed, channel, rollout, open.length) ?? { why }
}

/** The pod template has the pair: from now on a change of it is somebody else's, whoever holds this. */
export function noteSeen(
  { deployment }: Observed,
  channel: Channel,
  rollout: Rollout,
): Step | undefined {
  const { template } = rollout.step
  if (template === undefined || template.seen || deployment.kind !== 'seen') return undefined
  if (!isSamePair(deployment.pair, template.to)) return undefined
  const why = 'the pod template has the pair'
  const step = { ...rollout.step, template: { ...template, seen: true } }
  const change = { rollout: rewrite(channel, rollout, step) }
  return { why, action: { kind: 'write', what: 'step', change, why } }
}

/** The pod template goes back as well, and then the rollout is over. */
function endBack(
  observed: Observed,
  channel: Channel,
  rollout: Rollout,
  open: number,
): Step | undefined {
  const { template } = rollout.step
  const returning =
    noteSeen(observed, channel, rollout) ?? (template && returnTemplate(observed, template))
  if (returning !== undefined && !isWaitedFor(observed, channel, open)) return returning
  if (open > 0) return undefined
  const why = 'the servers that changed are back'
  const change = { rollout: undefined, ...leftOf(observed.deployment, rollout.step) }
  return { why, action: { kind: 'write', what: 'release', change, why } }
}

/** A config that comes by reload does not wait for long for pods that go back. */
function isWaitedFor(
  { delivery, now, stepSince, limits }: Observed,
  channel: Channel,
  open: number,
): boolean {
  return (
    delivery === 'reload' && hasPending(channel) && open === 0 && now - stepSince > limits.applyMs
  )
}

/** Whether returning a server is left to the time after the rollout. */
function isGivenUp(server: ObservedServer, target: ConfigRef, observed: Observed): boolean {
  const { state, command } = server
  const { now, limits, stepSince } = observed
  if (state === undefined && !server.isUnclear) return !isBlinking(server, observed)
  if (state?.impaired !== undefined) return true
  if (command === undefined || !isSameRef(command, target)) return false
  return command.at >= stepSince && now - Math.max(command.since, stepSince) > limits.applyMs
}
