import {
  type Channel,
  type Claim,
  type CommittedManifest,
  type ConfigRef,
  type Controls,
  type Culprit,
  type Manifest,
  type ModelId,
  type Models,
  parseServedName,
  type Run,
  type ServerState,
  type Tenant,
  type Verdict,
} from '@drover/model-config'
import type { DuePins, PublicationObserved } from '@drover/config-publisher'
import type { SeenDeployment } from '@drover/restarter'
import type { Agent, Disk, Letter } from './agent.ts'
import { copyFleet, emptyFleet, type Fleet, type Stage } from './fleet.ts'
import type { Plans } from './plans.ts'

// The simulated world: everything that outlives a process, as plain data, and the few atomic things
// that can be done to it. Processes are generators; between two of their steps anything may happen.

/**
 * A process: between two of its steps anything may happen. `look`: it has only read something;
 * `step`: what comes next changes the world; `idle`: it has nothing to do now.
 */
export type Steps<T = void> = Generator<'look' | 'step' | 'idle', T>

export const EPOCH_MS = Date.UTC(2026, 0, 1)
/** A running claim may be given up after this, in milliseconds of simulated time. */
export const CLAIM_MS = 60_000

/** What a version turns out to be, which nobody knows before trying. */
export interface Fate {
  /** Whether it is good enough for the gate. */
  gate: boolean
  /** The servers on which it does not load. */
  brokenOn: readonly string[]
  /** How many model servers it still ends by being loaded there. */
  kills: number
}

export interface SimVersion {
  claim: Claim | undefined
  manifest: Manifest | undefined
  verdicts: readonly Verdict[]
  fate: Fate
}

export interface Reply {
  id: number
  url: string
  outcome: 'answered' | 'refused' | 'outdone' | 'lost'
  failed: readonly Culprit[]
}

export interface Nudges {
  train: ModelId[]
  publish: PublishNudge[]
  /** On their way, not before a time. */
  late: { at: number; train: ModelId[]; publish: PublishNudge[] }[]
}

/** A tenant, wherever it is, or all that is due of a fleet. */
export type PublishNudge = { tenant: string } | { fleet: string }

/** By process: until when something is the matter with it. */
export interface Troubles {
  /** It does not run, and goes on later as if nothing had been. */
  stopped: Map<string, number>
  /** Nobody can reach it. */
  cut: Map<string, number>
  /** It cannot reach the store. */
  away: Map<string, number>
}

export interface World {
  now: number
  /** The first is that of tenants that name none. */
  readonly fleets: Fleet[]
  tenants: Map<string, Tenant>
  controls: Map<string, Controls>
  /** By served name, then by number. */
  versions: Map<string, Map<number, SimVersion>>
  runs: Map<string, readonly Run[]>
  nudges: Nudges
  /** By server, of whatever fleet. */
  disks: Map<string, Disk>
  /** Agents that run. */
  agents: Map<string, Agent>
  inboxes: Map<string, Letter[]>
  mailboxes: Map<string, Reply[]>
  /** Lives of processes: `<id>#<life>`. */
  alive: Set<string>
  troubles: Troubles
  /** Takes the next number below `count` out of the history. */
  draw: (count: number) => number
  /** What becomes of a version that a run is about to make. */
  fateOf: (world: World, name: string) => Fate
  counter: number
  /** The next swap of a channel succeeds and its writer is told that it did not. */
  loseNextAnswer: boolean
  plans: Plans
  /** Told of each thing that a process reads and that others write: its count, or its outcome. */
  saw: (what: number) => void
  /** Told by a process that has nothing to do now what it remembers. */
  rest: (memory: () => string) => void
  /** By served name and request: how many commits. */
  commits: Map<string, number>
  check: Checker
}

