import {
  type Channel,
  isCommitted,
  type Models,
  servedName,
  type Tenant,
} from '@drover/model-config'
import { type Agent, mayOpen } from './agent.ts'
import { MODEL } from './client.ts'
import { podsIn, whatIsOpenInCluster } from './cluster.ts'
import { configOf, type Fleet, fleetsToPublish } from './fleet.ts'
import { REAL } from './plans.ts'
import { wantedVersion } from './publisher.ts'
import { observeVersions } from './trainer.ts'
import { clockOf, partsOf, type World } from './world.ts'

/** What is still wrong when the faults have ended; undefined when everything has converged. */
export function whatIsOpen(world: World): string | undefined {
  // A fleet that no tenant ever named has no channel, and its servers wait for one.
  for (const fleet of fleetsToPublish(world, [...world.tenants.keys()])) {
    const open = whatIsOpenIn(fleet)
    if (open !== undefined) return open
  }
  return undefined
}

function whatIsOpenIn(fleet: Fleet): string | undefined {
  const { channel, world } = fleet
  if (channel === undefined) return 'there is no channel'
  if (channel.rollout !== undefined) return `the rollout of ${channel.rollout.seq} goes on`
  if (channel.undo !== undefined) return `the undo to ${channel.undo.seq} goes on`
  const models = configOf(fleet, channel.live)
  for (const tenant of world.tenants.keys()) {
    const open = whatIsOpenOf(fleet, tenant, models)
    if (open !== undefined) return open
  }
  for (const url of podsIn(fleet)) {
    const open = whatIsOpenAt(fleet, url, models)
    if (open !== undefined) return open
  }
  return whatIsOpenInCluster(fleet) ?? whoIsLeftOf(fleet, channel)
}

/** Whom the last wish to restart has not reached. Nobody is recycled while a server is not ready. */
function whoIsLeftOf({ urls, world }: Fleet, { restart }: Channel): string | undefined {
  const agents = urls.flatMap((url) => world.agents.get(url) ?? [])
  if (restart.at === undefined || agents.some(({ isOpen }) => !isOpen)) return undefined
  const { at, recycles = {} } = restart
  const left = agents.find(
    (agent) => agent.recycles <= (recycles[agent.url] ?? -1) && agent.servingSince < at,
  )
  return left && `${left.url} was not restarted`
}

/** What is still wrong with one tenant in a fleet. */
export function whatIsOpenOf(fleet: Fleet, tenant: string, live: Models): string | undefined {
  const { world } = fleet
  const name = `${tenant}.${MODEL}`
  const owner = world.tenants.get(tenant)
  const wanted = wantedVersion(fleet, name)
  const version = live[name]?.versions[0]?.version
  if (version !== wanted) {
    return `${name} is live in ${fleet.name} at ${version}, wanted at ${wanted}`
  }
  return owner === undefined || owner.tombstone ? undefined : whatIsUnmade(world, name, owner)
}

function whatIsUnmade(world: World, name: string, owner: Tenant): string | undefined {
  const born = owner.models[MODEL]?.born
  const mine = Array.from(world.versions.get(name)?.values() ?? []).filter(
    ({ manifest }) => manifest !== undefined && isCommitted(manifest) && manifest.born === born,
  )
  const hasFailed = (world.runs.get(name) ?? []).some((run) => run.born === born)
  if (mine.length === 0 && !hasFailed) return `${name} was never trained`
  if (isDue(world, owner)) return `${name} is to be trained`
  const unjudged = mine.some(({ verdicts }) => verdicts.length === 0)
  return unjudged ? `${name} has a version that nobody judged` : undefined
}

/** Whether somebody still has to do something for the present request. */
function isDue(world: World, tenant: Tenant): boolean {
  const model = { tenant: tenant.tenant, model: MODEL }
  const name = servedName(model)
  const versions = observeVersions(world, name, () => 'unknown')
  const runs = world.runs.get(name) ?? []
  const { kind } = REAL.train({ now: clockOf(world), model, tenant, versions, runs })
  return kind !== 'nothing' && kind !== 'publish'
}

function whatIsOpenAt(fleet: Fleet, url: string, live: Models): string | undefined {
  const { world } = fleet
  const agent = world.agents.get(url)
  if (agent?.confirmed === undefined || !agent.serverUp) return `${url} is not up`
  // A server on which too much is broken stays unready and says so.
  if (!agent.isOpen && mayOpen(agent)) return `${url} is not ready`
  const ref = fleet.channel?.live
  if (ref !== undefined && agent.confirmed.ref?.seq !== ref.seq) return `${url} is behind`
  return whatIsLeft(world, agent, live)
}

/** What a server answers from although it should not any more. */
function whatIsLeft(world: World, { url, serving }: Agent, live: Models): string | undefined {
  for (const [name, entry] of serving) {
    if (live[name] === undefined) return `${url} still serves ${name}`
    const isOwn = isOfOwner(world, name, entry.versions[0]?.version ?? 0)
    if (!isOwn) return `${url} still serves ${name} of an old owner`
  }
  return undefined
}

function isOfOwner(world: World, name: string, version: number): boolean {
  const { tenant, model } = partsOf(name)
  const manifest = world.versions.get(name)?.get(version)?.manifest
  return manifest?.born === world.tenants.get(tenant)?.models[model]?.born
}
