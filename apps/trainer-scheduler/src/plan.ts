import {
  type Claim,
  type CommittedManifest,
  isCommitted,
  type Manifest,
  type ModelId,
  requestOf,
  type Run,
  slotAt,
  type Tenant,
  type TrainingRequest,
} from '@drover/model-config'

/** How often a request may fail before it waits for a person. */
export const ATTEMPTS_MAX = 12
/** How many poisonous runs in a row put a model in quarantine. */
export const POISON_MAX = 3
const RETRY_MS = 1_000
const RETRY_MS_MAX = 300_000
const DOUBLINGS_MAX = 20

/** A number that was taken, as the store shows it. */
export interface ObservedVersion {
  version: number
  /** Missing while the number is being taken, and where only the folder is left. */
  claim: Claim | undefined
  manifest: Manifest | undefined
  /** What is known of the process that took it. */
  owner: 'running' | 'gone' | 'unknown'
}

/** One model, as the plan sees it. */
export interface Observed {
  now: number
  model: ModelId
  tenant: Tenant | undefined
  /** In any order; at least all that can be of the present request. */
  versions: readonly ObservedVersion[]
  /** The newest runs that committed nothing, in any order. */
  runs: readonly Run[]
}

/** Why nothing can be done before somebody changes something. */
export type Standstill = 'gone' | 'push' | 'data' | 'quarantined' | 'exhausted'

/** The one thing to do next. `until` is when to look again, in milliseconds. */
export type Action =
  | { kind: 'nothing'; reason: Standstill; why: string; until: number | undefined }
  | { kind: 'publish'; version: number; until: number | undefined }
  | { kind: 'giveUp'; version: number; claim: Claim; why: string }
  | { kind: 'wait'; until: number; why: string }
  | { kind: 'train'; version: number; request: TrainingRequest }

/**
 * What is next for one model. A request is done by its one committed version; a claim of it that
 * may still be running is waited for, one that cannot is given up first, and only when every older
 * claim of the request is known to be aborted a new number is taken. Taking that number fails when
 * anybody else took it meanwhile, so at most one version of a request is ever committed.
 */
export function plan(observed: Observed): Action {
  const { now, tenant, model, versions } = observed
  if (tenant === undefined) return gone('there is no such tenant')
  if (tenant.tombstone) return gone('the tenant was deleted')
  const spec = tenant.spec.models[model.model]
  if (spec === undefined) return gone('the tenant has no such model')
  const request = requestOf(tenant, model.model, now)
  if (request === undefined) {
    return { kind: 'nothing', reason: 'push', why: 'its versions are pushed', until: undefined }
  }
  const until =
    spec.every === undefined
      ? undefined
      : slotAt(`${model.tenant}.${model.model}`, spec.every, now).nextAt
  const taken = takeNumber(request.id, versions, now)
  if (taken.kind === 'publish') return { ...taken, until }
  if (taken.kind !== 'take') return taken
  const hindrance = findHindrance(observed, request, until)
  return hindrance ?? { kind: 'train', version: taken.version, request }
}

const gone = (why: string): Action => ({ kind: 'nothing', reason: 'gone', why, until: undefined })

/** What stands between a request and its next version's number. */
export type Taking =
  | { kind: 'publish'; version: number }
  | { kind: 'giveUp'; version: number; claim: Claim; why: string }
  | { kind: 'wait'; until: number; why: string }
  | { kind: 'take'; version: number }

/** The rule of numbers alone, which a push follows as well. */
export function takeNumber(
  request: string,
  versions: readonly ObservedVersion[],
  now: number,
): Taking {
  const mine = versions.filter(
    ({ claim, manifest }) => (manifest?.request ?? claim?.request) === request,
  )
  const done = mine.find(({ manifest }) => manifest !== undefined && isCommitted(manifest))
  if (done !== undefined) return { kind: 'publish', version: done.version }
  for (const { version, claim, manifest, owner } of mine) {
    if (manifest !== undefined || claim === undefined) continue
    const deadline = Date.parse(claim.deadline)
    const why = owner === 'gone' ? 'the process that took it is gone' : 'its deadline has passed'
    if (owner === 'gone' || deadline <= now) return { kind: 'giveUp', version, claim, why }
    return { kind: 'wait', until: deadline, why: `version ${version} is being made` }
  }
  return { kind: 'take', version: highestOf(versions) + 1 }
}

