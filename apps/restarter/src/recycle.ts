import { type Channel, type Rollout, type ServerState, sha256 } from '@drover/model-config'
import { isBlinking, steadyConfig } from './judge.ts'
import type { Change, Observed, ObservedServer } from './observed.ts'
import { type Step, take } from './rollout.ts'

/** A process younger than this is not replaced for its size: it would be as large again at once. */
const SIZE_AGE_MS_MIN = 600_000
/** The pause after a replacement that did not succeed. */
const RETRY_MS = 60_000
/** By which share of the age the servers' turns are spread. */
const SPREAD = 0.1
const COUNTED_MAX = 10_000

/** The next server whose model server should be replaced, and why. */
export function dueRecycle(
  observed: Observed,
): { server: ObservedServer; why: string } | undefined {
  if (observed.delivery === 'restart' && observed.deployment.kind !== 'none') return undefined
  for (const server of observed.servers) {
    if (server.state?.canRecycle === false && observed.deployment.kind !== 'none') continue
    const why = whyRecycle(server, observed)
    if (why !== undefined && !hasJustFailed(server, observed)) return { server, why }
  }
  return undefined
}

/**
 * Why nobody may be recycled now: the fleet is frozen, no window is open, a server less serves
 * already, or the last replacement was just now.
 */
export function whyNoRecycle(observed: Observed): string | undefined {
  const missing = observed.servers.find(({ state, hasEnded }) => state?.ready !== true && !hasEnded)
  const closed = whyClosed(observed)
  if (closed !== undefined) return closed
  return missing === undefined ? whyTooSoon(observed) : `${missing.url} is not ready`
}

/** Why servers may not be restarted now, whatever state they are in. */
export function whyClosed({ channel, at, closedUntil }: Observed): string | undefined {
  const freeze = channel?.freeze
  if (freeze !== undefined && Date.parse(freeze.until) > Date.parse(at))
    return `frozen until ${freeze.until}: ${freeze.why}`
  return closedUntil && `outside the windows, the next opens at ${closedUntil}`
}

/** Goes by what the servers say, so that neither a restart of this process nor a takeover hurries. */
function whyTooSoon({ servers, at, limits }: Observed): string | undefined {
  const { recycleIntervalMs } = limits
  const isRecent = (since: number) => Math.abs(Date.parse(at) - since) < recycleIntervalMs
  // A server whose clock is far ahead must not keep all others waiting until that time has come.
  const starts = servers
    .map(({ state }) => Date.parse(state?.servingSince ?? ''))
    .filter((since) => isRecent(since))
  if (starts.length === 0) return undefined
  const next = new Date(Math.max(...starts) + recycleIntervalMs).toISOString()
  return `the last model server started less than ${recycleIntervalMs} ms ago, the next may at ${next}`
}

/** Why a server's model server should be replaced; undefined: there is no reason. */
export function whyRecycle(server: ObservedServer, observed: Observed): string | undefined {
  return isWishOpen(server, observed) ? 'a wish' : dueByAge(server, observed)
}

/** Whether a server is still to obey the last wish. */
export function isWishOpen({ state }: ObservedServer, observed: Observed): boolean {
  return state?.servingSince !== undefined && isWished(state, state.servingSince, observed)
}

/** Why a model server is too old, or too large; undefined: it is neither. */
export function dueByAge({ url, state }: ObservedServer, observed: Observed): string | undefined {
  const { at, limits } = observed
  if (state?.servingSince === undefined) return undefined
  const ageMs = Date.parse(at) - Date.parse(state.servingSince)
  const share = Number.parseInt(sha256(url).slice(0, 8), 16) / 2 ** 32
  if (ageMs > limits.recycleAgeMs * (1 - SPREAD * share)) return 'its age'
  const { residentBytesMax = Infinity } = limits
  return state.residentBytes > residentBytesMax && ageMs > SIZE_AGE_MS_MIN ? 'its size' : undefined
}

/** Whether the last wish is older than this process and was not obeyed yet. */
function isWished({ server, recycles }: ServerState, since: string, { channel }: Observed) {
  const { at, recycles: counts } = channel?.restart ?? {}
  // The counter decides where the clocks of two machines cannot.
  const hasObeyed = recycles > (counts?.[server] ?? Infinity)
  return at !== undefined && Date.parse(since) < Date.parse(at) && !hasObeyed
}

