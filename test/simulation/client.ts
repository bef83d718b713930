import {
  type Channel,
  type ModelSpec,
  servedName,
  sha256,
  type Tenant,
  TenantSpec,
} from '@drover/model-config'
import { withPins } from '@drover/config-publisher'
import { nextChannel } from '@drover/restarter'
import { stateOf } from './agent.ts'
import { podsIn } from './cluster.ts'
import { configOf, type Fleet, fleetOf, mainOf } from './fleet.ts'
import { recordsOf } from './gate.ts'
import { swapChannel, swapControls, swapTenant } from './store.ts'
import { isoOf, makeUuid, type Steps, TRACE, type World } from './world.ts'

export const MODEL = 'late'
const TRIES_MAX = 5

/** What clients do, in this order. */
export type Deed =
  /** In a fleet by its number, the first unless told. */
  | { kind: 'put'; tenant: string; data: number; fleet?: number }
  /** The tenant goes to the next fleet as it is. */
  | { kind: 'move'; tenant: string }
  | { kind: 'train'; tenant: string }
  | { kind: 'delete'; tenant: string }
  | { kind: 'rollback'; tenant: string }
  /** A fleet is to serve one of the configs again that were live before. */
  | { kind: 'undo'; back: number; fleet?: number }
  /** A pin that an undo or a rollback wrote is ended. */
  | { kind: 'release'; tenant: string }
  /** Every server of a fleet is to be recycled once. */
  | { kind: 'restart'; fleet?: number }

type Change = Extract<Deed, { kind: 'put' | 'move' | 'train' | 'delete' }>

/** All clients, one request after the other: each is written to the store and then nudged. */
export function* client(world: World, deeds: Deed[]): Steps {
  for (;;) {
    const deed = deeds.shift()
    if (deed === undefined) yield 'idle'
    else yield* ask(world, deed)
  }
}

function* ask(world: World, deed: Deed): Steps {
  switch (deed.kind) {
    case 'rollback':
      return yield* rollback(world, deed.tenant)
    case 'release':
      return yield* release(world, deed.tenant)
    case 'undo':
      return yield* wish(fleetAt(world, deed.fleet), ({ channel }) => undoIn(channel, deed.back))
    case 'restart':
      return yield* wish(fleetAt(world, deed.fleet), restartIn)
    case 'put':
    case 'move':
    case 'train':
    case 'delete':
      return yield* changeTenant(world, deed)
  }
}

function fleetAt(world: World, number = 0): Fleet {
  return world.fleets[number % world.fleets.length] ?? mainOf(world)
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
    const isMoved = before !== undefined && before.spec.fleet !== next.spec.fleet
    if (next.tombstone || isMoved) world.nudges.publish.push({ tenant: deed.tenant })
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
  if (deed.kind === 'put') {
    const spec = specOf(deed.data, fleetAt(world, deed.fleet).name)
    return { ...common, ...declared(before, seq, spec) }
  }
  if (before === undefined || before.tombstone) return undefined
  if (deed.kind === 'delete') {
    return { ...common, tombstone: true, spec: { ...before.spec, models: {} }, models: {} }
  }
  if (deed.kind === 'move') {
    const at = world.fleets.findIndex(({ name }) => name === before.spec.fleet)
    const spec = { ...before.spec, fleet: fleetAt(world, at + 1).name }
    return { ...common, tombstone: false, spec, models: before.models }
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

const SPECS = new Map<string, TenantSpec>()

function specOf(data: number, fleet: string): TenantSpec {
  const key = `${fleet} ${data}`
  const known = SPECS.get(key)
  if (known !== undefined) return known
  const model: Pick<ModelSpec, 'recipe' | 'data'> = {
    recipe: {
      name: 'tabular-classifier',
      label: 'late',
      columns: { hour: { type: 'number' } },
    },
    data: { upload: sha256(`data ${data}`) },
  }
  const spec = TenantSpec.parse({ fleet, models: { [MODEL]: model } })
  SPECS.set(key, spec)
  return spec
}

/** `POST /v1/rollback` for a tenant: pins what the plan says, then has it published. */
function* rollback(world: World, tenant: string): Steps {
  // The tenant is read first, since it names the fleet.
  const owner = world.tenants.get(tenant)
  const fleet = fleetOf(world, owner)
  const live = fleet === undefined ? {} : configOf(fleet, fleet.channel?.live)
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
  world.nudges.publish.push({ tenant })
}

/** `POST /v1/release`: the pin of a tenant's model goes. */
function* release(world: World, tenant: string): Steps {
  const before = world.controls.get(tenant)
  yield 'look'
  if (before?.pins[MODEL] === undefined) return
  const next = { ...before, seq: before.seq + 1, attempt: makeUuid(world), pins: {} }
  if (!swapControls(world, before.seq, next)) return
  yield 'step'
  world.nudges.publish.push({ tenant })
}

interface ChannelNow {
  fleet: Fleet
  channel: Channel
}

/** What people ask of a restarter: one write to the channel, and a nudge for whom it concerns. */
function* wish(
  fleet: Fleet,
  change: (now: ChannelNow) => Partial<Pick<Channel, 'undo' | 'restart'>> | undefined,
): Steps {
  const { world, name } = fleet
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const { channel } = fleet
    yield 'step'
    const changed = channel && change({ fleet, channel })
    if (channel === undefined || changed === undefined) return
    if (!swapChannel(fleet, channel.seq, nextChannel(channel, changed, makeUuid(world)))) continue
    yield 'step'
    if (changed.undo !== undefined) world.nudges.publish.push({ fleet: name })
    return
  }
}

function undoIn({ seq, previous }: Channel, back: number): Pick<Channel, 'undo'> | undefined {
  const target = previous[back % Math.max(1, previous.length)]
  if (target === undefined) return undefined
  return { undo: { sha: target.sha, seq: target.seq, by: 'person', asked: seq + 1 } }
}

/** The recycles that each server reports, as the restarter that is asked has seen them. */
function restartIn({ fleet, channel: { restart } }: ChannelNow): Pick<Channel, 'restart'> {
  const { world } = fleet
  const seen = podsIn(fleet).flatMap((url) => stateOf(world, url) ?? [])
  const recycles = Object.fromEntries(seen.map((each) => [each.server, each.recycles]))
  return { restart: { count: restart.count + 1, at: isoOf(world), recycles } }
}
