import { isPending, type Rollout } from '@drover/model-config'
import type { Medians } from './durations.ts'
import { confirms, holds, isImpaired, steadyConfig } from './judge.ts'
import type { Observed, ObservedServer } from './observed.ts'
import { whyRecycle } from './recycle.ts'
import { closedUntil, openEndAt, type Window } from './windows.ts'

/** How often the windows are asked for one forecast; what lies beyond is not foretold. */
const LOOKUPS_MAX = 200

/** What a forecast rests on, besides the look. */
export interface ForecastParts {
  medians: Medians
  windows: readonly Window[]
}

/** How long the present rollout will go on, or the next one will take, and the recycles. Pure. */
export function forecastOf(observed: Observed, parts: ForecastParts) {
  return { rollout: forecastRollout(observed, parts), recycles: forecastRecycles(observed, parts) }
}

/** `ms` is null while this process has seen no such command to its end. */
function forecastRollout(observed: Observed, { medians }: ForecastParts) {
  const { channel } = observed
  const { kind, rounds, servers } = roundsOf(observed)
  const median = medians[kind === 'back' ? 'apply' : kind]
  const next = channel !== undefined && isPending(channel) ? channel.candidate?.seq : undefined
  return {
    kind,
    isRunning: channel?.rollout !== undefined,
    seq: channel?.rollout?.seq ?? next ?? null,
    servers,
    ms: median === undefined ? null : Math.round(rounds * median),
  }
}

/** What is still to be done, and in how many turns one after the other. */
function roundsOf(observed: Observed) {
  const { channel, servers, limits } = observed
  const { rollout } = channel ?? {}
  const able = servers.filter(({ state }) => state !== undefined && state.impaired === undefined)
  if (rollout?.step.kind === 'recycle') return { kind: 'recycle', servers: 1, rounds: 1 } as const
  const isRoll = rollout === undefined ? observed.delivery === 'restart' : isRollOf(rollout)
  if (isRoll) return roundsOfRoll(observed, able.length)
  if (rollout?.step.kind === 'back') return roundsBack(observed, able, rollout)
  const hasCanary = rollout !== undefined && able.some((server) => confirms(server, rollout))
  const open =
    rollout === undefined
      ? able.length
      : able.filter((server) => !confirms(server, rollout) && !isImpaired(server, rollout)).length
  const rounds = hasCanary
    ? Math.ceil(open / limits.parallel)
    : Math.min(open, 1) + Math.ceil(Math.max(0, open - 1) / limits.parallel)
  return { kind: 'apply', servers: open, rounds } as const
}

function roundsBack(observed: Observed, able: readonly ObservedServer[], { step }: Rollout) {
  const target = steadyConfig(observed)
  const open = able.filter(
    (server) => step.servers.includes(server.url) && !holds(server, target),
  ).length
  return {
    kind: 'back',
    servers: open,
    rounds: Math.ceil(open / observed.limits.parallel),
  } as const
}

const isRollOf = ({ step }: Rollout): boolean => step.kind === 'roll'

/** New pods come one after the other. */
function roundsOfRoll({ deployment, channel }: Observed, servers: number) {
  const isSeen = deployment.kind === 'seen'
  const done = isSeen && channel?.rollout !== undefined ? deployment.updated : 0
  const open = isSeen ? Math.max(0, deployment.replicas - done) : servers
  return { kind: 'roll', servers: open, rounds: open } as const
}

/**
 * When the servers that are due will be recycled; where none is, when all of them would be if that
 * were wished now. `endsAt` is null where no recycle was seen yet or it is too far ahead.
 */
function forecastRecycles(observed: Observed, parts: ForecastParts) {
  const due = observed.servers.filter((server) => whyRecycle(server, observed) !== undefined)
  const count = due.length > 0 ? due.length : observed.servers.length
  const { startsAt, endsAt } = walk(observed, parts, count)
  return { due: due.length, servers: count, startsAt: isoOf(startsAt), endsAt: isoOf(endsAt) }
}

const isoOf = (at: number | undefined) => (at === undefined ? null : new Date(at).toISOString())

/** One server after the other, each when the freeze, the windows and the interval let it. */
function walk(observed: Observed, { medians, windows }: ForecastParts, count: number) {
  const interval = observed.limits.recycleIntervalMs
  const findOpen = makeFinder(windows)
  let { at, last } = firstTurn(observed)
  let startsAt: number | undefined
  for (let left = count; left > 0; left--) {
    const open = findOpen(Math.max(at, last + interval))
    startsAt ??= open
    if (open === undefined || medians.recycle === undefined) return { startsAt, endsAt: undefined }
    at = open + medians.recycle
    last = at
  }
  return { startsAt, endsAt: startsAt === undefined ? undefined : at }
}

/** When the freeze ends, and when the last model server started that others wait for. */
function firstTurn({ at, limits, channel, servers }: Observed): { at: number; last: number } {
  const now = Date.parse(at)
  const { freeze } = channel ?? {}
  const starts = servers
    .map(({ state }) => Date.parse(state?.servingSince ?? ''))
    .filter((since) => Math.abs(now - since) < limits.recycleIntervalMs)
  const thawed = freeze === undefined ? now : Date.parse(freeze.until)
  return { at: Math.max(now, thawed), last: Math.max(-Infinity, ...starts) }
}

/** Gives the first moment from another on at which the windows are open; moments only grow. */
function makeFinder(windows: readonly Window[]) {
  let end = windows.length === 0 ? Infinity : -Infinity
  let lookups = 0
  return (from: number): number | undefined => {
    if (from < end) return from
    lookups += 1
    if (lookups > LOOKUPS_MAX) return undefined
    const opensAt = closedUntil(windows, new Date(from))
    const open = opensAt === undefined ? from : Date.parse(opensAt)
    end = openEndAt(windows, open) ?? open
    return open
  }
}
