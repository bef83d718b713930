import { mapBounded } from '@drover/basics'
import {
  canonicalJson,
  type ConfigEntry,
  type ConfigRef,
  type Culprit,
  differenceOf,
  EMPTY_CONFIG,
  type Models,
} from '@drover/model-config'
import type { Probe } from '@drover/inference'
import { AgentError } from './errors.ts'
import type { Confirmed } from './memory.ts'
import { type PulledConfig, pullConfig } from './pull/fleet-config.ts'
import type { ObjectCache } from './pull/objects.ts'
import type { Source } from './pull/source.ts'
import type { ServingTree } from './pull/tree.ts'
import type { Versions } from './pull/versions.ts'
import type { Admin } from './serve/admin.ts'
import {
  load,
  type Loaded,
  type LoadPorts,
  type NamedEntry,
  toCulprit,
  withoutCulprits,
} from './serve/load.ts'
import { verifyInProbe } from './verify/verify.ts'

const MODELS_AT_ONCE = 8

/** What an apply works with. */
export interface ApplyPorts {
  fleet: string
  cache: ObjectCache
  source: Source
  tree: ServingTree
  versions: Versions
  probe: Probe
  now: () => number
}

export interface ApplyOptions {
  /** Undefined for the empty config. */
  ref: ConfigRef | undefined
  /** What the model server serves now. */
  serving: ReadonlyMap<string, ConfigEntry>
  /** What was served last, though this process has not loaded it yet: from the disk. */
  lastGood: ReadonlyMap<string, ConfigEntry>
  signal: AbortSignal
}

/** What is ready to be given to the model server. Nothing was disturbed so far. */
export interface Prepared {
  config: PulledConfig
  upserts: NamedEntry[]
  removes: string[]
  /** For each model that changes, what to go back to. */
  fallbacks: Map<string, ConfigEntry>
  culprits: Culprit[]
}

/** What was served before an apply. */
export interface Before {
  serving: ReadonlyMap<string, ConfigEntry>
  drifting: ReadonlySet<string>
}

/** What is served after an apply. */
export interface Applied {
  confirmed: Omit<Confirmed, 'ref'>
  serving: Map<string, ConfigEntry>
}

/**
 * Pulls what a config adds and confirms each new version in the probe. Faults of versions are
 * `culprits`; anything else throws, and then nothing has happened to the model server.
 */
export async function prepare(ports: ApplyPorts, options: ApplyOptions): Promise<Prepared> {
  const { fleet, cache, source } = ports
  const { ref, serving, lastGood, signal } = options
  const sha = ref?.sha ?? EMPTY_CONFIG.sha
  const config = await pullConfig(cache, source, { fleet, sha })
  const { upserts, removes } = differenceOf(Object.fromEntries(serving), config.models)
  const prepared: Prepared = { config, upserts: [], removes, fallbacks: new Map(), culprits: [] }
  await mapBounded(Object.entries(upserts), MODELS_AT_ONCE, async (named) => {
    signal.throwIfAborted()
    const [name] = named
    const passed = withoutCulprits(named, await checkAll(ports, named, prepared.culprits))
    const before = serving.get(name) ?? (await recover(ports, named, lastGood.get(name)))
    // A re-created model never falls back to what its old owner had (PROTOCOL 1, `born`).
    const fallback = before?.born === named[1].born ? before : undefined
    if (fallback !== undefined) prepared.fallbacks.set(name, fallback)
    const entry = passed ?? fallback
    if (entry === undefined) prepared.removes.push(...(serving.has(name) ? [name] : []))
    else if (entry !== serving.get(name)) prepared.upserts.push([name, entry])
  })
  return prepared
}

/** Pulls and verifies all versions of a model; adds to `culprits` and gives back the model's own. */
async function checkAll(
  { versions, probe }: ApplyPorts,
  [name, entry]: NamedEntry,
  culprits: Culprit[],
): Promise<Culprit[]> {
  const own: Culprit[] = []
  for (const version of entry.versions) {
    try {
      const pulled = await versions.pull({ name, version })
      if (pulled.isVerified) continue
      await verifyInProbe(probe, pulled, await versions.golden(version))
      await versions.noteVerified(pulled)
    } catch (error) {
      own.push(toCulprit(name, version, error))
    }
  }
  culprits.push(...own)
  return own
}

