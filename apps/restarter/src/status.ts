import type { Medians } from './durations.ts'
import { forecastOf } from './forecast.ts'
import type { Note } from './notes.ts'
import type { Decision, DeploymentView, Observed, ObservedServer } from './observed.ts'
import type { NameView } from './servers.ts'
import { openingAt, type Window } from './windows.ts'

/** One look and what follows from it. */
export interface Look {
  observed: Observed
  decision: Decision
}

/** What a status is made of. */
export interface StatusParts {
  look: Look | undefined
  windows: readonly Window[]
  medians: Medians
  names: readonly NameView[]
  /** Nothing of what is decided is done. */
  dryRun: boolean
  decisions: readonly Note[]
}

/** The body of `GET /v1/status`: what is seen, what is next and why, and what was decided so far. */
export function statusOf(
  fleet: string,
  holder: string,
  { look, windows, medians, names, dryRun, decisions }: StatusParts,
) {
  const head = { fleet, holder, dryRun, names, decisions }
  if (look === undefined) return { ...head, ...BLIND, windows: null, forecast: null }
  const gone = new Set(names.flatMap(({ left }) => left))
  const { at, away = null, channel = null, servers } = look.observed
  const { action: next = null, why, required } = look.decision
  return {
    ...head,
    at,
    away,
    channel,
    delivery: look.observed.delivery,
    deployment: shown(look.observed.deployment),
    servers: servers.map((server) => serverOf(server, gone)),
    next,
    why,
    required,
    windows: windowsOf(windows, new Date(at)),
    forecast: forecastOf(look.observed, { medians, windows }),
  }
}

const BLIND = {
  at: null,
  away: null,
  channel: null,
  delivery: null,
  deployment: null,
  servers: [],
  next: null,
  why: 'nothing was seen yet',
  required: [],
}

/**
 * `leaving`: it ends, or its name does not stand for it any more. One that is reachable without a
 * state answers with none that could be read.
 */
const serverOf = (
  { url, state, isUnclear, hasEnded, command }: ObservedServer,
  gone: ReadonlySet<string>,
) => ({
  url,
  reachable: state !== undefined || isUnclear,
  leaving: state === undefined ? hasEnded || gone.has(url) : state.stopping,
  state: state ?? null,
  command: command ?? null,
})

/** When model servers may be recycled; null where that is at all times. */
function windowsOf(windows: readonly Window[], at: Date) {
  if (windows.length === 0) return null
  const opening = openingAt(windows, at)
  const set = windows.map(({ text }) => text)
  return opening.isOpen
    ? { set, isOpen: true, opensAt: null, closesAt: opening.closesAt ?? null }
    : { set, isOpen: false, opensAt: opening.opensAt, closesAt: null }
}

/** For people: of the trouble of its pods, the words. */
const shown = (deployment: DeploymentView) =>
  deployment.kind === 'seen' ? { ...deployment, trouble: deployment.trouble?.message } : deployment
