// The folder of a SavedModel, as it is listed and read: nothing from elsewhere, no pipes, and all of one
// moment. Whoever changes it meanwhile is told so, since half of an old model and half of a new one may
// fit together.

import { type BigIntStats, type Dir, lstat } from 'node:fs'
import { opendir, realpath, stat } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { allDone, mapBounded } from '@drover/basics'
import { InferenceError } from './errors.ts'
import { readRegularFile } from './regular-file.ts'

/** Files and folders below a model's folder. */
const ENTRIES_MAX = 100_000

/** A file as it was listed. */
export interface ListedFile {
  /** In the model's folder. */
  path: string
  sizeBytes: number
}

/** What tells a file from another in its place, and from itself before a change. */
type Stamp = readonly [dev: bigint, ino: bigint, size: bigint, mtimeNs: bigint]

/** Those of files by their paths in the folder. */
export type Stamps = ReadonlyMap<string, Stamp>

/** Reads one model's folder. All throw LOAD_FAILED, naming the file, or what the system says of it. */
export class ModelFolder {
  readonly #directory: string
  readonly #stamps: Map<string, Stamp>

  /** The folder itself may be a link. With stamps, its files are to be those that had them. */
  constructor(directory: string, stamps: Stamps = new Map()) {
    this.#directory = directory
    this.#stamps = new Map(stamps)
  }

  get stamps(): Stamps {
    return this.#stamps
  }

  /** All files below a folder of the model; none where it is not there. */
  async list(folder: string): Promise<ListedFile[]> {
    const opened = await this.#open(join(this.#directory, folder))
    if (opened === undefined) return []
    const paths = await filesBelow(opened)
    return await mapBounded(paths, FILES_AT_ONCE, async (path) => await this.#listed(path))
  }

  /** Opens a folder while it is seen to be the model's; one that is not is closed unread. */
  async #open(path: string): Promise<Dir | undefined> {
    const opening = opendir(path, { recursive: true })
    try {
      const [, opened] = await allDone([this.#look(path), opening])
      return opened
    } catch (error) {
      opening.then(closeLater).catch(() => {})
      return undefinedWhereNone(error)
    }
  }

  /** Whether there is such a file; what a link leads to, reading it tells. */
  async has(name: string): Promise<boolean> {
    const path = join(this.#directory, name)
    const found = await looked(path).catch(undefinedWhereNone)
    if (found?.isFile() === true) this.#stamps.set(name, stampOf(found))
    return found !== undefined
  }

  /** That there is a folder at all: of one that is not, each file is missing. */
  async checkThere(): Promise<void> {
    await realpath(this.#directory)
  }

  async #listed(path: string): Promise<ListedFile> {
    const found = await this.#look(path)
    if (!found.isFile()) throw new InferenceError('LOAD_FAILED', `${path} is no regular file`)
    const name = relative(this.#directory, path)
    this.#stamps.set(name, stampOf(found))
    return { path: name, sizeBytes: Number(found.size) }
  }

  /** All bytes of a file; of one that was listed, as it was then. */
  async read(name: string, bytesMax: number): Promise<Uint8Array<ArrayBuffer>> {
    const path = join(this.#directory, name)
    if (!this.#stamps.has(name)) await this.#listed(path)
    return await readRegularFile(path, bytesMax, Number(this.#stamps.get(name)?.[2] ?? 0))
  }

  /** To be called when all is read. */
  async checkUnchanged(): Promise<void> {
    await mapBounded([...this.#stamps], FILES_AT_ONCE, async ([name, stamp]) => {
      const path = join(this.#directory, name)
      const now = stampOf(await this.#look(path))
      if (now.some((part, at) => part !== stamp[at]))
        throw new InferenceError('LOAD_FAILED', `${path} was changed while the model was read`)
    })
  }

  /** What is there; behind a link only where that leads to something else of the model. */
  async #look(path: string): Promise<BigIntStats> {
    const found = await looked(path)
    if (!found.isSymbolicLink()) return found
    const target = await realpath(path)
    const root = await realpath(this.#directory)
    if (!target.startsWith(`${root}${sep}`))
      throw new InferenceError('LOAD_FAILED', `${path} is a link out of the model`)
    return await stat(target, { bigint: true })
  }
}

/**
 * Files at once: most of what a small one takes is the way to the thread that reads it. Each holds a thread
 * for files while it waits, and for ever where a disk hangs; a server has 32.
 */
export const FILES_AT_ONCE = 4

/** The paths of all that is in a folder and in those in it, and is none. */
async function filesBelow(folder: Dir): Promise<string[]> {
  const paths: string[] = []
  try {
    for (let entry = await folder.read(); entry !== null; entry = await folder.read()) {
      if (paths.length === ENTRIES_MAX)
        throw new InferenceError('LOAD_FAILED', `${folder.path} has over ${ENTRIES_MAX} files`)
      if (!entry.isDirectory()) paths.push(join(entry.parentPath, entry.name))
    }
    return paths
  } finally {
    closeLater(folder)
  }
}

/** What was read is there whatever comes of it, and the way to another thread takes as long as a read. */
const closeLater = (folder: Dir): void => void folder.close().catch(() => {})

// By callbacks: a promise of the system's own costs as much again where several are wanted at a time.
const looked = async (path: string): Promise<BigIntStats> =>
  await new Promise((resolve, reject) => {
    lstat(path, { bigint: true }, (error, found) => (error ? reject(error) : resolve(found)))
  })

/** Throws LOAD_FAILED where the files of a folder are no longer those with these stamps. */
export async function checkStill(directory: string, stamps: Stamps): Promise<void> {
  if (stamps.size > 0) await new ModelFolder(directory, stamps).checkUnchanged()
}

const stampOf = ({ dev, ino, size, mtimeNs }: BigIntStats): Stamp => [dev, ino, size, mtimeNs]

function undefinedWhereNone(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
  throw error
}