/** Looks at a change when it happens; throws when it breaks an invariant. */
export interface Checker {
  channelMoved: (fleet: Fleet, before: Channel | undefined, after: Channel) => void
  published: (fleet: Fleet, observed: PublicationObserved, models: Models) => void
  /** A publisher is about to write pins for an undo. */
  pinned: (observed: PublicationObserved, due: DuePins) => void
  liveMoved: (fleet: Fleet, seen: Seen, live: ConfigRef, before: Channel) => void
  released: (fleet: Fleet, seen: Seen, before: Channel) => void
  committed: (world: World, name: string, manifest: CommittedManifest) => void
  tried: (fleet: Fleet, url: string, told: { ref: ConfigRef; fence: number }) => void
  confirmed: (fleet: Fleet, url: string, ref: ConfigRef) => void
  opened: (world: World, url: string) => void
  served: (world: World, url: string) => void
  /** A patch of a restarter is about to change the pod template. */
  patched: (fleet: Fleet, from: string) => void
}

/** What a restarter really saw when it decided. */
export interface Seen {
  /** Servers that answered, and whether each could have taken the config. */
  servers: readonly { state: ServerState; isImpaired: boolean; isLate: boolean }[]
  /** Undefined: it was not asked for, or there is none. */
  deployment: SeenDeployment | undefined
}

/** A world in which nothing has happened yet. */
export function emptyWorld(
  stages: readonly Stage[],
  given: Pick<World, 'draw' | 'fateOf' | 'plans' | 'check'>,
): World {
  const world: World = {
    ...given,
    saw: () => {},
    rest: () => {},
    now: 0,
    fleets: [],
    tenants: new Map(),
    controls: new Map(),
    versions: new Map(),
    runs: new Map(),
    nudges: { train: [], publish: [], late: [] },
    disks: new Map(),
    agents: new Map(),
    inboxes: new Map(stages.flatMap(({ urls }) => urls.map((url) => [url, []]))),
    mailboxes: new Map(),
    alive: new Set(),
    troubles: { stopped: new Map(), cut: new Map(), away: new Map() },
    counter: 0,
    loseNextAnswer: false,
    commits: new Map(),
  }
  world.fleets.push(...stages.map((stage) => emptyFleet(world, stage)))
  return world
}

/** What is left of a world when all of its processes have ended: its store and its disks. */
export function copyStored(world: World, given: Pick<World, 'draw' | 'plans' | 'fateOf'>): World {
  const copy: World = {
    ...emptyWorld(world.fleets, { ...given, check: world.check }),
    fleets: [],
    now: world.now,
    tenants: new Map(world.tenants),
    controls: new Map(world.controls),
    versions: new Map(Array.from(world.versions, ([name, each]) => [name, new Map(each)])),
    runs: new Map(world.runs),
    disks: new Map(world.disks),
    counter: world.counter,
    commits: new Map(world.commits),
  }
  copy.fleets.push(...world.fleets.map((fleet) => copyFleet(copy, fleet)))
  return copy
}

export const isoOf = (world: World): string => new Date(EPOCH_MS + world.now).toISOString()

/** The time as the plans see it: milliseconds of the wall clock. */
export const clockOf = (world: World): number => EPOCH_MS + world.now

export function nextId(world: World): number {
  world.counter += 1
  return world.counter
}

export const makeUuid = (world: World): string =>
  `00000000-0000-4000-8000-${nextId(world).toString(16).padStart(12, '0')}`

export const TRACE = `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`

export const hasTrouble = (world: World, kind: keyof Troubles, id: string): boolean =>
  (world.troubles[kind].get(id) ?? 0) > world.now

/** Lets time pass; what was on its way arrives. */
export function advance(world: World, ms: number): void {
  world.now += ms
  const { nudges } = world
  if (nudges.late.length === 0) return
  for (const { at, train, publish } of nudges.late) {
    if (at > world.now) continue
    nudges.train.push(...train)
    nudges.publish.push(...publish)
  }
  nudges.late = nudges.late.filter(({ at }) => at > world.now)
}

const NAMES = new Map<string, ModelId>()

/** The tenant and the model of a served name. The same few names come up again and again. */
export function partsOf(name: string): ModelId {
  const known = NAMES.get(name) ?? parseServedName(name)
  NAMES.set(name, known)
  return known
}
