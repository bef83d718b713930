import {
  type Claim,
  type CommittedManifest,
  type ModelId,
  type Run,
  servedName,
} from '@drover/model-config'
import type { Action, Observed, ObservedVersion } from '@drover/trainer-scheduler'
import { digestOfVersion } from './gate.ts'
import { createClaim, createManifest, versionsOf } from './store.ts'
import {
  CLAIM_MS,
  clockOf,
  EPOCH_MS,
  isoOf,
  makeUuid,
  type Steps,
  TRACE,
  type World,
} from './world.ts'

const SCAN_MS = 60_000
const TURNS_MAX = 16
const OUTCOMES = 8

/** One trainer process, from its start until it is killed. */
export function* trainer(world: World, life: string): Steps {
  let scanAt = 0
  for (;;) {
    const nudged = world.nudges.train.shift()
    const models = nudged === undefined && world.now >= scanAt ? allModels(world) : []
    if (models.length > 0 || scanAt === 0) scanAt = world.now + SCAN_MS
    if (nudged !== undefined) models.push(nudged)
    if (models.length === 0) yield 'idle'
    for (const model of models) {
      const until = yield* settle(world, life, model)
      // The agenda: it looks again when the plan says so, without a nudge.
      if (until !== undefined) scanAt = Math.min(scanAt, until - EPOCH_MS)
    }
  }
}

const allModels = (world: World): ModelId[] =>
  Array.from(world.tenants.values(), ({ tenant, spec }) =>
    Object.keys(spec.models).map((model) => ({ tenant, model })),
  ).flat()

function* settle(world: World, life: string, model: ModelId): Steps<number | undefined> {
  for (let turn = 0; turn < TURNS_MAX; turn++) {
    const observed = yield* observe(world, life, model)
    const action = world.plans.train(observed)
    yield 'step'
    if (!(yield* act(world, life, observed, action))) {
      return 'until' in action ? action.until : undefined
    }
  }
  return undefined
}

function* observe(world: World, life: string, model: ModelId): Steps<Observed> {
  const name = servedName(model)
  const tenant = world.tenants.get(model.tenant)
  yield 'look'
  const versions = observeVersions(world, name, (claim) => ownerOf(world, life, claim))
  yield 'look'
  return { now: clockOf(world), model, tenant, versions, runs: world.runs.get(name) ?? [] }
}

/** The numbers that were taken, as the store shows them to somebody who knows some owners. */
export const observeVersions = (
  world: World,
  name: string,
  owner: (claim: Claim) => ObservedVersion['owner'],
): ObservedVersion[] =>
  Array.from(versionsOf(world, name), ([version, { claim, manifest }]) => ({
    version,
    claim,
    manifest,
    owner: claim === undefined ? 'unknown' : owner(claim),
  }))

/** A process knows which of its own machine's runs live; of another machine's it knows nothing. */
function ownerOf(world: World, life: string, { host }: Claim): ObservedVersion['owner'] {
  const [machine] = life.split('#')
  if (!host.startsWith(`${machine}#`)) return 'unknown'
  return world.alive.has(host) ? 'running' : 'gone'
}

/** Whether to look again. */
function* act(world: World, life: string, { model }: Observed, action: Action): Steps<boolean> {
  switch (action.kind) {
    case 'nothing':
    case 'wait':
      return false
    case 'publish':
      world.nudges.publish.push({ tenant: model.tenant })
      return false
    case 'giveUp': {
      const { run, request, born } = action.claim
      const manifest = { format: 1, run, request, born, by: 'trainer', at: isoOf(world) } as const
      createManifest(world, {
        name: servedName(model),
        version: action.version,
        manifest: { ...manifest, aborted: action.why },
      })
      return true
    }
    case 'train':
      yield* train(world, life, model, action)
      return true
  }
}

function* train(
  world: World,
  life: string,
  model: ModelId,
  { version, request }: Extract<Action, { kind: 'train' }>,
): Steps {
  const name = servedName(model)
  const common = {
    format: 1,
    run: makeUuid(world),
    request: request.id,
    born: request.born,
  } as const
  const claim: Claim = {
    ...common,
    traceparent: TRACE,
    host: life,
    at: isoOf(world),
    deadline: new Date(EPOCH_MS + world.now + CLAIM_MS).toISOString(),
  }
  if (!createClaim(world, { name, version, claim })) return
  yield 'step'
  const outcome = world.draw(OUTCOMES)
  if (outcome === 0 || outcome === 1) {
    const failure = outcome === 0 ? 'transient' : 'poison'
    yield* fail(world, name, { claim, version, failure, cause: request.cause })
    return
  }
  yield 'step'
  const digest = digestOfVersion(name, version)
  const file = { path: 'saved_model.pb', sizeBytes: 1, sha256: digest }
  const manifest: CommittedManifest = {
    ...common,
    traceparent: TRACE,
    files: [file],
    digest,
    sizeBytes: 1,
    lineage: { specDigest: request.specDigest, recipe: 'tabular-classifier' },
    queuedAt: claim.at,
    startedAt: claim.at,
    at: isoOf(world),
  }
  createManifest(world, { name, version, manifest })
  yield 'step'
  world.nudges.publish.push({ tenant: model.tenant })
}

interface Failed {
  claim: Claim
  version: number
  failure: Run['failure']
  cause: string
}

function* fail(world: World, name: string, { claim, version, failure, cause }: Failed): Steps {
  const { run, request, born } = claim
  const at = isoOf(world)
  const common = { format: 1, run, request, born, at } as const
  const reason = 'as the history has it'
  const record = { ...common, cause, version, failure, reason, startedAt: at, traceparent: TRACE }
  world.runs.set(name, [...(world.runs.get(name) ?? []), record])
  yield 'step'
  createManifest(world, { name, version, manifest: { ...common, aborted: reason, by: run } })
}
