import { type ModelSpec, sha256, type Tenant, TenantSpec } from '@drover/model-config'
import { rollback } from './publisher.ts'
import type { Steps } from './trainer.ts'
import { isoOf, makeUuid, swapTenant, TRACE, type World } from './world.ts'

export const MODEL = 'late'
const TRIES_MAX = 5

/** What clients do, in this order. */
export type Deed =
  | { kind: 'put'; tenant: string; data: number }
  | { kind: 'train'; tenant: string }
  | { kind: 'delete'; tenant: string }
  | { kind: 'rollback'; tenant: string }

/** All clients, one request after the other: each is written to the store and then nudged. */
export function* client(world: World, deeds: Deed[]): Steps {
  for (;;) {
    const deed = deeds.shift()
    if (deed === undefined) {
      yield 'idle'
      continue
    }
    if (deed.kind === 'rollback') {
      yield* rollback(world, deed.tenant)
    } else {
      yield* changeTenant(world, deed)
    }
  }
}

function* changeTenant(world: World, deed: Exclude<Deed, { kind: 'rollback' }>): Steps {
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

function afterDeed(
  world: World,
  before: Tenant | undefined,
  deed: Exclude<Deed, { kind: 'rollback' }>,
): Tenant | undefined {
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
  if (deed.kind === 'put') {
    const spec = specOf(deed.data)
    const known = before?.tombstone === false ? before.models[MODEL] : undefined
    const isNewData = before?.spec.models[MODEL]?.data !== spec.models[MODEL]?.data
    const state = { born: known?.born ?? seq, ...(isNewData ? { changed: seq } : {}) }
    return { ...common, tombstone: false, spec, models: { [MODEL]: state } }
  }
  if (before === undefined || before.tombstone) return undefined
  if (deed.kind === 'delete') {
    return { ...common, tombstone: true, spec: { ...before.spec, models: {} }, models: {} }
  }
  const state = before.models[MODEL]
  if (state === undefined) return undefined
  // The clock may not have moved since the last request by hand; each is another one.
  const models = { [MODEL]: { ...state, trainRequestedAt: laterOf(state.trainRequestedAt, world) } }
  return { ...common, tombstone: false, spec: before.spec, models }
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
