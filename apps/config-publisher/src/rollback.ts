import { mapBounded } from '@drover/basics'
import {
  type ConfigRef,
  type Controls,
  parseServedName,
  servedName,
  type Tenant,
} from '@drover/model-config'
import { isObjectFault } from '@drover/model-store'
import { ApiError } from '@drover/service'
import type { ConfigPublisher } from './config-publisher.ts'
import { changeControls } from './controls/act.ts'
import {
  plan,
  type RollbackWish,
  type Undone,
  undonePins,
  withoutPins,
  withPins,
} from './controls/plan.ts'
import { NO_CONFIG } from './records.ts'

const MODELS_AT_ONCE = 8
const TENANTS_AT_ONCE = 16

/** Who asks for what. */
export interface RollbackRequest extends RollbackWish {
  tenant: string
  by: string
  why: string
  traceparent: string
}

/** Whose pin is to go, and who asks for it. */
export interface ReleaseRequest extends Omit<RollbackRequest, 'version'> {
  model: string
}

/** What holds afterwards. */
export interface RollbackAnswer {
  pins: Controls['pins']
  candidate: ConfigRef | undefined
}

/**
 * Pins what is to go back and publishes it; the pins are kept until they are released, so that no
 * newer version brings the fault back. Throws an `ApiError` that says why nothing can go back.
 */
export async function rollback(
  publisher: ConfigPublisher,
  { tenant: name, model, version, by, why, traceparent }: RollbackRequest,
): Promise<RollbackAnswer> {
  const { records } = publisher
  const tenant = await requireTenant(publisher, name)
  const live = (await records.channel(tenant.spec.fleet))?.live
  const config = live === undefined ? NO_CONFIG : await records.config(tenant.spec.fleet, live.sha)
  const models = Object.keys(tenant.spec.models)
  const versions = await mapBounded(models, MODELS_AT_ONCE, async (each) => {
    return [each, await records.versions({ tenant: name, model: each })] as const
  })
  const observed = { tenant, live: config.models, versions: Object.fromEntries(versions) }
  const planned = plan(observed, { model, version })
  if ('refuse' in planned) throw new ApiError(planned.status, planned.refuse)
  const note = { by, why, at: new Date(publisher.now()).toISOString() }
  const controls = await changeControls(publisher, {
    tenant: name,
    by,
    what: 'rollback',
    why,
    traceparent,
    change: (pins) => withPins(pins, { tenant, pins: planned.pins, note }),
  })
  publisher.log.info({ tenant: name, pins: planned.pins, by, why, traceparent }, 'pinned')
  return { pins: controls?.pins ?? {}, candidate: await publishNow(publisher, tenant, traceparent) }
}

/** Takes a model's pin away, so that its best version is served again. */
export async function release(
  publisher: ConfigPublisher,
  { tenant: name, model, by, why, traceparent }: ReleaseRequest,
): Promise<RollbackAnswer> {
  const tenant = await requireTenant(publisher, name)
  const controls = await changeControls(publisher, {
    tenant: name,
    by,
    what: `release ${model}`,
    why,
    traceparent,
    change: (pins) => withoutPins(pins, [model]),
  })
  if (controls === undefined) throw new ApiError(404, `${name}.${model} is not pinned`)
  publisher.log.info({ tenant: name, model, by, why, traceparent }, 'released')
  return { pins: controls.pins, candidate: await publishNow(publisher, tenant, traceparent) }
}

/** Which fleet's pins are to go, and who asks for it. */
export interface ReleaseUndoneRequest extends Pick<RollbackRequest, 'by' | 'why' | 'traceparent'> {
  fleet: string
  which: Undone
}

/**
 * Takes away what rollbacks of a fleet pinned, and publishes it once. A tenant whose objects cannot be
 * read keeps its pins. Throws an `ApiError` where there is nothing to take away.
 */
export async function releaseUndone(
  publisher: ConfigPublisher,
  { fleet, which, by, why, traceparent }: ReleaseUndoneRequest,
): Promise<{ released: string[]; candidate: ConfigRef | undefined }> {
  const { records, log } = publisher
  async function releaseTenant(name: string): Promise<string[]> {
    const tenant = await records.tenant(name)
    if (tenant === undefined || tenant.tombstone || tenant.spec.fleet !== fleet) return []
    let models: string[] = []
    const change = (pins: Controls['pins']) => {
      models = undonePins(pins, which)
      return withoutPins(pins, models)
    }
    const what = `release what the rollback of ${fleet} pinned`
    await changeControls(publisher, { tenant: name, by, what, why, traceparent, change })
    return models.map((model) => servedName({ tenant: name, model }))
  }
  const found = await mapBounded(await records.tenantNames(), TENANTS_AT_ONCE, async (name) => {
    try {
      return await releaseTenant(name)
    } catch (err) {
      if (!isObjectFault(err)) throw err
      log.error({ err, fleet, tenant: name }, 'pins kept: the tenant cannot be read')
      return []
    }
  })
  const released = found.flat().toSorted()
  if (released.length === 0) {
    const left = which === 'all' ? 'model' : 'newcomer'
    throw new ApiError(404, `no ${left} of ${fleet} is pinned by a rollback of the fleet`)
  }
  log.info({ fleet, released, by, why, traceparent }, 'released')
  const tenants = [...new Set(released.map((name) => parseServedName(name).tenant))]
  const options = { isUrgent: true, traceparent }
  return { released, candidate: await publisher.publicationOf(fleet).look(tenants, options) }
}

async function requireTenant({ records }: ConfigPublisher, name: string): Promise<Tenant> {
  const tenant = await records.tenant(name)
  if (tenant === undefined || tenant.tombstone) {
    throw new ApiError(404, `there is no tenant ${name}`)
  }
  return tenant
}

async function publishNow(publisher: ConfigPublisher, tenant: Tenant, traceparent: string) {
  const publication = publisher.publicationOf(tenant.spec.fleet)
  return await publication.look([tenant.tenant], { isUrgent: true, traceparent })
}
