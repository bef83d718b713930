import { mapBounded } from '@drover/basics'
import {
  type CommittedManifest,
  isCommitted,
  type ModelId,
  Name,
  requestOf,
  type Run,
  type Tenant,
  tenantsPrefix,
} from '@drover/model-config'
import { isObjectFault, type ModelStore } from '@drover/model-store'
import { observe, readRuns, readTenant, readVersions } from './observe.ts'
import { type Action, newestOf, type Observed, plan } from './plan.ts'
import type { ActiveRun } from './run.ts'
import { noTenant } from './tenants.ts'

const READS_AT_ONCE = 8
const FINAL = new Set(['data', 'quarantined', 'exhausted'])

/** What the views are made from beside the store. */
export interface ViewPlaces {
  store: ModelStore
  now: () => number
  activeRuns: () => ActiveRun[]
  queuedAt: (model: ModelId, request: string) => number | undefined
}

/** One model as people see it. */
export interface ModelView {
  born: number
  /** What it is to be trained with now; none for a pushed model. */
  request: RequestView | undefined
  /** Whether that request still waits for a version. */
  due: boolean
  running: boolean
  /** Why it waits or will not be tried again. */
  why: string | undefined
  /** When it is looked at again. */
  until: string | undefined
  quarantined: boolean
  newest:
    | Pick<CommittedManifest & { version: number }, 'version' | 'at' | 'request' | 'quality'>
    | undefined
  /** The last run that committed nothing, if it is newer than the newest version. */
  failure: { class: string; reason: string; at: string; run: string; final: boolean } | undefined
  /** Which of its objects cannot be read; nothing is known of its versions and runs then. */
  error?: string
}

interface RequestView {
  id: string
  trainRequestedAt: string | undefined
  slot: number | undefined
  queuedAt: string | undefined
}

/** A tenant with the state of each of its models. */
export async function viewTenant(places: ViewPlaces, name: string) {
  const tenant = await readTenant(places.store, name)
  if (tenant === undefined) throw noTenant(name)
  const models = Object.keys(tenant.spec.models)
  const views = await mapBounded(models, READS_AT_ONCE, async (model) => {
    const id = { tenant: name, model }
    return [model, await readModel(places, tenant, id)] as const
  })
  const { seq, generation, tombstone, spec, changedAt, traceparent } = tenant
  const changes = { seq, generation, tombstone, changedAt, traceparent }
  return { tenant: name, ...changes, spec, models: Object.fromEntries(views) }
}

/** One object that cannot be read must not hide the tenant's other models. */
async function readModel(places: ViewPlaces, tenant: Tenant, model: ModelId): Promise<ModelView> {
  const { store, now } = places
  try {
    return viewModel(places, { ...(await observe(store, model, now())), tenant })
  } catch (error) {
    if (!isObjectFault(error)) throw error
    const known = { now: now(), model, tenant, versions: [], runs: [] }
    const { message } = error
    return {
      ...viewModel(places, known),
      due: false,
      why: message,
      until: undefined,
      error: message,
    }
  }
}

function viewModel(places: ViewPlaces, observed: Observed & { tenant: Tenant }): ModelView {
  const { model, tenant, versions, runs } = observed
  const action = plan(observed)
  const born = tenant.models[model.model]?.born ?? 0
  const newest = newestOf(versions, born)
  const isActive = places
    .activeRuns()
    .some((run) => run.tenant === model.tenant && run.model === model.model)
  return {
    born,
    request: viewRequest(places, observed),
    due: ['train', 'giveUp', 'wait'].includes(action.kind),
    running: isActive || isMadeElsewhere(observed),
    why: 'why' in action ? action.why : undefined,
    until: 'until' in action ? instantOf(action.until) : undefined,
    quarantined: action.kind === 'nothing' && action.reason === 'quarantined',
    newest: newest && pick(newest),
    failure: failureOf(runs, { action, born, since: newest?.at }),
  }
}

const instantOf = (at: number | undefined): string | undefined =>
  at === undefined ? undefined : new Date(at).toISOString()

const pick = ({ version, at, request, quality }: NonNullable<ModelView['newest']>) => ({
  version,
  at,
  request,
  ...(quality === undefined ? {} : { quality }),
})

function viewRequest(
  { queuedAt }: ViewPlaces,
  { model, tenant, now }: Observed & { tenant: Tenant },
): RequestView | undefined {
  const request = requestOf(tenant, model.model, now)
  if (request === undefined) return undefined
  const { id, trainRequestedAt, slot } = request
  return { id, trainRequestedAt, slot, queuedAt: instantOf(queuedAt(model, id)) }
}

