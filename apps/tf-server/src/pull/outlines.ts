import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { allDone } from '@drover/basics'
import {
  canonicalJson,
  type ConfigVersion,
  digestOf,
  digestOfFiles,
  FileEntry,
  isCommitted,
  Manifest,
  manifestKey,
  parseServedName,
  Verdict,
  verdictKey,
} from '@drover/model-config'
import { z } from 'zod'
import { type ObjectCache, onDisk } from './objects.ts'
import type { Source } from './source.ts'

const decoder = new TextDecoder('utf-8', { fatal: true })
const Files = z.array(FileEntry)

/** A version of a config under its served name. */
export interface NamedVersion {
  name: string
  version: ConfigVersion
}

/** What manifest and verdict say of a version. */
export interface Outline {
  files: readonly FileEntry[]
  /** What the gate made with the verdict. */
  made: readonly FileEntry[]
  engine: Verdict['engine']
  /** Whether a probe has confirmed exactly this before. */
  isVerified: boolean
}

/** Reads what versions consist of, and remembers which of them were verified. */
export interface Outlines {
  /** From the cache where the version was verified before, so also with the store away. */
  read(named: NamedVersion): Promise<Outline>
  /** Remembers, also after a restart, that a probe has confirmed the version on this engine. */
  noteVerified(version: ConfigVersion, engine: Verdict['engine']): Promise<void>
  /** What the verdict on a verified version says; undefined also where an older agent verified it. */
  engine(version: ConfigVersion): Promise<Verdict['engine']>
  /** A list of files that is in the cache, by its digest. */
  files(digest: string): Promise<FileEntry[] | undefined>
}

export async function openOutlines(
  folder: string,
  { cache, source }: { cache: ObjectCache; source: Source },
): Promise<Outlines> {
  const verified = join(folder, 'verified')
  await mkdir(verified, { recursive: true })
  const notePath = ({ manifest, made, verdict }: ConfigVersion) =>
    join(verified, digestOf({ manifest, made, verdict }))

  async function files(digest: string): Promise<FileEntry[] | undefined> {
    const content = await cache.read(digest)
    return content === undefined ? undefined : Files.parse(JSON.parse(decoder.decode(content)))
  }

  /** What was verified before needs nothing but the cache, so it is served with the store away. */
  async function recall({ version }: NamedVersion): Promise<Outline | undefined> {
    const note = await readNote(notePath(version))
    if (note === undefined) return undefined
    const [own, made] = [await files(version.manifest), await files(version.made)]
    if (own === undefined || made === undefined) return undefined
    return { files: own, made, engine: note.engine, isVerified: true }
  }

  /** Manifest and verdict. Lists of files are kept under their own digests, which configs name. */
  async function readStored({ name, version }: NamedVersion): Promise<Outline> {
    const id = parseServedName(name)
    const [manifest, verdict] = await allDone([
      source.read(manifestKey(id, version.version), (content) => readManifest(content, version)),
      source.read(verdictKey(id, version.version, version.verdict), (content) =>
        readVerdict(content, version),
      ),
    ])
    await cache.add(version.manifest, listText(manifest.files))
    await cache.add(version.made, listText(verdict.files))
    const { engine, files: made } = verdict
    return { files: manifest.files, made, engine, isVerified: false }
  }

  return {
    files,
    read: async (named) => (await recall(named)) ?? (await readStored(named)),
    noteVerified: async (version, engine) => {
      const note: Note = { verified: true, engine }
      await onDisk(writeFile(notePath(version), JSON.stringify(note)))
    },
    engine: async (version) => (await readNote(notePath(version)))?.engine,
  }
}

const Note = z.object({ verified: z.literal(true), engine: Verdict.shape.engine })
type Note = z.output<typeof Note>

/** A note that a crash of the machine cut short is none: the version is verified once more. */
async function readNote(path: string): Promise<Note | undefined> {
  try {
    return Note.parse(JSON.parse(await readFile(path, 'utf8')))
  } catch {
    return undefined
  }
}

/** The text whose sha256 is `digestOfFiles`. */
const listText = (files: readonly FileEntry[]): string =>
  canonicalJson(files.toSorted((a, b) => (a.path < b.path ? -1 : 1)))

function readManifest(content: Uint8Array, { manifest: digest }: ConfigVersion) {
  const manifest = Manifest.parse(JSON.parse(decoder.decode(content)))
  if (!isCommitted(manifest)) throw new RangeError(`the version was given up: ${manifest.aborted}`)
  if (manifest.digest !== digest || digestOfFiles(manifest.files) !== digest)
    throw new RangeError('the manifest is not the one that the config names')
  return manifest
}

function readVerdict(content: Uint8Array, version: ConfigVersion): Verdict {
  const verdict = Verdict.parse(JSON.parse(decoder.decode(content)))
  if (verdict.digest !== version.manifest)
    throw new RangeError('the verdict is about another content of the version')
  if (verdict.made !== version.made || digestOfFiles(verdict.files) !== version.made)
    throw new RangeError('what the gate made is not what the config names')
  if (!verdict.pass) throw new RangeError(`the verdict does not pass: ${verdict.reason}`)
  return verdict
}
