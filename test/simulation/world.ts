import type {
  Channel,
  Claim,
  CommittedManifest,
  ConfigEntry,
  ConfigRef,
  Controls,
  Culprit,
  Manifest,
  ModelId,
  Models,
  Run,
  ServerState,
  Tenant,
  Verdict,
} from '@drover/model-config'

// The simulated world: everything that outlives a process, as plain data, and the few atomic things
// that can be done to it. Processes are generators; between two of their steps anything may happen.

export const FLEET = 'main'
export const EPOCH_MS = Date.UTC(2026, 0, 1)
/** A running claim may be given up after this, in milliseconds of simulated time. */
export const CLAIM_MS = 60_000

/** What a version turns out to be, which nobody knows before trying. */
export interface Fate {
  gate: boolean
  server: boolean
}

export interface SimVersion {
  claim: Claim | undefined
  manifest: Manifest | undefined
  verdicts: Verdict[]
  fate: Fate
}

/** What a server keeps on its disk. */
export interface Disk {
  fence: number
  seenLive: { ref: ConfigRef; at: number } | undefined
  serving: ReadonlyMap<string, ConfigEntry>
}

/** A command on its way to a server. */
export interface Letter {
  id: number
  from: string
  kind: 'apply' | 'recycle'
  fence: number
  ref: ConfigRef
  recycles: number
}

export interface Reply {
  id: number
  url: string
  outcome: 'answered' | 'refused' | 'lost'
  failed: readonly Culprit[]
}

export interface World {
  now: number
  tenants: Map<string, Tenant>
  controls: Map<string, Controls>
  /** By served name, then by number. */
  versions: Map<string, Map<number, SimVersion>>
  runs: Map<string, Run[]>
  channel: Channel | undefined
  configs: Map<string, Models>
  nudges: { train: ModelId[]; publish: (string | undefined)[]; rollout: number }
  disks: Map<string, Disk>
  /** What each server's agent answers on `GET /v1/state`; none while it is down. */
  states: Map<string, ServerState>
  /** What each server answers predictions from. */
  serving: Map<string, ReadonlyMap<string, ConfigEntry>>
  /** Every config that a server ever confirmed: `<sha> <seq>`. */
  confirmed: Set<string>
  inboxes: Map<string, Letter[]>
  mailboxes: Map<string, Reply[]>
  /** Lives of processes: `<id>#<life>`. */
  alive: Set<string>
  /** Takes the next number below `count` out of the history. */
  draw: (count: number) => number
  counter: number
  /** The next swap of the channel succeeds and its writer is told that it did not. */
  loseNextAnswer: boolean
  check: Checker
}

/** Looks at a change when it happens; throws when it breaks an invariant. */
export interface Checker {
  channelMoved: (world: World, before: Channel | undefined, after: Channel) => void
  committed: (world: World, name: string, manifest: CommittedManifest) => void
  served: (world: World, url: string) => void
}

export const isoOf = (world: World): string => new Date(EPOCH_MS + world.now).toISOString()

/** The time as the plans see it: milliseconds of the wall clock. */
export const clockOf = (world: World): number => EPOCH_MS + world.now

export function nextId(world: World): number {
  world.counter += 1
  return world.counter
}

const hex = (value: number): string => value.toString(16).padStart(12, '0')

export const makeUuid = (world: World): string => `00000000-0000-4000-8000-${hex(nextId(world))}`

export const TRACE = `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`

/** Compare-and-swap of the channel, as the store does it. */
export function swapChannel(world: World, from: number | undefined, next: Channel): boolean {
  if (world.channel?.seq !== from) return false
  const before = world.channel
  world.channel = next
  world.check.channelMoved(world, before, next)
  const isLost = world.loseNextAnswer
  world.loseNextAnswer = false
  return !isLost
}

export function swapTenant(world: World, from: number | undefined, next: Tenant): boolean {
  if (world.tenants.get(next.tenant)?.seq !== from) return false
  world.tenants.set(next.tenant, next)
  return true
}

export function swapControls(world: World, from: number | undefined, next: Controls): boolean {
  if (world.controls.get(next.tenant)?.seq !== from) return false
  world.controls.set(next.tenant, next)
  return true
}

export function versionsOf(world: World, name: string): Map<number, SimVersion> {
  const known = world.versions.get(name) ?? new Map<number, SimVersion>()
  world.versions.set(name, known)
  return known
}

/** Creates CLAIM.json if it is absent. */
export function createClaim(
  world: World,
  { name, version, claim }: { name: string; version: number; claim: Claim },
): boolean {
  const versions = versionsOf(world, name)
  if (versions.has(version)) return false
  const fate = { gate: world.draw(4) > 0, server: world.draw(5) > 0 }
  versions.set(version, { claim, manifest: undefined, verdicts: [], fate })
  return true
}

/** Creates MANIFEST.json if it is absent: the one thing that commits or aborts. */
export function createManifest(
  world: World,
  { name, version, manifest }: { name: string; version: number; manifest: Manifest },
): boolean {
  const record = versionsOf(world, name).get(version)
  if (record === undefined || record.manifest !== undefined) return false
  versionsOf(world, name).set(version, { ...record, manifest })
  if (!('aborted' in manifest)) world.check.committed(world, name, manifest)
  return true
}

/** Creates a verdict if that n is absent. */
export function createVerdict(
  world: World,
  { name, version, verdict }: { name: string; version: number; verdict: Verdict },
): boolean {
  const record = versionsOf(world, name).get(version)
  if (record === undefined || record.verdicts.some(({ n }) => n === verdict.n)) return false
  versionsOf(world, name).set(version, { ...record, verdicts: [...record.verdicts, verdict] })
  return true
}

export function serve(world: World, url: string, serving: ReadonlyMap<string, ConfigEntry>): void {
  world.serving.set(url, serving)
  world.check.served(world, url)
}

export const stateUrl = (index: number): string => `http://server-${index}`
