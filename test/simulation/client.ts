import { type ModelSpec, servedName, sha256, type Tenant, TenantSpec } from '@drover/model-config'
import { withPins } from '@drover/config-publisher'
import { recordsOf } from './gate.ts'
import { swapControls, swapTenant } from './store.ts'
import { configOf, isoOf, makeUuid, type Steps, TRACE, type World } from './world.ts'

export const MODEL = 'late'
const TRIES_MAX = 5

/** What clients do, in this order. */
export type Deed =
  | { kind: 'put'; tenant: string; data: number }
  | { kind: 'train'; tenant: string }
  | { kind: 'delete'; tenant: string }
  | { kind: 'rollback'; tenant: string }

type Change = Exclude<Deed, { kind: 'rollback' }>

/** All clients, one request after the other: each is written to the store and then nudged. */
export function* client(world: World, deeds: Deed[]): Steps {
  for (;;) {
    const deed = deeds.shift()
    if (deed === undefined) yield 'idle'
    else if (deed.kind === 'rollback') yield* rollback(world, deed.tenant)
    else yield* changeTenant(world, deed)
  }
}

function* changeTenant(world: World, deed: Change): Steps {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const before = world.tenants.get(deed.tenant)
    yield 'step'
    const next = afterDeed(world, before, deed)
    if (next === undefined) return
    if (!swapTenant(world, before?.seq, next)) continue
    yield 'step'
    world.nudges.train.push({ tenant: deed.tenant, model: MODEL })
    if (next.tombstone) world.nudges.publish.push(deed.tenant)
    return
  }
}

/** The tenant after a deed; undefined when there is nothing to do it to. */
function afterDeed(world: World, before: Tenant | undefined, deed: Change): Tenant | undefined {
  const seq = (before?.seq ?? 0) + 1
  const common = {
    format: 1,
    seq,
    attempt: makeUuid(world),
    tenant: deed.tenant,
    generation: (before?.generation ?? 0) + 1,
    changedAt: isoOf(world),
    traceparent: TRACE,
  } as const
  if (deed.kind === 'put') return { ...common, ...declared(before, seq, specOf(deed.data)) }
  if (before === undefined || before.tombstone) return undefined
  if (deed.kind === 'delete') {
    return { ...common, tombstone: true, spec: { ...before.spec, models: {} }, models: {} }
  }
  const models = trainedAgain(world, before)
  return models && { ...common, tombstone: false, spec: before.spec, models }
}

function declared(before: Tenant | undefined, seq: number, spec: TenantSpec) {
  const known = before?.tombstone === false ? before.models[MODEL] : undefined
  const isNewData = before?.spec.models[MODEL]?.data !== spec.models[MODEL]?.data
  const state = { born: known?.born ?? seq, ...(isNewData ? { changed: seq } : {}) }
  return { tombstone: false, spec, models: { [MODEL]: state } }
}

/** The clock may not have moved since the last request by hand; each is another one. */
function trainedAgain(world: World, { models }: Tenant): Tenant['models'] | undefined {
  const state = models[MODEL]
  return (
    state && { [MODEL]: { ...state, trainRequestedAt: laterOf(state.trainRequestedAt, world) } }
  )
}

function laterOf(before: string | undefined, world: World): string {
  const now = isoOf(world)
  if (before === undefined || before < now) return now
  return new Date(Date.parse(before) + 1).toISOString()
}

const SPECS = new Map<number, TenantSpec>()

function specOf(data: number): TenantSpec {
  const known = SPECS.get(data)
  if (known !== undefined) return known
  const model: Pick<ModelSpec, 'recipe' | 'data'> = {
    recipe: {
      name: 'tabular-classifier',
      label: 'late',
      columns: { hour: { type: 'number' } },
    },
    data: { upload: sha256(`data ${data}`) },
  }
  const spec = TenantSpec.parse({ models: { [MODEL]: model } })
  SPECS.set(data, spec)
  return spec
}

/** `POST /v1/rollback` for a tenant: pins what the plan says, then has it published. */
function* rollback(world: World, tenant: string): Steps {
  const live = configOf(world, world.channel?.live)
  const owner = world.tenants.get(tenant)
  yield 'look'
  if (owner === undefined) return
  const models = Object.keys(owner.spec.models)
  const versions = Object.fromEntries(
    models.map((model) => [model, recordsOf(world, servedName({ tenant, model }))]),
  )
  const planned = world.plans.rollback({ tenant: owner, live, versions }, {})
  if ('refuse' in planned) return
  const before = world.controls.get(tenant)
  yield 'step'
  const note = { by: 'simulation', why: 'worse', at: isoOf(world) }
  const next = {
    ...before,
    format: 1 as const,
    seq: (before?.seq ?? 0) + 1,
    attempt: makeUuid(world),
    tenant,
    pins: withPins(before?.pins ?? {}, { tenant: owner, pins: planned.pins, note }),
  }
  if (!swapControls(world, before?.seq, next)) return
  yield 'step'
  world.nudges.publish.push(tenant)
}
