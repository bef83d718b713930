import {
  type Channel,
  chooseVersion,
  type ConfigRef,
  emptyChannel,
  isRejected,
  type Models,
  openUndo,
  renderConfig,
  servedName,
} from '@drover/model-config'
import {
  type DuePins,
  type NamedModel,
  namesToUndo,
  type PublicationAction,
  type PublicationObserved,
  withPins,
  withPublisherFields,
} from '@drover/config-publisher'
import { configOf, type Fleet, fleetsToPublish } from './fleet.ts'
import { judgeAll, makeVerdict, recordsOf } from './gate.ts'
import { createVerdict, swapChannel, swapControls } from './store.ts'
import {
  clockOf,
  EPOCH_MS,
  isoOf,
  makeUuid,
  partsOf,
  type PublishNudge,
  type Steps,
  type World,
} from './world.ts'

const SCAN_MS = 60_000
const TURNS_MAX = 6
/** While changes gather, the channel is read this often. */
const GATHER_LOOK_MS = 100

/** By fleet: the rejected candidate that was seen there, and since when. */
type Memory = Map<Fleet, { seq: number; since: number }>

/** One publisher process: the gate, and the publications of all fleets. */
export function* publisher(world: World): Steps {
  const memory: Memory = new Map()
  let scanAt = 0
  for (;;) {
    const isNudged = world.nudges.publish.length > 0
    world.saw(world.nudges.publish.length)
    const nudge = world.nudges.publish.shift()
    if (!isNudged && world.now < scanAt) {
      yield 'idle'
      continue
    }
    const { tenants, fleets, isAll } = subjectOf(world, nudge)
    if (isAll) scanAt = world.now + SCAN_MS
    for (const tenant of tenants) yield* judgeAll(world, tenant)
    const again = yield* together(fleets.map((fleet) => publishAll(fleet, memory, tenants)))
    for (const at of again) scanAt = Math.min(scanAt, at ?? Infinity)
  }
}

/** What a nudge is about: a tenant in every fleet, or everything in one. None: everything. */
function subjectOf(world: World, nudge: PublishNudge | undefined) {
  const isTenant = nudge !== undefined && 'tenant' in nudge
  const tenants = isTenant ? [nudge.tenant] : [...world.tenants.keys()]
  const all = fleetsToPublish(world, tenants)
  if (nudge === undefined || 'tenant' in nudge) return { tenants, fleets: all, isAll: !isTenant }
  const fleets = all.filter(({ name }) => name === nudge.fleet)
  return { tenants, fleets, isAll: fleets.length === all.length }
}

/** One process works on several things at once: each goes on in turn. */
function* together<T>(works: readonly Steps<T>[]): Steps<T[]> {
  const ended: T[] = []
  for (let open = [...works]; open.length > 0;) {
    let isIdle = true
    for (const work of open) {
      const { value, done } = work.next()
      if (done === true) {
        ended.push(value)
        open = open.filter((each) => each !== work)
      } else if (value !== 'idle') {
        isIdle = false
        yield value
      }
    }
    if (isIdle && open.length > 0) yield 'idle'
  }
  return ended
}

/** When to look again, if the plan says so. */
function* publishAll(
  fleet: Fleet,
  memory: Memory,
  tenants: readonly string[],
): Steps<number | undefined> {
  const { world } = fleet
  const since = clockOf(world)
  for (let turn = 0; turn < TURNS_MAX; turn++) {
    const { channel } = fleet
    world.saw(channel?.seq ?? -1)
    if (channel === undefined) {
      swapChannel(fleet, undefined, emptyChannel(makeUuid(world)))
      yield 'step'
      continue
    }
    yield 'step'
    const stored = yield* observe(fleet, channel, tenants)
    const rejectedSince = rejectedSinceOf(fleet, memory, channel)
    const observed = { ...stored, now: clockOf(world), since, rejectedSince }
    const action = world.plans.publish(observed)
    if (action === undefined || action.kind === 'refuse') return undefined
    if (action.kind === 'later') return action.at - clockOf(world) + world.now
    if (action.kind === 'gather') {
      turn -= 1
      const lookAt = Math.min(action.until - EPOCH_MS, world.now + GATHER_LOOK_MS)
      while (world.now < lookAt) yield 'idle'
      continue
    }
    yield 'step'
    if (yield* carryOut(fleet, observed, action)) return undefined
  }
  // It lost its races: a nudge of its own brings it back.
  world.nudges.publish.push(...tenants.map((tenant) => ({ tenant })))
  return undefined
}

/** When this process first saw the candidate rejected. */
function rejectedSinceOf(fleet: Fleet, memory: Memory, channel: Channel): number | undefined {
  const { candidate } = channel
  if (candidate === undefined || !isRejected(channel, candidate)) memory.delete(fleet)
  else if (memory.get(fleet)?.seq !== candidate.seq) {
    memory.set(fleet, { seq: candidate.seq, since: clockOf(fleet.world) })
  }
  return memory.get(fleet)?.since
}

