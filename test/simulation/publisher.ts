import {
  chooseVersion,
  type Channel,
  digestOf,
  emptyChannel,
  type Models,
  parseServedName,
  renderConfig,
  servedName,
  usableVersions,
  type Verdict,
  type VersionRecord,
} from '@drover/model-config'
import {
  type NamedModel,
  planGate,
  planPublication,
  planRollback,
  type PublicationAction,
  type PublicationObserved,
  withPins,
} from '@drover/config-publisher'
import type { Steps } from './trainer.ts'
import {
  clockOf,
  createVerdict,
  FLEET,
  isoOf,
  makeUuid,
  swapChannel,
  swapControls,
  versionsOf,
  type World,
} from './world.ts'

const SCAN_MS = 60_000
const TURNS_MAX = 6
const MADE = digestOf('made by the gate')

interface Memory {
  since: number | undefined
  rejected: { seq: number; since: number } | undefined
}

/** One publisher process: the gate and the publication. */
export function* publisher(world: World): Steps {
  const memory: Memory = { since: undefined, rejected: undefined }
  let scanAt = 0
  for (;;) {
    const isNudged = world.nudges.publish.length > 0
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

/** Every model that has versions, declared or not. */
const namesOf = (world: World, tenant: string): string[] =>
  [...world.versions.keys()].filter((name) => parseServedName(name).tenant === tenant)

function* judgeAll(world: World, tenant: string): Steps {
  for (const name of namesOf(world, tenant)) {
    for (;;) {
      const owner = world.tenants.get(tenant)
      yield 'look'
      const records = recordsOf(world, name)
      const usable = usableVersions(records, owner?.models[parseServedName(name).model]?.born)
      const action = planGate({
        now: clockOf(world),
        versions: usable.map(({ version, manifest, verdicts }) => ({
          version,
          digest: manifest.digest,
          judged: verdicts.length > 0,
        })),
        inFlight: [],
        troubles: {},
      })
      if (action?.kind !== 'judge') break
      yield 'step'
      const { version } = action
      const pass = versionsOf(world, name).get(version)?.fate.gate === true
      createVerdict(world, { name, version, verdict: makeVerdict(world, { name, version, pass }) })
    }
  }
}

function makeVerdict(
  world: World,
  { name, version, pass }: { name: string; version: number; pass: boolean },
): Verdict {
  return {
    format: 1,
    n: 1,
    pass,
    digest: digestOf([name, version]),
    by: 'gate',
    reason: pass ? 'passed' : 'worse than the prior',
    checks: [],
    files: [],
    made: MADE,
    at: isoOf(world),
  }
}

function recordsOf(world: World, name: string): VersionRecord[] {
  return Array.from(versionsOf(world, name), ([version, { manifest, verdicts }]) => ({
    version,
    manifest,
    verdicts,
  }))
}

/** When to look again, if the plan says so. */
function* publishAll(
  world: World,
  memory: Memory,
  tenants: readonly string[],
): Steps<number | undefined> {
  memory.since = world.now
  for (let turn = 0; turn < TURNS_MAX; turn++) {
    const { channel } = world
    if (channel === undefined) {
      swapChannel(world, undefined, emptyChannel(makeUuid(world)))
      yield 'step'
      continue
    }
    yield 'step'
    const observed = yield* observe(world, memory, channel, tenants)
    const action = planPublication(observed)
    if (action === undefined || action.kind === 'refuse') return undefined
    if (action.kind === 'later') return action.at - clockOf(world) + world.now
    if (action.kind === 'gather') return world.now + 1_000
    yield 'step'
    if (yield* carryOut(world, channel, action)) return undefined
  }
  // It lost its races: a nudge of its own brings it back.
  world.nudges.publish.push(...tenants)
  return undefined
}

function* observe(
  world: World,
  memory: Memory,
  channel: Channel,
  tenants: readonly string[],
): Steps<PublicationObserved> {
  const base = configOf(world, channel.candidate?.sha)
  const live = configOf(world, channel.live?.sha)
  const culprits = channel.rejected.flatMap(({ culprits: each }) => each.map(({ name }) => name))
  const listed = [...Object.keys(base), ...Object.keys(live)]
  const all = new Set([
    ...tenants,
    ...[...culprits, ...listed].map((name) => parseServedName(name).tenant),
  ])
  const named: Record<string, NamedModel> = {}
  for (const tenant of all) {
    const owner = world.tenants.get(tenant)
    const controls = world.controls.get(tenant)
    yield 'look'
    const declared = Object.keys(owner?.spec.models ?? {}).map((model) =>
      servedName({ tenant, model }),
    )
    const own = listed.filter((name) => parseServedName(name).tenant === tenant)
    for (const name of new Set([...declared, ...own])) {
      named[name] = { tenant: owner, controls, versions: recordsOf(world, name) }
    }
  }
  const isRejected = channel.rejected.some(({ seq }) => seq === channel.candidate?.seq)
  if (!isRejected) memory.rejected = undefined
  else if (memory.rejected?.seq !== channel.candidate?.seq) {
    memory.rejected = { seq: channel.candidate?.seq ?? 0, since: clockOf(world) }
  }
  return {
    now: clockOf(world),
    fleet: FLEET,
    channel,
    base,
    live,
    named,
    allowedRemovals: [],
    since: undefined,
    rejectedSince: memory.rejected?.since,
  }
}

const configOf = (world: World, sha: string | undefined): Models =>
  (sha === undefined ? undefined : world.configs.get(sha)) ?? {}

/** Whether the publication is done. */
function* carryOut(
  world: World,
  channel: Channel,
  action: Extract<PublicationAction, { kind: 'verdicts' | 'publish' }>,
): Steps<boolean> {
  if (action.kind === 'verdicts') {
    for (const { name, version, n, digest, rejectedSeq, reason } of action.verdicts) {
      const base = makeVerdict(world, { name, version, pass: false })
      const verdict: Verdict = {
        ...base,
        n,
        digest,
        by: 'rollout',
        reason,
        fleet: FLEET,
        rejectedSeq,
      }
      createVerdict(world, { name, version, verdict })
      yield 'look'
    }
    return false
  }
  const { root } = renderConfig(action.models)
  world.configs.set(root.sha, action.models)
  yield 'step'
  const candidate = { sha: root.sha, seq: channel.seq + 1 }
  const next = { ...channel, candidate, seq: channel.seq + 1, attempt: makeUuid(world) }
  if (!swapChannel(world, channel.seq, next)) return false
  yield 'step'
  world.nudges.rollout += 1
  return true
}

/** `POST /v1/rollback` for a tenant: pins what the plan says, then has it published. */
export function* rollback(world: World, tenant: string): Steps {
  const live = configOf(world, world.channel?.live?.sha)
  const owner = world.tenants.get(tenant)
  yield 'look'
  if (owner === undefined) return
  const models = Object.keys(owner.spec.models)
  const versions = Object.fromEntries(
    models.map((model) => [model, recordsOf(world, servedName({ tenant, model }))]),
  )
  const planned = planRollback({ tenant: owner, live, versions }, {})
  if ('refuse' in planned) return
  const before = world.controls.get(tenant)
  yield 'step'
  const note = { by: 'simulation', why: 'worse', at: isoOf(world) }
  const next = {
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

/** What the fleet is to serve of a model when nothing changes any more. */
export function wantedVersion(world: World, name: string): number | undefined {
  const { tenant, model } = parseServedName(name)
  const owner = world.tenants.get(tenant)
  const controls = world.controls.get(tenant)
  return chooseVersion(owner, model, FLEET, recordsOf(world, name), controls)?.version
}
