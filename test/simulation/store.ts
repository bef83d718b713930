import type { Channel, Claim, Controls, Manifest, Tenant, Verdict } from '@drover/model-config'
import type { Fleet } from './fleet.ts'
import type { SimVersion, World } from './world.ts'

// What the store can do: create if absent, and compare-and-swap. Each is one atomic step.

/**
 * Compare-and-swap of the channel. A lost answer is found again by the attempt's id (PROTOCOL 3),
 * so its writer only takes it for lost and looks again.
 */
export function swapChannel(fleet: Fleet, from: number | undefined, next: Channel): boolean {
  const { channel: before, world } = fleet
  if (before?.seq !== from) return false
  fleet.channel = next
  world.check.channelMoved(fleet, before, next)
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

const NONE: ReadonlyMap<number, SimVersion> = new Map()

export const versionsOf = (world: World, name: string): ReadonlyMap<number, SimVersion> =>
  world.versions.get(name) ?? NONE

function put(world: World, name: string, version: number, record: SimVersion): void {
  const known = world.versions.get(name)
  if (known === undefined) world.versions.set(name, new Map([[version, record]]))
  else known.set(version, record)
}

/** Creates CLAIM.json if it is absent. */
export function createClaim(
  world: World,
  { name, version, claim }: { name: string; version: number; claim: Claim },
): boolean {
  if (versionsOf(world, name).has(version)) return false
  const fate = world.fateOf(world, name)
  put(world, name, version, { claim, manifest: undefined, verdicts: [], fate })
  return true
}

/** Creates MANIFEST.json if it is absent: the one thing that commits or aborts. */
export function createManifest(
  world: World,
  { name, version, manifest }: { name: string; version: number; manifest: Manifest },
): boolean {
  const record = versionsOf(world, name).get(version)
  if (record === undefined || record.manifest !== undefined) return false
  put(world, name, version, { ...record, manifest })
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
  put(world, name, version, { ...record, verdicts: [...record.verdicts, verdict] })
  return true
}

/** A version ends the model server that loads it; whether it does so this time too. */
export function strike(world: World, name: string, version: number): boolean {
  const record = versionsOf(world, name).get(version)
  if (record === undefined || record.fate.kills === 0) return false
  put(world, name, version, { ...record, fate: { ...record.fate, kills: record.fate.kills - 1 } })
  return true
}
