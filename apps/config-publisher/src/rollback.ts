import type { ConfigRef, Controls, Tenant } from '@drover/model-config'
import { ApiError } from '@drover/service'
import type { ConfigPublisher } from './config-publisher.ts'
import { changeControls } from './controls/act.ts'
import { plan, type RollbackWish, withoutPin, withPins } from './controls/plan.ts'
import { mapBounded } from '@drover/service'
import { NO_CONFIG } from './records.ts'

const MODELS_AT_ONCE = 8

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
    change: (pins) => withoutPin(pins, model),
  })
  if (controls === undefined) throw new ApiError(404, `${name}.${model} is not pinned`)
  publisher.log.info({ tenant: name, model, by, why, traceparent }, 'released')
  return { pins: controls.pins, candidate: await publishNow(publisher, tenant, traceparent) }
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
