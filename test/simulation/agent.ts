import type { ConfigEntry, ConfigRef, Culprit, Models, ServerState } from '@drover/model-config'
import type { ChannelView, Observed } from '@drover/tf-server'
import { namedAt } from './cluster.ts'
import type { Fleet } from './fleet.ts'
import { clockOf, EPOCH_MS, hasTrouble, type World } from './world.ts'

const CACHE_AGE_MS_MAX = 6 * 3_600_000
/** An end so soon after a change of the config is held against the config. */
const NEWLY_APPLIED_MS = 10_000
const START_AGAIN_MS = 100
const MISSING_SHARE_MAX = 0.01

/** A command on its way to a server. */
export interface Letter {
  id: number
  from: string
  kind: 'apply' | 'recycle'
  fence: number
  ref: ConfigRef
  recycles: number
}

/** What a server keeps on its disk. */
export interface Disk {
  fence: number
  recycles: number
  /** What is about to be given to the model server. */
  applying: ConfigRef | undefined
  confirmed: Confirmed | undefined
  /** What was served when that was confirmed: with the last good versions of what failed. */
  serving: Serving
  endedUnder: ConfigRef | undefined
  seenLive: { ref: ConfigRef; at: number } | undefined
}

export interface Confirmed {
  ref: ConfigRef | undefined
  models: Models
  failed: readonly Culprit[]
  confirmedAt: number
}

export type Serving = ReadonlyMap<string, ConfigEntry>

/** What one life of an agent knows. Changed by `change` only. */
export interface Agent {
  readonly url: string
  readonly startedAt: string
  /** When the present model server process started. */
  readonly servingSince: string
  readonly channel: ChannelView
  /** The config that the annotation of its pod names. */
  readonly named: ConfigRef | undefined
  readonly polledAt: number
  readonly serverUp: boolean
  readonly startAt: number
  /** The last end of a model server, and the newly applied config that it ended under. */
  readonly end: { under: ConfigRef | undefined; isNoted: boolean } | undefined
  readonly recycles: number
  readonly serving: Serving
  readonly confirmed: Confirmed | undefined
  readonly applying: ConfigRef | undefined
  readonly changedAt: number
  readonly isOpen: boolean
  readonly missingBefore: number
  readonly fence: number
  readonly pending: readonly Letter[]
  readonly retryAt: number
  readonly impaired: boolean
  /** How often it has changed. */
  readonly stamp: number
  /** What `state` was told last; undefined once anything has changed. */
  readonly state: ServerState | undefined
}

const EMPTY_DISK: Disk = {
  fence: 0,
  recycles: 0,
  applying: undefined,
  confirmed: undefined,
  serving: new Map(),
  endedUnder: undefined,
  seenLive: undefined,
}

export const diskOf = (world: World, url: string): Disk => world.disks.get(url) ?? EMPTY_DISK

export function updateDisk(world: World, url: string, changes: Partial<Disk>): void {
  const disk = diskOf(world, url)
  if (changes.fence !== undefined && changes.fence < disk.fence) {
    throw new Error(`${url} wrote the fence ${changes.fence} over ${disk.fence}`)
  }
  world.disks.set(url, { ...disk, ...changes })
}

/** The life of an agent begins: an apply that was noted and never ended has ended its server. */
export function openAgent(fleet: Fleet, url: string): Agent {
  const { world } = fleet
  const disk = diskOf(world, url)
  if (disk.applying !== undefined) {
    updateDisk(world, url, { applying: undefined, endedUnder: disk.applying })
  }
  const at = new Date(EPOCH_MS + world.now).toISOString()
  const agent: Agent = {
    url,
    startedAt: at,
    servingSince: at,
    channel: { kind: 'unread' },
    named: namedAt(fleet, url),
    polledAt: -Infinity,
    serverUp: false,
    startAt: 0,
    end: undefined,
    recycles: disk.recycles,
    serving: new Map(),
    confirmed: undefined,
    applying: undefined,
    changedAt: -Infinity,
    isOpen: false,
    missingBefore: 0,
    fence: disk.fence,
    pending: [],
    retryAt: 0,
    impaired: false,
    stamp: 0,
    state: undefined,
  }
  world.agents.set(url, agent)
  return agent
}

