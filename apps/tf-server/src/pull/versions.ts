import { stat } from 'node:fs/promises'
import { allDone, mapBounded } from '@drover/basics'
import {
  type ConfigVersion,
  type FileEntry,
  madePrefix,
  parseServedName,
  type Verdict,
  versionPrefix,
} from '@drover/model-config'
import { GoldenAnswers } from '@drover/serving-api'
import { AgentError } from '../errors.ts'
import type { ObjectCache } from './objects.ts'
import { type NamedVersion, openOutlines, type Outline } from './outlines.ts'
import type { Source } from './source.ts'
import type { ServingTree } from './tree.ts'

const FILES_AT_ONCE = 8
/** What the gate made for servers, among its files. */
const GOLDEN_FILE = 'golden.json'
const decoder = new TextDecoder('utf-8', { fatal: true })

/** A version that is in the serving tree, every byte checked. */
export interface PulledVersion extends NamedVersion {
  directory: string
  /** Whether a probe has confirmed exactly this before. */
  isVerified: boolean
  engine: Verdict['engine']
}

/** Brings versions from the store into the serving tree, and knows what was verified of them. */
export interface Versions {
  /** Throws `FAULT` when the version is wrong in the store, `IMPAIRED` when that cannot be told. */
  pull(named: NamedVersion): Promise<PulledVersion>
  /** The gate's requests and answers; undefined when it made none. The version must have been pulled. */
  golden(version: ConfigVersion): Promise<GoldenAnswers | undefined>
  /** Remembers, also after a restart, that a probe has confirmed the version. */
  noteVerified(version: PulledVersion): Promise<void>
  /** What the gate found to serve a version. The version must have been verified. */
  engine(version: ConfigVersion): Promise<Verdict['engine']>
  /** The objects that a version needs, as far as they are known here. */
  objectsOf(version: ConfigVersion): Promise<string[]>
}

export interface VersionPorts {
  cache: ObjectCache
  tree: ServingTree
  source: Source
}

export async function openVersions(folder: string, ports: VersionPorts): Promise<Versions> {
  const { cache, tree, source } = ports
  const outlines = await openOutlines(folder, { cache, source })
  /** Trees built by this process. An older one may have been cut short by a crash of the machine. */
  const built = new Map<string, string>()

  async function fetchAll(prefix: string, files: readonly FileEntry[]) {
    const objects: { entry: FileEntry; object: string }[] = []
    await mapBounded(files, FILES_AT_ONCE, async (entry) => {
      const object = await cache.fetch(source, `${prefix}/${entry.path}`, entry)
      objects.push({ entry, object })
    })
    return objects
  }

  async function bringIn({ name, version }: NamedVersion, outline: Outline): Promise<string> {
    const place = { name, version: version.version }
    const directory = tree.directory(place)
    if (built.get(directory) === version.manifest && (await isThere(directory))) return directory
    const files = await fetchAll(
      versionPrefix(parseServedName(name), version.version),
      outline.files,
    )
    await tree.build(place, files)
    built.set(directory, version.manifest)
    return directory
  }

  return {
    async pull(named) {
      const { name, version } = named
      const outline = await outlines.read(named)
      const { engine, isVerified, made } = outline
      const madeAt = madePrefix(parseServedName(name), version.version, version.verdict)
      const [directory] = await allDone([
        bringIn(named, outline),
        fetchAll(madeAt, made.filter(isGolden)),
      ])
      return { ...named, directory, engine, isVerified }
    },
    async golden({ made }) {
      const entry = (await outlines.files(made))?.find(isGolden)
      if (entry === undefined) return undefined
      const content = await cache.read(entry.sha256)
      if (content === undefined)
        throw new AgentError('IMPAIRED', `the golden answers ${entry.sha256} left the cache`)
      return parseGolden(content)
    },
    noteVerified: async ({ version, engine }) => await outlines.noteVerified(version, engine),
    engine: async (version) => await outlines.engine(version),
    async objectsOf({ manifest, made }) {
      const [files = [], gates = []] = await Promise.all([
        outlines.files(manifest),
        outlines.files(made),
      ])
      return [manifest, made, ...[...files, ...gates].map((entry) => entry.sha256)]
    },
  }
}

const isGolden = ({ path }: FileEntry): boolean => path === GOLDEN_FILE
const isThere = async (path: string): Promise<boolean> =>
  await stat(path).then(
    () => true,
    () => false,
  )

function parseGolden(content: Uint8Array): GoldenAnswers {
  try {
    return GoldenAnswers.parse(JSON.parse(decoder.decode(content)))
  } catch (cause) {
    throw new AgentError('FAULT', 'the golden answers of the gate cannot be read', { cause })
  }
}