function* observe(
  fleet: Fleet,
  channel: Channel,
  tenants: readonly string[],
): Steps<Omit<PublicationObserved, 'now' | 'since' | 'rejectedSince'>> {
  const { world } = fleet
  const base = configOf(fleet, channel.candidate)
  const live = configOf(fleet, channel.live)
  const open = openUndo(channel)
  const undo = open && configOf(fleet, open)
  const undone = namesToUndo({ undo, base, live })
  const listed = [...new Set([base, live, undo ?? {}].flatMap((models) => Object.keys(models)))]
  const named: Record<string, NamedModel> = {}
  for (const tenant of tenantsToRead([...tenants, ...tenantsOf(undone)], channel, base, live)) {
    const owner = world.tenants.get(tenant)
    const controls = world.controls.get(tenant)
    yield 'look'
    const isHere = owner?.spec.fleet === fleet.name
    const declared = isHere ? Object.keys(owner.spec.models) : []
    const names = declared.map((model) => servedName({ tenant, model }))
    const own = listed.filter((name) => partsOf(name).tenant === tenant)
    for (const name of new Set([...names, ...own])) {
      named[name] = { tenant: owner, controls, versions: recordsOf(world, name) }
    }
  }
  return { fleet: fleet.name, channel, base, live, undo, named, allowedRemovals: [] }
}

const tenantsOf = (names: readonly string[]) => names.map((name) => partsOf(name).tenant)

/** The named ones, those of culprits that the candidate still holds, and those that left since `live`. */
function tenantsToRead(
  tenants: readonly string[],
  { rejected }: Channel,
  base: Models,
  live: Models,
): Set<string> {
  const culprits = rejected
    .flatMap((rejection) => rejection.culprits)
    .filter(({ name, version }) => base[name]?.versions.some((each) => each.version === version))
    .map(({ name }) => name)
  const gone = Object.keys(live).filter((name) => base[name] === undefined)
  return new Set([...tenants, ...[...culprits, ...gone].map((name) => partsOf(name).tenant)])
}

/** Whether the publication is done. */
function* carryOut(
  fleet: Fleet,
  observed: PublicationObserved,
  action: Extract<PublicationAction, { kind: 'verdicts' | 'undo' | 'publish' }>,
): Steps<boolean> {
  const { world } = fleet
  if (action.kind === 'verdicts') {
    for (const { name, version, n, digest, rejectedSeq, reason } of action.verdicts) {
      const base = makeVerdict(world, { name, version, pass: false })
      const verdict = {
        ...base,
        n,
        digest,
        by: 'rollout' as const,
        reason,
        fleet: fleet.name,
        rejectedSeq,
      }
      createVerdict(world, { name, version, verdict })
      yield 'look'
    }
    return false
  }
  if (action.kind === 'undo') {
    for (const due of action.due) {
      world.check.pinned(observed, due)
      yield* pin(fleet, due)
    }
    return false
  }
  const sha = shaOf(action.models)
  fleet.configs.set(sha, action.models)
  yield 'step'
  const channel = world.plans.against(fleet, observed.channel)
  const candidate: ConfigRef = { sha, seq: channel.seq + 1 }
  const next = withPublisherFields(channel, { candidate, prefetch: [] }, makeUuid(world))
  const isSwapped = fleet.channel?.seq === channel.seq
  world.saw(fleet.channel?.seq ?? -1)
  if (isSwapped) world.check.published(fleet, observed, action.models)
  if (!swapChannel(fleet, channel.seq, next)) return false
  yield 'step'
  return true
}

/** Pins what an undo calls for, if that was not done before. */
function* pin({ world, name }: Fleet, { tenant, asked, by, why, pins }: DuePins): Steps {
  const before = world.controls.get(tenant.tenant)
  yield 'look'
  if ((before?.undone?.[name] ?? -1) >= asked) return
  const note = { by, why, at: isoOf(world) }
  const isPinned = swapControls(world, before?.seq, {
    ...before,
    format: 1,
    seq: (before?.seq ?? 0) + 1,
    attempt: makeUuid(world),
    tenant: tenant.tenant,
    pins: withPins(before?.pins ?? {}, { tenant, pins, note }),
    undone: { ...before?.undone, [name]: asked },
  })
  yield isPinned ? 'step' : 'look'
}

const SHAS = new Map<string, string>()
const SHAS_MAX = 100_000

/** The digest of a config's root. The same few configs come up again and again. */
function shaOf(models: Models): string {
  const key = Object.keys(models)
    .toSorted()
    .map((name) => `${name} ${JSON.stringify(models[name])}`)
    .join()
  const known = SHAS.get(key)
  if (known !== undefined) return known
  const { sha } = renderConfig(models).root
  if (SHAS.size < SHAS_MAX) SHAS.set(key, sha)
  return sha
}

/** What a fleet is to serve of a model when nothing changes any more. */
export function wantedVersion(fleet: Fleet, name: string): number | undefined {
  const { world } = fleet
  const { tenant, model } = partsOf(name)
  const owner = world.tenants.get(tenant)
  const controls = world.controls.get(tenant)
  return chooseVersion(owner, model, fleet.name, recordsOf(world, name), controls)?.version
}
