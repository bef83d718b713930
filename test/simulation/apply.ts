import {
  type ConfigEntry,
  type ConfigRef,
  type Culprit,
  differenceOf,
  type Models,
} from '@drover/model-config'
import type { Action } from '@drover/tf-server'
import {
  type Agent,
  change,
  type Confirmed,
  diskOf,
  endedUnder,
  endServer,
  type Serving,
  updateDisk,
} from './agent.ts'
import { configOf, type Fleet } from './fleet.ts'
import { digestOfVersion } from './gate.ts'
import { strike, versionsOf } from './store.ts'
import { clockOf, hasTrouble, type Steps, type World } from './world.ts'

export type Outcome = 'answered' | 'refused' | 'outdone'

/** Carries an apply out as an agent does: for each model what fails keeps what was served before. */
export function* apply(
  fleet: Fleet,
  agent: Agent,
  { ref, fence }: Extract<Action, { kind: 'apply' }>,
): Steps<Outcome> {
  change(agent, { applying: ref })
  try {
    return yield* deliver(fleet, agent, ref, fence)
  } finally {
    change(agent, { applying: undefined })
  }
}

function* deliver(
  fleet: Fleet,
  agent: Agent,
  ref: ConfigRef | undefined,
  fence: number | undefined,
): Steps<Outcome> {
  const { world } = fleet
  const { url } = agent
  yield 'step'
  if (hasTrouble(world, 'away', url) && !isCached(world, url, ref)) {
    change(agent, { impaired: true })
    return 'refused'
  }
  const models = configOf(fleet, ref)
  const { serving, failed, loads } = yield* prepare(world, agent, models)
  world.saw(agent.stamp)
  const refusal = refusalOf(world, agent, fence)
  if (refusal !== undefined) return refusal
  const isNew = noteOnDisk(world, agent, ref)
  const isAnswer = isAnswerToEnd(world, agent, ref, fence)
  if (ref !== undefined && fence !== undefined) world.check.tried(fleet, url, { ref, fence })
  yield 'step'
  if (!loadAll(world, agent, loads)) return 'refused'
  confirm(world, agent, { ref, models, failed, confirmedAt: clockOf(world) }, serving)
  if (isNew) change(agent, { changedAt: clockOf(world) })
  if (isAnswer) settleEnd(world, agent)
  world.check.served(world, url)
  if (ref !== undefined) world.check.confirmed(fleet, url, ref)
  return 'answered'
}

/** What ended or came in between while the config was prepared. */
function refusalOf(world: World, agent: Agent, fence: number | undefined): Outcome | undefined {
  if (!agent.serverUp) return 'refused'
  return fence === undefined || world.plans.obeys(fence, agent.fence) ? undefined : 'outdone'
}

/** Before the model server hears of it: whether the config is one that was not confirmed here before. */
function noteOnDisk(world: World, { url, fence }: Agent, ref: ConfigRef | undefined): boolean {
  const isNew = ref !== undefined && diskOf(world, url).confirmed?.ref?.sha !== ref.sha
  updateDisk(world, url, { fence, ...(isNew ? { applying: ref } : {}) })
  return isNew
}

/** Whether all that is needed of a config is on the server's own disk. */
function isCached(world: World, url: string, ref: ConfigRef | undefined): boolean {
  const { confirmed, seenLive } = diskOf(world, url)
  return [confirmed?.ref, seenLive?.ref].some((each) => each !== undefined && each.sha === ref?.sha)
}

/** Whether the model server lived through it. */
function loadAll(world: World, agent: Agent, loads: Prepared['loads']): boolean {
  if (!agent.serverUp) return false
  if (!loads.some(([name, version]) => strike(world, name, version))) return true
  endServer(world, agent)
  return false
}

function settleEnd(world: World, agent: Agent): void {
  change(agent, { end: undefined })
  updateDisk(world, agent.url, { endedUnder: undefined })
}

/** A command, or a newer config, is the answer to what ended under an older one. */
function isAnswerToEnd(
  world: World,
  agent: Agent,
  ref: ConfigRef | undefined,
  fence: number | undefined,
): boolean {
  const under = endedUnder(world, agent)
  return fence !== undefined || (ref !== undefined && under !== undefined && ref.seq > under.seq)
}

function confirm(world: World, agent: Agent, confirmed: Confirmed, serving: Serving): void {
  change(agent, { confirmed, serving, missingBefore: 0 })
  const { ref } = confirmed
  updateDisk(world, agent.url, { applying: undefined, serving, confirmed: ref && confirmed })
}

interface Prepared {
  serving: Serving
  failed: Culprit[]
  /** Versions that the model server has to load. */
  loads: [string, number][]
}

/** Confirms each new version in the probe; decides what is to be served instead of what fails. */
function* prepare(world: World, agent: Agent, models: Models): Steps<Prepared> {
  const before = agent.serving
  const lastGood = agent.confirmed === undefined ? diskOf(world, agent.url).serving : before
  const { upserts, removes } = differenceOf(Object.fromEntries(before), models)
  const serving = new Map(before)
  const prepared: Prepared = { serving, failed: [], loads: [] }
  for (const [name, entry] of Object.entries(upserts)) {
    yield 'look'
    const version = versionIn(entry)
    const { fate } = versionsOf(world, name).get(version) ?? {}
    if (fate?.brokenOn.includes(agent.url) === false) {
      serving.set(name, entry)
      prepared.loads.push([name, version])
      continue
    }
    const digest = digestOfVersion(name, version)
    prepared.failed.push({ name, version, digest, reason: 'does not load' })
    const fallback = before.get(name) ?? lastGood.get(name)
    // A re-created model never falls back to what its old owner had.
    if (fallback?.born === entry.born) {
      serving.set(name, fallback)
      if (!before.has(name)) prepared.loads.push([name, versionIn(fallback)])
    } else {
      serving.delete(name)
    }
  }
  for (const name of removes) serving.delete(name)
  return prepared
}

const versionIn = (entry: ConfigEntry): number => entry.versions[0]?.version ?? 0