/** What an agent knows changes, and with it what it says of itself. */
export function change(agent: Agent, changes: Partial<Agent>): void {
  Object.assign(agent, changes, { stamp: agent.stamp + 1, state: undefined })
}

/** The model server ends, by itself or by a kill. */
export function endServer(world: World, agent: Agent): void {
  if (!agent.serverUp) return
  const now = clockOf(world)
  const isFresh = now - agent.changedAt < NEWLY_APPLIED_MS
  const under = diskOf(world, agent.url).applying ?? (isFresh ? agent.confirmed?.ref : undefined)
  change(agent, {
    serverUp: false,
    end: { under, isNoted: false },
    missingBefore: agent.isOpen ? missingIn(agent) : agent.missingBefore,
    isOpen: false,
    startAt: now + START_AGAIN_MS,
  })
}

/** Models that have no version loaded, each for a fault of its own. */
export const missingIn = ({ confirmed, serving }: Agent): number =>
  Object.keys(confirmed?.models ?? {}).filter((name) => !serving.has(name)).length

export function mayOpen(agent: Agent): boolean {
  const count = Object.keys(agent.confirmed?.models ?? {}).length
  const allowed = Math.max(1, Math.floor(count * MISSING_SHARE_MAX))
  return missingIn(agent) - agent.missingBefore <= allowed
}

export const endedUnder = (world: World, { url, end }: Agent): ConfigRef | undefined =>
  end?.under ?? diskOf(world, url).endedUnder

export function observe(world: World, agent: Agent): Observed {
  const { channel, confirmed, recycles, serverUp, fence, isOpen, retryAt } = agent
  return {
    now: clockOf(world),
    channel,
    named: agent.named,
    seenLive: diskOf(world, agent.url).seenLive,
    cacheAgeMaxMs: CACHE_AGE_MS_MAX,
    fence,
    recycles,
    startAt: serverUp ? undefined : agent.startAt,
    hasEnded: agent.end?.isNoted === false,
    config: confirmed && {
      ref: confirmed.ref,
      isComplete: confirmed.failed.length === 0,
      confirmedAt: confirmed.confirmedAt,
    },
    mayOpen: mayOpen(agent),
    isOpen,
    endedUnder: endedUnder(world, agent),
    retryAt,
    commands: agent.pending.map(({ id, kind, fence: own, ref, recycles: seen }) =>
      kind === 'apply' ? { kind, id, fence: own, ref } : { kind, id, fence: own, recycles: seen },
    ),
  }
}

/** What a server's agent answers on `GET /v1/state`; nothing while it is down or out of reach. */
export function stateOf(world: World, url: string): ServerState | undefined {
  const agent = world.agents.get(url)
  if (agent === undefined) return undefined
  if (hasTrouble(world, 'cut', url) || hasTrouble(world, 'stopped', url)) return undefined
  if (agent.state !== undefined) return agent.state
  const state = report(world, agent)
  Object.assign(agent, { state })
  return state
}

function report(world: World, agent: Agent): ServerState {
  const { url, confirmed, applying, fence } = agent
  return {
    format: 1,
    server: url,
    ready: agent.isOpen && agent.serverUp,
    config: confirmed?.ref,
    applying,
    fence,
    models: agent.serving.size,
    failed: confirmed === undefined ? [] : [...confirmed.failed],
    drifting: [],
    impaired: agent.impaired ? 'the store is away' : undefined,
    endedUnder: endedUnder(world, agent),
    startedAt: agent.startedAt,
    servingSince: agent.serverUp ? agent.servingSince : undefined,
    recycles: agent.recycles,
    canRecycle: true,
    stopping: false,
    residentBytes: 0,
    restUrl: url,
  }
}