/** A folder alone takes no number: its CLAIM decides, so that two cannot be given out. */
function highestOf(versions: readonly ObservedVersion[]): number {
  const taken = versions.filter(({ claim, manifest }) => claim !== undefined || manifest)
  return taken.reduce((highest, { version }) => Math.max(highest, version), 0)
}

/** What earlier failures say about the next try; undefined when it may begin. */
function findHindrance(
  { now, versions, runs }: Observed,
  request: TrainingRequest,
  until: number | undefined,
): Action | undefined {
  const failed = runs.filter((run) => run.request === request.id)
  const data = failed.find(({ failure }) => failure === 'data')
  if (data !== undefined) return { kind: 'nothing', reason: 'data', why: data.reason, until }
  const poison = countPoison(runs, versions, request)
  if (poison.count >= POISON_MAX) {
    const why = `${poison.count} runs in a row failed: ${poison.reason}`
    return { kind: 'nothing', reason: 'quarantined', why, until }
  }
  const failures = attemptsOf(request.id, versions, failed)
  if (failures.length >= ATTEMPTS_MAX) {
    const why = `${failures.length} tries came to nothing`
    return { kind: 'nothing', reason: 'exhausted', why, until }
  }
  const next = Math.max(
    Math.max(0, ...failures) + delayAfter(failures.length),
    ...failed.map(endOfRest),
  )
  return next <= now
    ? undefined
    : { kind: 'wait', until: next, why: `try ${failures.length + 1} comes after a pause` }
}

/** Poisonous runs of the same cause, over all slots of a schedule, since the last good version. */
function countPoison(
  runs: readonly Run[],
  versions: readonly ObservedVersion[],
  { cause, born }: TrainingRequest,
): { count: number; reason: string } {
  const committed = newestOf(versions, born)
  const since = committed === undefined ? 0 : Date.parse(committed.at)
  const bad = runs
    .filter((run) => run.cause === cause && Date.parse(run.at) > since)
    .filter(({ failure }) => failure === 'poison')
  return { count: bad.length, reason: bad.at(-1)?.reason ?? '' }
}

/** The newest committed version of the model as it was born. */
export function newestOf(
  versions: readonly ObservedVersion[],
  born: number | undefined,
): (CommittedManifest & { version: number }) | undefined {
  return versions
    .flatMap(({ version, manifest }) =>
      manifest !== undefined && isCommitted(manifest) && manifest.born === born
        ? [{ ...manifest, version }]
        : [],
    )
    .reduce<(CommittedManifest & { version: number }) | undefined>(
      (best, each) => (best === undefined || each.version > best.version ? each : best),
      undefined,
    )
}

/**
 * When each try of the request failed: its records, and claims that somebody else gave up on, which
 * is how a try ends that took its whole process with it. One's own giving up, as at a stop, is none.
 */
function attemptsOf(
  request: string,
  versions: readonly ObservedVersion[],
  failed: readonly Run[],
): number[] {
  const attempts = new Map(failed.map((run) => [run.run, Date.parse(run.at)]))
  for (const { manifest } of versions) {
    if (manifest === undefined || isCommitted(manifest) || manifest.request !== request) continue
    if (manifest.by !== manifest.run && !attempts.has(manifest.run)) {
      attempts.set(manifest.run, Date.parse(manifest.at))
    }
  }
  return [...attempts.values()]
}

/** A program's own failure, such as its time limit, is not tried again before it rested as long as it ran. */
function endOfRest({ failure, startedAt, at }: Run): number {
  if (failure !== 'poison') return 0
  const end = Date.parse(at)
  return end + Math.min(RETRY_MS_MAX, Math.max(0, end - Date.parse(startedAt)))
}

/** The pause after so many failures. The first is tried again at once. */
function delayAfter(failures: number): number {
  if (failures < 2) return 0
  return Math.min(RETRY_MS_MAX, RETRY_MS * 2 ** Math.min(failures - 2, DOUBLINGS_MAX))
}
