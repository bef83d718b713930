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
import { judgeAll, makeVerdict, recordsOf } from './gate.ts'
import { createVerdict, swapChannel, swapControls } from './store.ts'
import {
  clockOf,
  configOf,
  EPOCH_MS,
  FLEET,
  isoOf,
  makeUuid,
  partsOf,
  type Steps,
  type World,
} from './world.ts'

const SCAN_MS = 60_000
const TURNS_MAX = 6
/** While changes gather, the channel is read this often. */
const GATHER_LOOK_MS = 100

interface Memory {
  rejected: { seq: number; since: number } | undefined
}

/** One publisher process: the gate and the publication. */
export function* publisher(world: World): Steps {
  const memory: Memory = { rejected: undefined }
  let scanAt = 0
  for (;;) {
    const isNudged = world.nudges.publish.length > 0
    world.saw(world.nudges.publish.length)
    const named = world.nudges.publish.shift()
    const isScan = (isNudged && named === undefined) || (!isNudged && world.now >= scanAt)
    if (!isNudged && !isScan) {
      yield 'idle'
      continue
    }
    if (isScan) scanAt = world.now + SCAN_MS
    const tenants = isScan ? [...world.tenants.keys()] : [named ?? '']
    for (const tenant of tenants) yield* judgeAll(world, tenant)
    const again = yield* publishAll(world, memory, tenants)
    if (again !== undefined) scanAt = Math.min(scanAt, again)
  }
}

/** When to look again, if the plan says so. */
function* publishAll(
  world: World,
  memory: Memory,
  tenants: readonly string[],
): Steps<number | undefined> {
  const since = clockOf(world)
  for (let turn = 0; turn < TURNS_MAX; turn++) {
    const { channel } = world
    world.saw(channel?.seq ?? -1)
    if (channel === undefined) {
      swapChannel(world, undefined, emptyChannel(makeUuid(world)))
      yield 'step'
      continue
    }
    yield 'step'
    const stored = yield* observe(world, channel, tenants)
    const rejectedSince = rejectedSinceOf(world, memory, channel)
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
    if (yield* carryOut(world, observed, action)) return undefined
  }
  // It lost its races: a nudge of its own brings it back.
  world.nudges.publish.push(...tenants)
  return undefined
}

/** When this process first saw the candidate rejected. */
function rejectedSinceOf(world: World, memory: Memory, channel: Channel): number | undefined {
  const { candidate } = channel
  if (candidate === undefined || !isRejected(channel, candidate)) memory.rejected = undefined
  else if (memory.rejected?.seq !== candidate.seq) {
    memory.rejected = { seq: candidate.seq, since: clockOf(world) }
  }
  return memory.rejected?.since
}

function* observe(
  world: World,
  channel: Channel,
  tenants: readonly string[],
): Steps<Omit<PublicationObserved, 'now' | 'since' | 'rejectedSince'>> {
  const base = configOf(world, channel.candidate)
  const live = configOf(world, channel.live)
  const open = openUndo(channel)
  const undo = open && configOf(world, open)
  const undone = namesToUndo({ undo, base, live })
  const listed = [...new Set([base, live, undo ?? {}].flatMap((models) => Object.keys(models)))]
  const named: Record<string, NamedModel> = {}
  for (const tenant of tenantsToRead([...tenants, ...tenantsOf(undone)], channel, base, live)) {
    const owner = world.tenants.get(tenant)
    const controls = world.controls.get(tenant)
    yield 'look'
    const declared = Object.keys(owner?.spec.models ?? {})
    const names = declared.map((model) => servedName({ tenant, model }))
    const own = listed.filter((name) => partsOf(name).tenant === tenant)
    for (const name of new Set([...names, ...own])) {
      named[name] = { tenant: owner, controls, versions: recordsOf(world, name) }
    }
  }
  return { fleet: FLEET, channel, base, live, undo, named, allowedRemovals: [] }
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
  world: World,
  observed: PublicationObserved,
  action: Extract<PublicationAction, { kind: 'verdicts' | 'undo' | 'publish' }>,
): Steps<boolean> {
  if (action.kind === 'verdicts') {
    for (const { name, version, n, digest, rejectedSeq, reason } of action.verdicts) {
      const base = makeVerdict(world, { name, version, pass: false })
      const verdict = {
        ...base,
        n,
        digest,
        by: 'rollout' as const,
        reason,
        fleet: FLEET,
        rejectedSeq,
      }
      createVerdict(world, { name, version, verdict })
      yield 'look'
    }
    return false
  }
  if (action.kind === 'undo') {
    for (const due of action.due) yield* pin(world, due)
    return false
  }
  const sha = shaOf(action.models)
  world.configs.set(sha, action.models)
  yield 'step'
  const channel = world.plans.against(world, observed.channel)
  const candidate: ConfigRef = { sha, seq: channel.seq + 1 }
  const next = withPublisherFields(channel, { candidate, prefetch: [] }, makeUuid(world))
  const isSwapped = world.channel?.seq === channel.seq
  world.saw(world.channel?.seq ?? -1)
  if (isSwapped) world.check.published(world, observed, action.models)
  if (!swapChannel(world, channel.seq, next)) return false
  yield 'step'
  return true
}

/** Pins what an undo calls for, if that was not done before. */
function* pin(world: World, { tenant, asked, by, why, pins }: DuePins): Steps {
  const before = world.controls.get(tenant.tenant)
  yield 'look'
  if ((before?.undone?.[FLEET] ?? -1) >= asked) return
  const note = { by, why, at: isoOf(world) }
  const isPinned = swapControls(world, before?.seq, {
    ...before,
    format: 1,
    seq: (before?.seq ?? 0) + 1,
    attempt: makeUuid(world),
    tenant: tenant.tenant,
    pins: withPins(before?.pins ?? {}, { tenant, pins, note }),
    undone: { ...before?.undone, [FLEET]: asked },
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

/** What the fleet is to serve of a model when nothing changes any more. */
export function wantedVersion(world: World, name: string): number | undefined {
  const { tenant, model } = partsOf(name)
  const owner = world.tenants.get(tenant)
  const controls = world.controls.get(tenant)
  return chooseVersion(owner, model, FLEET, recordsOf(world, name), controls)?.version
}