function hasJustFailed({ command, state }: ObservedServer, { now }: Observed): boolean {
  if (command?.kind !== 'recycle' || state === undefined) return false
  return state.recycles === command.recycles && now - command.at < RETRY_MS
}

/** A server that came after the wish is counted too: by clocks alone it might never have obeyed. */
function counted({ restart }: Channel, { state }: ObservedServer): Change {
  const { recycles = {} } = restart
  if (restart.at === undefined || state === undefined) return {}
  if (Object.hasOwn(recycles, state.server) || Object.keys(recycles).length >= COUNTED_MAX)
    return {}
  return { restart: { ...restart, recycles: { ...recycles, [state.server]: state.recycles } } }
}

/** The right to recycle one server, taken under the config that the fleet runs. */
export function takeRecycle(
  observed: Observed,
  channel: Channel,
  { server, why }: { server: ObservedServer; why: string },
): Step {
  const step = { kind: 'recycle' as const, servers: [server.url] }
  const reason = `recycle ${server.url} for ${why}`
  const change = counted(channel, server)
  return take(observed, channel, steadyConfig(observed), { step, why: reason, change })
}

/** The next action of a held recycle: the command once, then the wait, then the release. */
export function stepRecycle(observed: Observed, rollout: Rollout): Step {
  const [url = ''] = rollout.step.servers
  const server = observed.servers.find((each) => each.url === url)
  if (server === undefined) return release(`${url} is no server of this fleet any more`)
  const { command } = server
  const isTold = command?.kind === 'recycle' && command.at >= observed.rolloutSince
  if (isTold) return awaitRecycle(observed, server)
  return server.state === undefined
    ? awaitAnswer(observed, server)
    : startRecycle(observed, rollout, { ...server, state: server.state })
}

function awaitAnswer(observed: Observed, server: ObservedServer): Step {
  const why = `${server.url} is silent`
  return isBlinking(server, observed) ? { why } : release(why)
}

function startRecycle(
  observed: Observed,
  { fence, startedAt }: Rollout,
  server: ObservedServer & { state: ServerState },
): Step {
  const { url, state } = server
  const { ready, recycles, servingSince = '' } = state
  const due = whyRecycle(server, observed)
  const obstacle = whyNoRecycle(observed)
  if (due !== undefined && obstacle === undefined) {
    const why = `recycle ${url} for ${due}`
    return { why, action: { kind: 'recycle', fence, url, recycles, why } }
  }
  const hasTime = observed.now - observed.rolloutSince <= observed.limits.recycleMs
  if (!ready && hasTime) return { why: `${url} is not ready yet` }
  // Told by a holder that did not live to see it: this one closes the matter.
  const isDone = due === undefined && Date.parse(servingSince) >= Date.parse(startedAt)
  if (isDone) return release(`${url} is recycled`, { server: state.server, recycles })
  return release(obstacle ?? `${url} needs no recycling any more`)
}

function awaitRecycle(observed: Observed, { url, state, command }: ObservedServer): Step {
  const { now, limits } = observed
  if (command === undefined) return { why: `${url} was not told` }
  const { recycles, at, outcome, message = '' } = command
  if (state?.ready === true && state.recycles > recycles) {
    return release(`${url} is recycled`, { server: state.server, recycles: state.recycles })
  }
  if (outcome === 'refused' || outcome === 'outdone') return release(`${url} refused: ${message}`)
  const isOver = outcome === 'answered' && state?.ready === true
  if (isOver) return release(`${url} answered and was not recycled`)
  if (now - at > limits.recycleMs) return release(`${url} took longer than ${limits.recycleMs} ms`)
  return { why: `${url} is being recycled` }
}

function release(why: string, done?: { server: string; recycles: number }): Step {
  const change = { rollout: undefined }
  const write = { kind: 'write' as const, what: 'release' as const, change, why }
  if (done === undefined) return { why, action: write }
  const id = `recycled.${sha256(done.server).slice(0, 16)}.${done.recycles}`
  return { why, action: { ...write, record: { id, what: 'server recycled' } } }
}
