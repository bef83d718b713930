import { mapBounded } from '@drover/basics'
import {
  type Channel,
  type Models,
  openUndo,
  parseServedName,
  servedName,
  type Tenant,
  type Undo,
} from '@drover/model-config'
import { isObjectFault } from '@drover/model-store'
import { type Log } from '@drover/service'
import { NO_CONFIG, type Records, type StoredConfig } from '../records.ts'
import type { NamedModel, PublicationObserved } from './observed.ts'
import { namesToUndo } from './undo.ts'

const TENANTS_AT_ONCE = 16

/** What a look at a fleet is about. */
export interface Subject {
  fleet: string
  /** The tenants that were named, or the whole fleet. */
  tenants: ReadonlySet<string> | 'all'
}

/** What the store says. The rest of what the plan is given is known to the process alone. */
export type StoredPublication = Pick<
  PublicationObserved,
  'fleet' | 'channel' | 'base' | 'live' | 'undo' | 'named'
> & {
  /** The candidate's root, which holds the buckets that do not change. */
  baseRoot: StoredConfig['root']
}

/** What hears of objects that cannot be read, and that must not hold up the rest. */
export interface Faults {
  onSkipped: (tenant: string, error: unknown) => void
  onLost: (undo: Undo, error: unknown) => void
}

/** Faults that are logged. */
export const faultsLogged = (log: Log, fleet: string): Faults => ({
  onSkipped: (tenant, err) => {
    log.error({ err, fleet, tenant }, 'tenant left as it is: its objects cannot be read')
  },
  onLost: ({ seq, by }, err) => {
    log.error({ err, fleet, seq, by }, 'the undo is given up: its config cannot be read')
  },
})

/** Reads the channel first and then everything that decides about the named tenants. */
export async function observe(
  records: Records,
  { fleet, tenants }: Subject,
  { onSkipped, onLost }: Faults,
): Promise<StoredPublication | undefined> {
  const channel = await records.channel(fleet)
  if (channel === undefined) return undefined
  const { candidate } = channel
  const base = candidate === undefined ? NO_CONFIG : await records.config(fleet, candidate.sha)
  const live =
    channel.live === undefined ? NO_CONFIG : await records.config(fleet, channel.live.sha)
  const configs = {
    base: base.models,
    live: live.models,
    undo: await modelsToUndo(records, fleet, openUndo(channel), onLost),
  }
  const names = await tenantsToRead(records, tenants, { channel, ...configs })
  const served = modelsByTenant(base.models, live.models, configs.undo ?? {})
  const found = await mapBounded(names, TENANTS_AT_ONCE, async (tenant) => {
    try {
      return await readTenant(records, fleet, tenant, served.get(tenant) ?? [])
    } catch (error) {
      // Its entries stay as they are: one broken object must not hold up the other tenants.
      if (!isObjectFault(error)) throw error
      onSkipped(tenant, error)
      return {}
    }
  })
  const named: Record<string, NamedModel> = Object.assign({}, ...found)
  return { fleet, channel, ...configs, baseRoot: base.root, named }
}

/**
 * What an undo goes back to; undefined where none is open. One that cannot be read any more is not
 * carried out, and told: it must not stop the publications of a whole fleet.
 */
async function modelsToUndo(
  records: Records,
  fleet: string,
  undo: Undo | undefined,
  onLost: Faults['onLost'],
): Promise<StoredPublication['undo']> {
  if (undo === undefined) return undefined
  try {
    return (await records.config(fleet, undo.sha)).models
  } catch (error) {
    if (!isObjectFault(error)) throw error
    onLost(undo, error)
    return undefined
  }
}

/**
 * The named ones, those of culprits that the candidate still holds, those that left since `live`,
 * and those that an undo changes.
 */
async function tenantsToRead(
  records: Records,
  tenants: Subject['tenants'],
  { channel, ...configs }: { channel: Channel } & Pick<StoredPublication, 'base' | 'live' | 'undo'>,
): Promise<string[]> {
  const { base, live } = configs
  const culprits = channel.rejected
    .filter(({ kind }) => kind === 'model')
    .flatMap((rejection) => rejection.culprits)
    .filter(({ name, version }) => base[name]?.versions.some((each) => each.version === version))
  const gone = Object.keys(live).filter((name) => base[name] === undefined)
  const everybody =
    tenants === 'all'
      ? [...(await records.tenantNames()), ...Object.keys(base).map(tenantOf)]
      : tenants
  return [
    ...new Set([
      ...everybody,
      ...culprits.map(({ name }) => tenantOf(name)),
      ...[...gone, ...namesToUndo(configs)].map(tenantOf),
    ]),
  ]
}

const tenantOf = (name: string): string => parseServedName(name).tenant

/** The models that the configs list for each tenant. */
function modelsByTenant(...configs: readonly Models[]): Map<string, string[]> {
  const byTenant = new Map<string, string[]>()
  for (const name of configs.flatMap((models) => Object.keys(models))) {
    const { tenant, model } = parseServedName(name)
    const models = byTenant.get(tenant)
    if (models === undefined) byTenant.set(tenant, [model])
    else models.push(model)
  }
  return byTenant
}

/** Every model that a tenant declares, and every one that a config lists for it. */
async function readTenant(
  records: Records,
  fleet: string,
  name: string,
  listed: readonly string[],
): Promise<Record<string, NamedModel>> {
  const [tenant, controls] = await Promise.all([records.tenant(name), records.controls(name)])
  const models = [...new Set([...declaredModels(tenant, fleet), ...listed])]
  const read = async (model: string): Promise<[string, NamedModel]> => {
    const id = { tenant: name, model }
    return [servedName(id), { tenant, controls, versions: await records.versions(id) }]
  }
  return Object.fromEntries(await mapBounded(models, TENANTS_AT_ONCE, read))
}

/** What it declares for this fleet: nothing of a tenant that is gone or elsewhere. */
function declaredModels(tenant: Tenant | undefined, fleet: string): string[] {
  if (tenant === undefined || tenant.tombstone || tenant.spec.fleet !== fleet) return []
  return Object.keys(tenant.spec.models)
}
