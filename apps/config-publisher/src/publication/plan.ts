import {
  chooseVersion,
  type ConfigEntry,
  type ConfigVersion,
  differenceOf,
  isCommitted,
  isPending,
  isRejected,
  type Models,
  openUndo,
  parseServedName,
  standingVerdict,
  usableVersions,
} from '@drover/model-config'
import { isDeclared, type NamedModel, pinOf, type PublicationObserved } from './observed.ts'
import { type DuePins, duePins, undoneNames } from './undo.ts'

export type { NamedModel, PublicationObserved } from './observed.ts'

/** Longest time that changes gather while a rollout is under way. */
export const GATHER_MS = 1_000
/** Removals that nothing explains: more than this share of what is live, and more than one, are not published. */
export const SHRINK_SHARE_MAX = 0.01
/** A config that failed for its server is tried again after this long, then twice as long, and so on. */
export const AGAIN_MS = 5_000
export const AGAIN_MS_MAX = 10 * 60_000
export const AGAIN_TIMES_MAX = 12

/** A failing verdict that a rollout calls for. */
export interface DueVerdict {
  name: string
  version: number
  n: number
  digest: string
  rejectedSeq: number
  reason: string
}

export type PublicationAction =
  /** Write these verdicts, then observe again. */
  | { kind: 'verdicts'; verdicts: readonly DueVerdict[] }
  /** Write these pins for an undo, then observe again. */
  | { kind: 'undo'; due: readonly DuePins[] }
  /** Make these models the candidate. `refused` are removals that were left out of it. */
  | { kind: 'publish'; models: Models; refused: readonly string[] }
  /** Nothing to publish but removals that nothing explains. */
  | { kind: 'refuse'; refused: readonly string[] }
  /** A rollout is under way: look again at the latest then, since more changes may come. */
  | { kind: 'gather'; until: number }
  /** Nothing now; look again then. */
  | { kind: 'later'; at: number }

/** What the publisher does next for a fleet. */
export function plan(observed: PublicationObserved): PublicationAction | undefined {
  const verdicts = dueVerdicts(observed)
  if (verdicts.length > 0) return { kind: 'verdicts', verdicts }
  const due = duePins(observed)
  return due.length > 0 ? { kind: 'undo', due } : planCandidate(observed)
}

function planCandidate(observed: PublicationObserved): PublicationAction | undefined {
  const { now, channel, base, since } = observed
  const { models, refused, frozen } = wantedModels(observed)
  // A candidate above it says that the undo is done, whether or not it is another one.
  if (openUndo(channel) !== undefined) return { kind: 'publish', models, refused }
  if (isSame(base, models)) {
    const again = planAgain(observed)
    if (refused.length > 0 && again === undefined) return { kind: 'refuse', refused }
    return frozen && channel.freeze
      ? { kind: 'later', at: Date.parse(channel.freeze.until) }
      : again
  }
  const isBusy = channel.rollout !== undefined || isPending(channel)
  if (isBusy && since !== undefined && now < since + GATHER_MS) {
    return { kind: 'gather', until: since + GATHER_MS }
  }
  return { kind: 'publish', models, refused }
}

function isSame(before: Models, after: Models): boolean {
  const { upserts, removes } = differenceOf(before, after)
  return Object.keys(upserts).length === 0 && removes.length === 0
}

/** A culprit's verdict is written once for each rejected config, and only over one that still passes. */
function dueVerdicts({ channel, fleet, named }: PublicationObserved): DueVerdict[] {
  const due = new Map<string, DueVerdict>()
  for (const { kind, seq, culprits } of channel.rejected) {
    if (kind !== 'model') continue
    for (const { name, version, digest, reason } of culprits) {
      const record = named[name]?.versions.find((each) => each.version === version)
      if (record?.manifest === undefined || !isCommitted(record.manifest)) continue
      const { manifest, verdicts } = record
      const standing = standingVerdict({ ...record, manifest }, fleet)
      const isWritten = verdicts.some((each) => each.fleet === fleet && each.rejectedSeq === seq)
      if (manifest.digest !== digest || standing?.pass !== true || isWritten) continue
      const n = Math.max(...verdicts.map((each) => each.n)) + 1
      due.set(`${name}/${version}`, { name, version, n, digest, rejectedSeq: seq, reason })
    }
  }
  return [...due.values()]
}

/** The base with the named models as they are chosen now, as far as freeze and shrink guard allow. */
function wantedModels(observed: PublicationObserved) {
  const { now, channel, base, named } = observed
  const isFrozen = channel.freeze !== undefined && Date.parse(channel.freeze.until) > now
  const models: Record<string, ConfigEntry> = { ...base }
  const undone = undoneNames(observed)
  let frozen = false
  for (const [name, each] of Object.entries(named)) {
    const entry = entryOf(name, each, observed) ?? liveInstead(name, each, observed)
    const isChanged = !isSame(only(name, base[name]), only(name, entry))
    const mayThaw = undone.includes(name) || isRollback(name, each, base[name], entry)
    if (isFrozen && isChanged && !mayThaw) {
      frozen = true
    } else if (entry === undefined) {
      delete models[name]
    } else if (isChanged) {
      models[name] = entry
    }
  }
  const refused = refusedRemovals(observed, models)
  for (const name of refused) {
    const entry = base[name]
    if (entry !== undefined) models[name] = entry
  }
  return { models, refused, frozen }
}

