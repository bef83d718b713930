import { type ModelServerModel, Name, ServedName } from '@drover/model-config'

const NAME_CHARACTERS_MAX = 63

/** What is on the disk below a base path, and what Drover has already. */
export interface ImportObserved {
  models: readonly ModelServerModel[]
  /** By base path: the version folders; undefined: it cannot be read. */
  versions: ReadonlyMap<string, readonly bigint[] | undefined>
  /** Served names that are declared already. */
  known: ReadonlySet<string>
  /** The client for models whose names do not say one. */
  tenantOf: string | undefined
  /** Whether every version comes that the set-up serves, and not only the highest. */
  allVersions: boolean
}

/** A model that is taken over, as versions trained elsewhere. */
export interface Import {
  from: string
  name: string
  /** The version that is to be served. */
  directory: string
  /** Those that come before it, the lowest first, so that there is one to go back to. */
  older: readonly string[]
  /** What of the set-up does not come along. */
  notes: readonly string[]
}

export interface ImportPlan {
  imports: readonly Import[]
  /** Models that are left alone, for they are there already. */
  known: readonly { from: string; name: string }[]
  refusals: readonly { from: string; why: string }[]
}

/** What taking over a TF Serving set-up would do, and what stands in its way. Pure. */
export function planImport(observed: ImportObserved): ImportPlan {
  const named = observed.models.map((model) => ({ model, ...nameFor(model.name, observed) }))
  const imports: Import[] = []
  const known: { from: string; name: string }[] = []
  const refusals: { from: string; why: string }[] = []
  for (const { model, name, why } of named) {
    const from = model.name
    const clash = named.find((each) => each.model !== model && name && each.name === name)
    const version = versionFor(model, observed)
    if (name === undefined) refusals.push({ from, why })
    else if (clash !== undefined) {
      refusals.push({ from, why: `${clash.model.name} would be called ${name} as well` })
    } else if (observed.known.has(name)) known.push({ from, name })
    else if ('why' in version) refusals.push({ from, why: version.why })
    else {
      imports.push({ from, name, ...versionsOf(model, version, observed) })
    }
  }
  return { imports, known, refusals }
}

/** A served name stays; of any other name what may be in one stays, under the client that was named. */
function nameFor(
  name: string,
  { tenantOf }: ImportObserved,
): { name: string; why?: undefined } | { name?: undefined; why: string } {
  if (ServedName.safeParse(name).success) return { name }
  if (tenantOf === undefined) {
    return { why: 'no <tenant>.<model>: name a client for such models with --tenant-of' }
  }
  const model = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replace(/^-/, '')
    .slice(0, NAME_CHARACTERS_MAX)
    .replace(/-$/, '')
  if (!Name.safeParse(model).success) return { why: 'nothing of its name may be in a served name' }
  return { name: `${tenantOf}.${model}` }
}

interface Found {
  version: bigint
  /** Others that are served now. */
  others: readonly bigint[]
}

/** The highest of the versions that the set-up serves. */
function versionFor(model: ModelServerModel, observed: ImportObserved): Found | { why: string } {
  const { basePath, modelPlatform, versionPolicy: policy } = model
  if (!['', 'tensorflow'].includes(modelPlatform) || model.modelType === 'OTHER') {
    return { why: `its platform is ${modelPlatform || 'another one'}, not tensorflow` }
  }
  if (!basePath.startsWith('/')) return { why: `${basePath} is no folder of this machine` }
  const all = observed.versions.get(basePath)
  if (all === undefined) return { why: `${basePath} cannot be read` }
  const sorted = all.toSorted((a, b) => (a < b ? 1 : -1))
  const served =
    policy.kind === 'specific'
      ? sorted.filter((version) => policy.versions.includes(version))
      : sorted.slice(0, policy.kind === 'latest' ? policy.numVersions : undefined)
  const [version, ...others] = served
  return version === undefined
    ? { why: `${basePath} has no version that is served` }
    : { version, others }
}

function versionsOf(
  { basePath, versionLabels }: ModelServerModel,
  { version, others }: Found,
  { allVersions }: ImportObserved,
): Omit<Import, 'from' | 'name'> {
  const labels = Object.keys(versionLabels)
  const directoryOf = (each: bigint) => `${basePath.replace(/\/+$/, '')}/${each}`
  const some = `of ${[version, ...others].join(', ')} only the first`
  const all = `after ${others.toReversed().join(', ')}, to which it can go back`
  return {
    directory: directoryOf(version),
    older: allVersions ? others.toReversed().map(directoryOf) : [],
    notes: [
      ...(others.length > 0 ? [allVersions ? all : some] : []),
      ...(labels.length > 0 ? [`without its labels ${labels.join(', ')}`] : []),
    ],
  }
}
