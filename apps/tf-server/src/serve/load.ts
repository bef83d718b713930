import { mapBounded, reasonOf } from '@drover/basics'
import type {
  ConfigEntry,
  ConfigVersion,
  Culprit,
  ServedList,
  ServedModel,
} from '@drover/model-config'
import type { GoldenAnswers } from '@drover/serving-api'
import { groupsOf } from '../bounded.ts'
import { AgentError } from '../errors.ts'
import type { ServingTree } from '../pull/tree.ts'
import type { Versions } from '../pull/versions.ts'
import { compareEncoded } from '../verify/verify.ts'
import type { Admin } from './admin.ts'

/** So many models go in one delta: what is in flight and in memory stays bounded. */
const DELTA_MODELS_MAX = 128
const REPLAYS_AT_ONCE = 8

/** A model by its served name, and what is to be served of it. */
export type NamedEntry = readonly [name: string, entry: ConfigEntry]

export interface LoadPorts {
  admin: Admin
  tree: Pick<ServingTree, 'basePath'>
  versions: Pick<Versions, 'golden' | 'engine'>
}

/** What a model server made of a delta. */
export interface Loaded {
  /** Versions that did not load or answered wrongly; their models may still be half there. */
  culprits: Culprit[]
  drifting: Set<string>
}

/**
 * Gives a delta to the model server, waits until everything in it has settled, and replays the
 * golden requests of what is new on the server itself. Throws only when the server or the disk
 * fails: a fault of a version is in the answer.
 */
export async function load(
  { admin, tree, versions }: LoadPorts,
  upserts: readonly NamedEntry[],
  removes: readonly string[],
): Promise<Loaded> {
  const loaded: Loaded = { culprits: [], drifting: new Set() }
  for (const names of groupsOf(removes, DELTA_MODELS_MAX)) await admin.change([], names)
  let replaying = Promise.resolve()
  try {
    for (const group of groupsOf(upserts, DELTA_MODELS_MAX)) {
      const served = await Promise.all(group.map(toServed({ tree, versions })))
      const list = await admin.change(served, [])
      // One group is replayed while the next one is loaded.
      await replaying
      replaying = confirmAll({ admin, versions }, { group, list, loaded })
      // A failure is heard of at the next wait.
      replaying.catch(() => {})
    }
  } finally {
    await replaying
  }
  return loaded
}

/** Replays the golden requests of a group's versions, and notes what comes of it in `loaded`. */
async function confirmAll(
  { admin, versions }: Pick<LoadPorts, 'admin' | 'versions'>,
  { group, list, loaded }: { group: readonly NamedEntry[]; list: ServedList; loaded: Loaded },
): Promise<void> {
  const loading = group.flatMap(([name, entry]) =>
    entry.versions.map((version) => ({ name, version })),
  )
  await mapBounded(loading, REPLAYS_AT_ONCE, async ({ name, version }) => {
    try {
      requireAvailable(list, name, version)
      const answers = await versions.golden(version)
      if (await replay(admin, { name, version: version.version }, answers))
        loaded.drifting.add(name)
    } catch (error) {
      loaded.culprits.push(toCulprit(name, version, error))
    }
  })
}

const toServed =
  ({ tree, versions: known }: Pick<LoadPorts, 'tree' | 'versions'>) =>
  async ([name, { versions, labels }]: NamedEntry): Promise<ServedModel> => {
    const engines = await Promise.all(versions.map(async (each) => await known.engine(each)))
    const numbers = versions.map(({ version }) => version)
    const onTensorflow = numbers.filter((_, index) => engines[index] === 'tensorflow')
    return {
      name,
      basePath: tree.basePath(name),
      versions: numbers,
      labels,
      ...(onTensorflow.length > 0 && { onTensorflow }),
    }
  }

function requireAvailable(list: ServedList, name: string, { version }: ConfigVersion): void {
  const found = list.versions.find((each) => each.name === name && each.version === version)
  if (found?.state === 'AVAILABLE') return
  if (found?.state === 'END')
    throw new AgentError('FAULT', `it does not load on the server: ${found.error ?? 'no reason'}`)
  const state = found?.state ?? 'nothing'
  throw new AgentError('SERVER_ENDED', `the model server says ${state} of ${name} ${version}`)
}

/** Replays golden requests; true when an answer is further off than it should be. */
async function replay(
  admin: Admin,
  { name, version }: { name: string; version: number },
  answers: GoldenAnswers | undefined,
): Promise<boolean> {
  let isDrifting = false
  for (const [index, golden] of (answers?.requests ?? []).entries()) {
    const outputs = await admin.run(name, version, golden)
    const { agreement, reason } = compareEncoded(golden.outputs, outputs)
    if (agreement === 'differs')
      throw new AgentError('FAULT', `the server answers golden request ${index} wrongly: ${reason}`)
    isDrifting ||= agreement === 'drifts'
  }
  return isDrifting
}

/** The culprit of a proven fault; whatever proves nothing is thrown on. */
export function toCulprit(name: string, version: ConfigVersion, error: unknown): Culprit {
  if (!(error instanceof AgentError) || error.code !== 'FAULT') throw error
  return { name, version: version.version, digest: version.manifest, reason: reasonOf(error) }
}

/** An entry without the culprits' versions; undefined when none is left. */
export function withoutCulprits(
  [name, entry]: NamedEntry,
  culprits: readonly Culprit[],
): ConfigEntry | undefined {
  const versions = entry.versions.filter(
    ({ version }) => !culprits.some((each) => each.name === name && each.version === version),
  )
  if (versions.length === 0) return undefined
  const numbers = new Set(versions.map(({ version }) => version))
  const labels = Object.entries(entry.labels).filter(([, version]) => numbers.has(version))
  return { born: entry.born, versions, labels: Object.fromEntries(labels) }
}
