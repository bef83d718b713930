import { type ConfigRef, type Culprit, EMPTY_CONFIG, type Rollout } from '@drover/model-config'
import { isSameRef, type Observed, type ObservedServer } from './observed.ts'

const CULPRITS_MAX = 1_000

/** What servers run when no rollout does: `live`, or the empty config before the first one. */
export function steadyConfig({ channel }: Observed): ConfigRef {
  const { sha, seq } = channel?.live ?? { sha: EMPTY_CONFIG.sha, seq: 0 }
  return { sha, seq }
}

/** Whether a server serves a config with nothing of it left out and nothing on its way. */
export function confirms({ state }: ObservedServer, config: ConfigRef): boolean {
  return (
    state !== undefined &&
    state.ready &&
    state.applying === undefined &&
    state.failed.length === 0 &&
    isSameRef(state.config, config)
  )
}

/** Whether a server holds a config, ready or not, complete or not. */
export function holds({ state }: Pick<ObservedServer, 'state'>, config: ConfigRef): boolean {
  return state !== undefined && state.applying === undefined && isSameRef(state.config, config)
}

/** Whether a server says, or showed by refusing the config, that it cannot fetch or write. */
export function isImpaired(server: ObservedServer, config: ConfigRef): boolean {
  const { state, command } = server
  if (state?.impaired !== undefined) return true
  const hasRefused = command?.outcome === 'refused' && isSameRef(command, config)
  // A later life of the agent has not refused anything yet.
  return hasRefused && command.startedAt === state?.startedAt && !holds(server, config)
}

/** Whether a server must confirm a config before it may be written as `live`. */
export function isRequired(server: ObservedServer, config: ConfigRef): boolean {
  return server.state?.ready === true && !isImpaired(server, config)
}

/** Whether the last command is still on its way and was not lost with its server. */
export function isPending({ url, command }: ObservedServer, { losses }: Observed): boolean {
  return (
    command?.outcome === 'pending' &&
    !losses.some((loss) => loss.url === url && loss.told === command.at)
  )
}

/** Whether a server that was told a config and does not have it may be told again. */
export function mayRetry(
  { command }: ObservedServer,
  config: ConfigRef,
  { now, limits }: Observed,
): boolean {
  if (command?.endedAt === undefined || !isSameRef(command, config)) return true
  return now - command.endedAt >= limits.retryMs
}

/** Whether a server has been silent for a moment only, so that nothing may be concluded yet. */
export function isBlinking(server: ObservedServer, { now, limits }: Observed): boolean {
  const { state, silentSince = now, wasReady, wasApplying } = server
  return state === undefined && (wasReady || wasApplying) && now - silentSince < limits.silentMs
}

/** Whether nobody has been ready for as long as an apply may take. */
export const isDown = ({ noneReadySince, now, limits }: Observed): boolean =>
  noneReadySince !== undefined && now - noneReadySince > limits.applyMs

/** Whether a server is being disturbed by a rollout's config, or may be. */
export function isBusy(server: ObservedServer, rollout: Rollout, observed: Observed): boolean {
  const { url, state, wasApplying } = server
  if (state === undefined) return wasApplying && isBlinking(server, observed)
  if (confirms(server, rollout)) return false
  if (isPending(server, observed) || state.applying !== undefined) return true
  // One that is not ready counts as disturbed: nobody knows what its last holder did to it.
  const wasOffered = server.command?.offered === true && isSameRef(server.command, rollout)
  return !state.ready && !wasOffered && rollout.step.servers.includes(url) && holds(server, rollout)
}

/** The losses after which no server was told and confirmed. */
export function openLosses({ losses, servers }: Observed, config: ConfigRef) {
  const confirmedAt = servers
    .filter((server) => confirms(server, config))
    .map(({ command }) => (isSameRef(command, config) ? (command?.at ?? -Infinity) : -Infinity))
  const last = Math.max(-Infinity, ...confirmedAt)
  return losses.filter(({ at }) => at >= last)
}

/** Why a config has to be rejected. */
export interface Verdict {
  kind: 'model' | 'server' | 'deadline'
  culprits: Culprit[]
  why: string
}

/** What a server shows that rejects a config, apart from time; undefined while nothing does. */
export function faultOf(observed: Observed, config: ConfigRef): Verdict | undefined {
  const culprits = culpritsOf(observed, config)
  if (culprits.length > 0) {
    const [{ name, version, reason } = { name: '', version: 0, reason: '' }] = culprits
    return verdict('model', `${name} version ${version} failed: ${reason}`, culprits)
  }
  const ended = observed.servers.find(({ state }) => isSameRef(state?.endedUnder, config))
  if (ended !== undefined) return verdict('server', `the model server of ${ended.url} ended`)
  const unclear = observed.servers.find(
    (server) => server.isUnclear && server.wasApplying && !isBlinking(server, observed),
  )
  if (unclear !== undefined)
    return verdict('server', `${unclear.url} answers with no state since it was given the config`)
  const losses = openLosses(observed, config)
  if (losses.length < 2) return undefined
  const urls = losses.map(({ url }) => url).join(' and ')
  return verdict('server', `${urls} fell silent in a row while applying`)
}

/** A server that answers and has not come to the config in time. */
export function lateOf(observed: Observed, config: ConfigRef): Verdict | undefined {
  const { now, limits, losses } = observed
  const late = observed.servers.find((server) => {
    const { url, state, command } = server
    if (state === undefined || !isSameRef(command, config) || command === undefined) return false
    if (confirms(server, config) || isImpaired(server, config)) return false
    // It came to it, and began anew since: that is no fault of the config (PROTOCOL 6.5).
    if (command.outcome === 'answered' && command.startedAt !== state.startedAt) return false
    const lostAt = losses.filter((loss) => loss.url === url).map(({ at }) => at)
    return now - Math.max(command.since, ...lostAt) > limits.applyMs
  })
  return late && verdict('deadline', `${late.url} did not come to it in ${limits.applyMs} ms`)
}

function culpritsOf({ servers }: Observed, config: ConfigRef): Culprit[] {
  const all = servers.flatMap(({ state, command }) => [
    ...(isSameRef(state?.config, config) ? (state?.failed ?? []) : []),
    ...(isSameRef(command, config) ? (command?.failed ?? []) : []),
  ])
  return [...new Map(all.map((each) => [keyOf(each), each])).values()].slice(0, CULPRITS_MAX)
}

const keyOf = ({ name, version, digest }: Culprit) => `${name} ${version} ${digest}`

function verdict(kind: Verdict['kind'], why: string, culprits: Culprit[] = []): Verdict {
  return { kind, culprits, why }
}
