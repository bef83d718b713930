import { ServedName, type ServedVersion, Version } from '@drover/model-config'
import type { ServableState } from '@drover/serving-api'
import { z } from 'zod'
import type { ControlLimits } from './limits.ts'
import type { Model, VersionObject } from './model.ts'
import type { Models } from './models.ts'
import { Pace } from '../event-loop/pace.ts'

const COUNT_DEFAULT = 100

/** `GET /drover/v1/models`: which models, and how many. */
export const ListQuery = (limits: Pick<ControlLimits, 'pageModelsMax'>) =>
  z.strictObject({
    /** Models with a version in this state. */
    state: z.enum(['START', 'LOADING', 'AVAILABLE', 'UNLOADING', 'END']).optional(),
    /** Models with a version in this engine; `cold` is on disk only. */
    engine: z.enum(['kernel', 'onnx', 'tensorflow', 'cold']).optional(),
    /** Models whose files cannot be seen or of which a wanted version has failed, or all others. */
    fault: z.enum(['true', 'false']).optional(),
    name: z.string().optional(),
    prefix: z.string().optional(),
    limit: z.coerce.number().int().min(1).max(limits.pageModelsMax).default(COUNT_DEFAULT),
    /** The last name of the page before. */
    after: z.string().optional(),
  })
export type ListQuery = z.output<ReturnType<typeof ListQuery>>

/** A version in the list. */
export interface ListedVersion {
  /** Decimal: an int64 is more than JSON's readers count with. */
  version: string
  state: ServableState
  /** When it came into this state, ISO 8601. */
  since: string
  engine?: string
  /** Of its files. */
  sizeBytes?: number
  residentBytes?: number
  directory: string
  error?: string
}

/** A model in the list. */
export interface ListedModel {
  name: string
  versions: ListedVersion[]
  labels: Record<string, string>
  /** What is wrong with its files, or what they wait for. */
  why?: string
  /** ISO 8601. */
  lastUsed?: string
  requests: number
  failures: number
}

/** A page, by name. */
export interface Page {
  models: ListedModel[]
  /** To ask for the next page with; absent on the last one. */
  after?: string
}

/** The next models after a name, in the order of their names. */
export async function pageOf(models: Models, query: ListQuery, limits: ControlLimits) {
  const pace = new Pace(limits.stretchMs)
  // One more than asked for shows whether there is another page.
  const countMax = query.limit + 1
  let page: string[] = []
  for (const name of query.name === undefined ? models.names() : [query.name]) {
    if (pace.step()) await pace.rest()
    const last = page.length < countMax ? undefined : page.at(-1)
    if (last !== undefined && name > last) continue
    const model = models.get(name)
    if (model !== undefined && isAskedFor(model, query)) page = insert(page, name, countMax)
  }
  const hasMore = page.length > query.limit
  const names = hasMore ? page.slice(0, -1) : page
  const after = names.at(-1)
  const listed = names.flatMap((name) => {
    const model = models.get(name)
    return model === undefined ? [] : [listedOf(model, models)]
  })
  return { models: listed, ...(hasMore && after !== undefined && { after }) } satisfies Page
}

/** A sorted list with one more name in it, of bounded length. */
function insert(sorted: string[], name: string, countMax: number): string[] {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((sorted[middle] ?? '') < name) low = middle + 1
    else high = middle
  }
  sorted.splice(low, 0, name)
  if (sorted.length > countMax) sorted.pop()
  return sorted
}

function isAskedFor(model: Model, { state, engine, fault, prefix, after }: ListQuery): boolean {
  if (after !== undefined && model.name <= after) return false
  if (prefix !== undefined && !model.name.startsWith(prefix)) return false
  if (state !== undefined && !model.versions.some((each) => each.state === state)) return false
  if (fault !== undefined && `${hasFault(model)}` !== fault) return false
  return engine === undefined || model.versions.some((each) => engineOf(each) === engine)
}

const hasFault = (model: Model): boolean =>
  model.wanted.fault !== undefined ||
  model.versions.some((each) => each.hasFailed && model.isWanted(each))

const engineOf = ({ state, loaded }: VersionObject): string | undefined =>
  loaded?.engine ?? (state === 'AVAILABLE' ? 'cold' : undefined)

function listedOf(model: Model, models: Models): ListedModel {
  const { lastUsedMs, requests, failures } = models.usageOf(model.name)
  const why = model.wanted.fault ?? model.wanted.pending
  return {
    name: model.name,
    versions: model.versions.map(listedVersionOf).toReversed(),
    labels: Object.fromEntries(Array.from(model.labels, ([label, each]) => [label, `${each}`])),
    ...(why !== undefined && { why }),
    ...(lastUsedMs > 0 && { lastUsed: new Date(lastUsedMs).toISOString() }),
    requests,
    failures,
  }
}

function listedVersionOf(each: VersionObject): ListedVersion {
  const { version, state, sinceMs, loaded, wanted, error } = each
  const engine = engineOf(each)
  const sizeBytes = loaded?.sizeBytes ?? wanted.sizeBytes
  return {
    version: `${version}`,
    state,
    since: new Date(sinceMs).toISOString(),
    ...(engine !== undefined && { engine }),
    ...(sizeBytes !== undefined && { sizeBytes }),
    ...(loaded && { residentBytes: loaded.residentBytes }),
    directory: wanted.directory,
    ...(error !== undefined && { error }),
  }
}

const ENGINES = ['kernel', 'onnx', 'tensorflow'] as const

/**
 * What the agent is told of a model: all versions that are wanted or not over. Nothing of a model
 * whose name or number its contract cannot carry: no agent asked for it.
 */
export function servedVersionsOf(model: Model): ServedVersion[] {
  if (!ServedName.safeParse(model.name).success) return []
  return model.told().flatMap(({ version, state, error }) => {
    const found = model.versions.findLast(
      (each) => each.version === version && each.state === state,
    )
    const number = Version.safeParse(Number(version))
    const isListed = found !== undefined && (state !== 'END' || model.isWanted(found))
    if (!isListed || !number.success) return []
    const engine = ENGINES.find((name) => name === found.loaded?.engine)
    return [
      {
        name: model.name,
        version: number.data,
        state,
        ...(engine !== undefined && { engine }),
        sizeBytes: found.loaded?.sizeBytes ?? 0,
        ...(error !== undefined && { error }),
      },
    ]
  })
}