const only = (name: string, entry: ConfigEntry | undefined): Models =>
  entry === undefined ? {} : { [name]: entry }

function entryOf(
  name: string,
  each: NamedModel,
  { fleet }: PublicationObserved,
): ConfigEntry | undefined {
  const { model } = parseServedName(name)
  const born = each.tenant?.models[model]?.born
  const chosen = chooseVersion(each.tenant, model, fleet, each.versions, each.controls)
  return chosen && born !== undefined ? { born, versions: [chosen], labels: {} } : undefined
}

/**
 * What is live, for a culprit of which no version passes (PROTOCOL 6): better than nothing as long
 * as nothing speaks against it.
 */
function liveInstead(
  name: string,
  each: NamedModel,
  { channel, live, fleet }: PublicationObserved,
): ConfigEntry | undefined {
  const entry = live[name]
  const culprits = channel.rejected
    .flatMap((rejection) => rejection.culprits)
    .filter((culprit) => culprit.name === name)
  if (entry === undefined || culprits.length === 0 || !isDeclared(name, each, fleet)) {
    return undefined
  }
  const { model } = parseServedName(name)
  if (entry.born !== each.tenant?.models[model]?.born) return undefined
  const { version: pin = Infinity } = pinOf(name, each) ?? {}
  const mayStay = (version: ConfigVersion): boolean =>
    pin !== 'none' &&
    version.version <= pin &&
    !culprits.some(
      (culprit) => culprit.version === version.version && culprit.digest === version.manifest,
    ) &&
    !isCondemned(version, each, fleet)
  return entry.versions.every(mayStay) ? entry : undefined
}

/** Whether the version was judged badly or is another one by now; one of which nothing is left was not. */
function isCondemned(
  { version, manifest: digest }: ConfigVersion,
  { versions }: NamedModel,
  fleet: string,
): boolean {
  const record = versions.find((each) => each.version === version)
  if (record?.manifest === undefined) return false
  const { manifest } = record
  if (!isCommitted(manifest) || manifest.digest !== digest) return true
  return standingVerdict({ ...record, manifest }, fleet)?.pass === false
}

/** A pin that takes a model down: the one change that no freeze stops. */
function isRollback(
  name: string,
  each: NamedModel,
  before: ConfigEntry | undefined,
  after: ConfigEntry | undefined,
): boolean {
  if (before === undefined || pinOf(name, each) === undefined) return false
  return highest(after) < highest(before)
}

const highest = (entry: ConfigEntry | undefined): number => entry?.versions[0]?.version ?? 0

/**
 * What would leave the fleet for no reason that is on record, when that is more than a little. What
 * the base has lost already was let go before: it counts, and does not come back.
 */
function refusedRemovals(observed: PublicationObserved, models: Models): string[] {
  const { base, live, named, fleet, allowedRemovals } = observed
  const removed = Object.keys(live).filter(
    (name) =>
      models[name] === undefined &&
      !allowedRemovals.includes(name) &&
      !isExplained(name, live[name], named[name], fleet),
  )
  const allowed = Math.max(1, Math.floor(Object.keys(live).length * SHRINK_SHARE_MAX))
  return removed.length > allowed ? removed.filter((name) => base[name] !== undefined) : []
}

function isExplained(
  name: string,
  before: ConfigEntry | undefined,
  each: NamedModel | undefined,
  fleet: string,
): boolean {
  const tenant = each?.tenant
  if (each === undefined || tenant === undefined) return false
  if (!isDeclared(name, each, fleet) || pinOf(name, each) !== undefined) return true
  const { model } = parseServedName(name)
  const served = each.versions.find(({ version }) => version === highest(before))
  if (served === undefined) return false
  const [usable] = usableVersions([served], tenant.models[model]?.born)
  // Of an earlier owner, or condemned since.
  if (usable === undefined) return served.manifest !== undefined
  return standingVerdict(usable, fleet)?.pass === false
}

/** A config that failed for its server and not for a model is offered again, ever more slowly. */
function planAgain(observed: PublicationObserved): PublicationAction | undefined {
  const { now, channel, base, rejectedSince } = observed
  const { candidate, rejected, freeze } = channel
  if (candidate === undefined || !isRejected(channel, candidate)) return undefined
  const tries = rejected.filter(({ sha }) => sha === candidate.sha)
  const blamesModels = tries.some(({ culprits }) => culprits.length > 0)
  if (blamesModels || tries.length > AGAIN_TIMES_MAX) return undefined
  const backoffMs = Math.min(AGAIN_MS * 2 ** (tries.length - 1), AGAIN_MS_MAX)
  const freezeEnd = freeze === undefined ? 0 : Date.parse(freeze.until)
  const at = Math.max((rejectedSince ?? now) + backoffMs, freezeEnd)
  return now >= at ? { kind: 'publish', models: base, refused: [] } : { kind: 'later', at }
}