/** What was served before this process: pulled again, which the cache answers. */
async function recover(
  ports: ApplyPorts,
  [name, wanted]: NamedEntry,
  entry: ConfigEntry | undefined,
): Promise<ConfigEntry | undefined> {
  if (entry === undefined || canonicalJson(entry) === canonicalJson(wanted)) return undefined
  try {
    return withoutCulprits([name, entry], await checkAll(ports, [name, entry], []))
  } catch (error) {
    // It is of use only if the cache still has it. A store that is away takes nothing else away.
    if (error instanceof AgentError) return undefined
    throw error
  }
}

/**
 * Gives what was prepared to the model server and confirms it there. A version that fails there
 * leaves its model on its last good ones. Throws when the server or the disk fails, half-way maybe.
 */
export async function deliver(
  { versions, tree, now }: ApplyPorts,
  admin: Admin,
  prepared: Prepared,
  before: Before,
): Promise<Applied> {
  const loading = { admin, tree, versions }
  const { config, upserts, removes, fallbacks } = prepared
  const serving = new Map([...before.serving, ...upserts])
  for (const name of removes) serving.delete(name)

  const first = await load(loading, upserts, removes)
  const retreats = retreatsOf(upserts, first, fallbacks)
  const second = await load(loading, retreats.upserts, retreats.removes)
  const lost = [...retreats.removes, ...second.culprits.map(({ name }) => name)]
  if (second.culprits.length > 0) await load(loading, [], lost)
  for (const [name, entry] of retreats.upserts) serving.set(name, entry)
  for (const name of lost) serving.delete(name)

  const failed = uniqueCulprits([...prepared.culprits, ...first.culprits], config.models)
  const changed = new Set([...upserts.map(([name]) => name), ...removes])
  const stillDrifting = [...before.drifting].filter((name) => !changed.has(name))
  const drifting = new Set([...stillDrifting, ...first.drifting, ...second.drifting])
  const { models, objects } = config
  return { confirmed: { models, objects, failed, drifting, confirmedAt: now() }, serving }
}

/** What to give the server instead of what failed on it: the versions that work, else the last good. */
function retreatsOf(
  upserts: readonly NamedEntry[],
  { culprits }: Loaded,
  fallbacks: ReadonlyMap<string, ConfigEntry>,
): { upserts: NamedEntry[]; removes: string[] } {
  const broken = new Set(culprits.map(({ name }) => name))
  const found: { upserts: NamedEntry[]; removes: string[] } = { upserts: [], removes: [] }
  for (const named of upserts.filter(([name]) => broken.has(name))) {
    const [name, entry] = named
    const fallback = fallbacks.get(name)
    const instead = withoutCulprits(named, culprits) ?? (fallback === entry ? undefined : fallback)
    if (instead === undefined) found.removes.push(name)
    else found.upserts.push([name, instead])
  }
  return found
}

/** Each version once, and only those that the config names: a fallback's fault rejects nothing. */
function uniqueCulprits(culprits: readonly Culprit[], models: Models): Culprit[] {
  const named = culprits.filter(({ name, version }) =>
    models[name]?.versions.some((each) => each.version === version),
  )
  return [...new Map(named.map((each) => [`${each.name} ${each.version}`, each])).values()]
}

/** Puts the model server back to what it served before a delivery that broke off. */
export async function putBack(
  { tree, versions: known }: ApplyPorts,
  admin: Admin,
  { upserts }: Prepared,
  { serving }: Before,
): Promise<void> {
  const versions: LoadPorts['versions'] = {
    golden: async () => undefined,
    engine: async (version) => await known.engine(version),
  }
  const added = upserts.map(([name]) => name).filter((name) => !serving.has(name))
  await load({ admin, tree, versions }, [...serving], added)
}
