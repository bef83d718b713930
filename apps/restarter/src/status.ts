import type { Note } from './notes.ts'
import type { Decision, Observed, ObservedServer } from './observed.ts'

/** One look and what follows from it. */
export interface Look {
  observed: Observed
  decision: Decision
}

/** The body of `GET /v1/status`: what is seen, what is next and why, and what was decided so far. */
export function statusOf(
  fleet: string,
  holder: string,
  look: Look | undefined,
  decisions: readonly Note[],
) {
  const head = { fleet, holder, decisions }
  if (look === undefined) return { ...head, ...BLIND }
  const { at, away = null, channel = null, servers } = look.observed
  const { action: next = null, why, required } = look.decision
  return { ...head, at, away, channel, servers: servers.map(serverOf), next, why, required }
}

const BLIND = {
  at: null,
  away: null,
  channel: null,
  servers: [],
  next: null,
  why: 'nothing was seen yet',
  required: [],
}

const serverOf = ({ url, state, command }: ObservedServer) => ({
  url,
  reachable: state !== undefined,
  state: state ?? null,
  command: command ?? null,
})
