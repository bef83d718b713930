import type { Channel, ConfigRef, Models, Tenant } from '@drover/model-config'
import type { SimCluster } from './cluster.ts'
import type { World } from './world.ts'

// What each fleet has of its own. Whatever else there is, all of them share.

/** The fleets that there may be; tenants that name none are in the first. */
export const FLEETS = ['main', 'other'] as const

/** What the checks remember of a fleet. */
export interface Known {
  /** By served name: the pin that some candidate has already honoured. */
  honoured: Map<string, { seq: number; version: number }>
  /** By served name: the lowest `born` that a candidate may hold. */
  floors: Map<string, number>
  /** Configs that some server confirmed: `<sha> <seq>`. */
  confirmed: Set<string>
  /** By server: the highest seq that it confirmed while that was live. */
  liveOn: Map<string, number>
  /** By seq: the servers that were given a config which none had confirmed by then. */
  trials: Map<number, { urls: Set<string>; excuses: number }>
  /** Everything so far for which another server may have to stand in for the canary. */
  excuses: number
}

/** Where servers of a fleet may be. */
export interface Stage {
  readonly name: string
  /** No two fleets share one. The first is the first choice as canary. */
  readonly urls: readonly string[]
}

export interface Fleet extends Stage {
  readonly world: World
  /** The Kubernetes that runs them; undefined where nobody does. */
  cluster: SimCluster | undefined
  channel: Channel | undefined
  configs: Map<string, Models>
  known: Known
}

export const emptyFleet = (world: World, { name, urls }: Stage): Fleet => ({
  world,
  name,
  urls,
  cluster: undefined,
  channel: undefined,
  configs: new Map(),
  known: {
    honoured: new Map(),
    floors: new Map(),
    confirmed: new Set(),
    liveOn: new Map(),
    trials: new Map(),
    excuses: 0,
  },
})

/** What is left of a fleet when all of its processes have ended. */
export const copyFleet = (world: World, { known, ...fleet }: Fleet): Fleet => ({
  ...emptyFleet(world, fleet),
  channel: fleet.channel,
  configs: new Map(fleet.configs),
  known: {
    honoured: new Map(known.honoured),
    floors: new Map(known.floors),
    confirmed: new Set(known.confirmed),
    liveOn: new Map(known.liveOn),
    trials: new Map(),
    excuses: 0,
  },
})

export const configOf = ({ configs }: Fleet, ref: ConfigRef | undefined): Models =>
  (ref === undefined ? undefined : configs.get(ref.sha)) ?? {}

/** The fleet that a tenant's spec names. */
export const fleetOf = ({ fleets }: World, tenant: Tenant | undefined): Fleet | undefined =>
  fleets.find(({ name }) => name === tenant?.spec.fleet)

export const mainOf = ({ fleets: [main] }: World): Fleet => {
  if (main === undefined) throw new Error('a world without a fleet')
  return main
}

/** Those that there are for a publisher: the first, those with a channel, and those of tenants. */
export function fleetsToPublish(world: World, tenants: readonly string[]): Fleet[] {
  const [main, ...others] = world.fleets
  const named = others.length === 0 ? [] : tenants.map((name) => world.tenants.get(name))
  const isThere = (fleet: Fleet) =>
    fleet.channel !== undefined || named.some((tenant) => tenant?.spec.fleet === fleet.name)
  return main === undefined ? [] : [main, ...others.filter(isThere)]
}
