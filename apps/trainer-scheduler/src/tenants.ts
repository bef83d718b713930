import { randomUUID } from 'node:crypto'
import {
  type Audit,
  auditKey,
  type Change,
  isSameSpec,
  type ModelId,
  specDigestOf,
  type Tenant,
  tenantKey,
  type TenantSpec,
} from '@drover/model-config'
import { createJson, type ModelStore, swapJson } from '@drover/model-store'
import { ApiError } from '@drover/service'
import { z } from 'zod'
import { writeChange } from './commit.ts'
import { readTenant } from './observe.ts'

const SWAPS_MAX = 8

/** What the changes of tenants are made with. */
export interface Registry {
  store: ModelStore
  now: () => number
  /** Throws an ApiError 400 when a changed model cannot be trained as its spec says. */
  checkModel: (model: ModelId, spec: TenantSpec['models'][string]) => Promise<void>
}

/** A change of a tenant that was carried out, or was found to be none. */
export interface Moved {
  tenant: Tenant
  before: Tenant | undefined
  isChanged: boolean
}

type Next = Pick<Tenant, 'tombstone' | 'spec' | 'models'> & { generation?: number }
type Decide = (current: Tenant | undefined, seq: number) => Promise<Next | undefined>

/** Declares what a tenant is to have. The same again changes nothing. */
export async function putTenant(
  registry: Registry,
  name: string,
  spec: TenantSpec,
  traceparent: string,
): Promise<Moved> {
  return await move(
    registry,
    name,
    { kind: 'spec', what: 'put', traceparent },
    async (current, seq) => {
      if (current !== undefined && !current.tombstone && isSameSpec(current.spec, spec)) {
        return undefined
      }
      const models: Tenant['models'] = {}
      for (const [model, each] of Object.entries(spec.models)) {
        const state = current?.models[model]
        const old = current?.spec.models[model]
        const isSame = old !== undefined && specDigestOf(old) === specDigestOf(each)
        if (state !== undefined && isSame) {
          models[model] = state
          continue
        }
        await registry.checkModel({ tenant: name, model }, each)
        models[model] = { ...(state ?? { born: seq }), changed: seq }
      }
      return { tombstone: false, spec, models }
    },
  )
}

/** Ends a tenant: its object stays without models, so that a later one of that name is another. */
export async function deleteTenant(
  registry: Registry,
  name: string,
  traceparent: string,
): Promise<Moved> {
  return await move(
    registry,
    name,
    { kind: 'tombstone', what: 'delete', traceparent },
    async (current) => {
      if (current === undefined) throw noTenant(name)
      if (current.tombstone) return undefined
      return { tombstone: true, spec: { ...current.spec, models: {} }, models: {} }
    },
  )
}

/** Asks for a new version of a model although nothing of it changed. */
export async function requestTraining(
  registry: Registry,
  { tenant: name, model }: ModelId,
  traceparent: string,
): Promise<Moved> {
  const about = { kind: 'spec', what: `train ${model}`, traceparent, model } as const
  return await move(registry, name, about, async (current) => {
    if (current === undefined || current.tombstone) throw noTenant(name)
    const state = current.models[model]
    const spec = current.spec.models[model]
    if (state === undefined || spec === undefined) throw noModel({ tenant: name, model })
    if (spec.recipe.name === 'push') {
      throw new ApiError(409, `the versions of ${name}.${model} are pushed, not trained`)
    }
    const last = state.trainRequestedAt === undefined ? 0 : Date.parse(state.trainRequestedAt)
    // Later than the last one even within a millisecond or after the clock went back.
    const at = new Date(Math.max(registry.now(), last + 1)).toISOString()
    const models = { ...current.models, [model]: { ...state, trainRequestedAt: at } }
    return { ...current, models, generation: current.generation }
  })
}

export const noTenant = (name: string): ApiError => new ApiError(404, `there is no tenant ${name}`)

export const noModel = ({ tenant, model }: ModelId): ApiError =>
  new ApiError(404, `the tenant ${tenant} has no model ${model}`)

/**
 * Moves a tenant's object by compare-and-swap, decided anew from what is there each time. The
 * change record comes first, so that no change can be missed by a scan; so does the audit record,
 * which carries the object as it was: after the swap it could be lost with this process. A swap
 * that is lost leaves the record of a try, told apart by the attempt in its name.
 */
async function move(
  { store, now }: Registry,
  name: string,
  about: Pick<Change, 'kind' | 'traceparent' | 'model'> & { what: string },
  decide: Decide,
): Promise<Moved> {
  const { what, ...changed } = about
  for (let swaps = 0; swaps < SWAPS_MAX; swaps++) {
    const before = await readTenant(store, name)
    const seq = (before?.seq ?? 0) + 1
    const next = await decide(before, seq)
    if (next === undefined && before !== undefined) {
      return { tenant: before, before, isChanged: false }
    }
    if (next === undefined) throw noTenant(name)
    const at = now()
    const tenant: Tenant = {
      format: 1,
      seq,
      attempt: randomUUID(),
      tenant: name,
      generation: next.generation ?? (before?.generation ?? 0) + 1,
      tombstone: next.tombstone,
      spec: next.spec,
      models: next.models,
      changedAt: new Date(at).toISOString(),
      traceparent: about.traceparent,
    }
    await Promise.all([
      writeChange(store, { ...changed, tenant: name, at: tenant.changedAt }, at),
      writeAudit(store, tenant, { before, what, at }),
    ])
    if (await swapJson(store, tenantKey(name), before?.seq, tenant)) {
      return { tenant, before, isChanged: true }
    }
  }
  throw new ApiError(503, `the tenant ${name} is being changed by others: try again`)
}

async function writeAudit(
  store: ModelStore,
  tenant: Tenant,
  { before, what, at }: { before: Tenant | undefined; what: string; at: number },
): Promise<void> {
  const object = tenantKey(tenant.tenant)
  const audit: Audit = {
    format: 1,
    object,
    seq: tenant.seq,
    by: 'api',
    what,
    ...(before === undefined ? {} : { before: z.json().parse(before) }),
    at: tenant.changedAt,
  }
  const key = auditKey(new Date(at), `tenants.${tenant.tenant}.${tenant.seq}.${tenant.attempt}`)
  await createJson(store, key, audit)
}