/** Whether another process seems to be making a version. */
function isMadeElsewhere({ versions, now }: Observed): boolean {
  return versions.some(
    ({ claim, manifest, owner }) =>
      claim !== undefined &&
      manifest === undefined &&
      owner !== 'gone' &&
      Date.parse(claim.deadline) > now,
  )
}

function failureOf(
  runs: readonly Run[],
  { action, born, since }: { action: Action; born: number; since: string | undefined },
): ModelView['failure'] {
  const last = runs.findLast((run) => run.born === born)
  if (last === undefined || (since !== undefined && last.at <= since)) return undefined
  return {
    class: last.failure,
    reason: last.reason,
    at: last.at,
    run: last.run,
    final: action.kind === 'nothing' && FINAL.has(action.reason),
  }
}

/** A page of tenants by name; one whose object cannot be read is listed with its error. */
export async function listTenants(
  store: ModelStore,
  { limit, after }: { limit: number; after: string },
) {
  const names = (await store.list(tenantsPrefix))
    .map((name) => name.replace(/\.json$/, ''))
    .filter((name) => Name.safeParse(name).success)
  const page = names.filter((name) => name > after).slice(0, limit)
  const unreadable: { tenant: string; error: string }[] = []
  const tenants = await mapBounded(page, READS_AT_ONCE, async (name) => {
    const tenant = await readTenant(store, name).catch((error: unknown) => {
      if (!isObjectFault(error)) throw error
      unreadable.push({ tenant: name, error: error.message })
    })
    if (tenant === undefined) return []
    const { generation, tombstone, spec } = tenant
    return [
      { tenant: name, generation, tombstone, fleet: spec.fleet, models: Object.keys(spec.models) },
    ]
  })
  const last = page.at(-1)
  const isMore = last !== undefined && names.some((name) => name > last)
  return {
    tenants: tenants.flat(),
    ...(unreadable.length > 0 ? { unreadable } : {}),
    ...(isMore ? { next: last } : {}),
  }
}

/** One run: under way, failed, or committed. */
export interface RunView extends ModelId {
  run: string
  request: string
  version: number | undefined
  state: 'running' | 'failed' | 'committed'
  since: string
  at: string | undefined
  failure: string | undefined
  reason: string | undefined
}

/**
 * The runs under way in this process; with a tenant also the newest ended ones of its models, the
 * newest first.
 */
export async function listRuns(
  places: ViewPlaces,
  {
    tenant,
    model,
    limit,
  }: { tenant?: string | undefined; model?: string | undefined; limit: number },
): Promise<{ runs: RunView[] }> {
  const running = places
    .activeRuns()
    .filter((run) => (tenant ?? run.tenant) === run.tenant && (model ?? run.model) === run.model)
    .map((run) => toView(run, { ...run, state: 'running' }))
  if (tenant === undefined) return { runs: running.slice(0, limit) }
  const models = model === undefined ? await modelsOf(places.store, tenant) : [model]
  const ended = await mapBounded(models, READS_AT_ONCE, async (each) => {
    return await endedRuns(places.store, { tenant, model: each })
  })
  const newestFirst = ended.flat().toSorted((a, b) => (a.since < b.since ? 1 : -1))
  // A run is known as ended by its record, a moment before its process lets go of it.
  const endedIds = new Set(newestFirst.map(({ run }) => run))
  const stillRunning = running.filter(({ run }) => !endedIds.has(run))
  return { runs: [...stillRunning, ...newestFirst].slice(0, limit) }
}

async function modelsOf(store: ModelStore, name: string): Promise<string[]> {
  const tenant = await readTenant(store, name)
  if (tenant === undefined) throw noTenant(name)
  return Object.keys(tenant.spec.models)
}

async function endedRuns(store: ModelStore, model: ModelId): Promise<RunView[]> {
  const [runs, versions] = await Promise.all([readRuns(store, model), readVersions(store, model)])
  const failed = runs.map((run) => {
    return toView(model, { ...run, state: 'failed', since: run.startedAt })
  })
  const committed = versions.flatMap(({ version, manifest }) =>
    manifest !== undefined && isCommitted(manifest)
      ? [toView(model, { ...manifest, version, state: 'committed', since: manifest.startedAt })]
      : [],
  )
  return [...failed, ...committed]
}

type Known = Pick<RunView, 'run' | 'request' | 'state' | 'since'> & Partial<RunView>

function toView({ tenant, model }: ModelId, known: Known): RunView {
  const { run, request, state, since, version, at, failure, reason } = known
  return { tenant, model, run, request, version, state, since, at, failure, reason }
}
