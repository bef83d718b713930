import { createHash, randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import {
  chmod,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { Digest, type FileEntry, sha256 } from '@drover/model-config'
import { AgentError } from '../errors.ts'
import type { Source } from './source.ts'

const READ_ONLY = 0o444
const AGE_STEP_MS = 3_600_000

/**
 * The content-addressed cache, `objects/<sha256>`. An object is hashed once in the life of the
 * process before it is used: a crash of the machine may have left half of one.
 */
export interface ObjectCache {
  /** Where the object is; undefined when it is not in the cache. */
  find(sha: string): Promise<string | undefined>
  read(sha: string): Promise<Uint8Array | undefined>
  /** Adds a content whose digest is `sha`. */
  add(sha: string, content: string | Uint8Array): Promise<void>
  /** Finds the object or fetches it from the store. */
  fetch(source: Source, key: string, entry: Omit<FileEntry, 'path'>): Promise<string>
  /** Deletes the least recently used objects that are not in use until the cache is within its limit. */
  evict(inUse: () => Promise<ReadonlySet<string>>): Promise<void>
}

export async function openObjectCache(
  folder: string,
  { bytesMax }: { bytesMax: number },
): Promise<ObjectCache> {
  const objects = join(folder, 'objects')
  const incoming = join(folder, 'incoming')
  await rm(incoming, { recursive: true, force: true })
  await Promise.all([mkdir(objects, { recursive: true }), mkdir(incoming, { recursive: true })])
  const hashed = new Set<string>()
  const underWay = new Map<string, Promise<string>>()
  let bytes: number | undefined
  const pathOf = (sha: string) => join(objects, Digest.parse(sha))
  const temporary = () => join(incoming, randomBytes(12).toString('hex'))

  async function find(sha: string): Promise<string | undefined> {
    const path = pathOf(sha)
    const size = await sizeOf(path)
    if (size === undefined) return undefined
    if (!hashed.has(sha)) {
      if ((await hashOf(path)) !== sha) {
        await rm(path, { force: true })
        return undefined
      }
      hashed.add(sha)
      // The age says when an object was last of use, for the eviction.
      const now = new Date()
      await utimes(path, now, now)
    }
    return path
  }

  async function place(sha: string, path: string, sizeBytes: number): Promise<string> {
    await chmod(path, READ_ONLY)
    await rename(path, pathOf(sha))
    hashed.add(sha)
    if (bytes !== undefined) bytes += sizeBytes
    return pathOf(sha)
  }

  async function download(source: Source, key: string, entry: Omit<FileEntry, 'path'>) {
    const path = temporary()
    await source.fetchFile(key, path, entry)
    return await place(entry.sha256, path, entry.sizeBytes)
  }

  return {
    find: async (sha) => await onDisk(find(sha)),
    read: async (sha) => {
      const path = await onDisk(find(sha))
      return path === undefined ? undefined : await onDisk(readFile(path))
    },
    add: async (sha, content) => {
      if (sha256(content) !== sha) throw new TypeError(`a content is not what ${sha} names`)
      const path = temporary()
      await onDisk(writeFile(path, content).then(() => place(sha, path, content.length)))
    },
    fetch: async (source, key, entry) => {
      const found = await onDisk(find(entry.sha256))
      if (found !== undefined) return found
      // Models share files; each is fetched once.
      const running = underWay.get(entry.sha256)
      if (running !== undefined) return await running
      const started = onDisk(download(source, key, entry))
      underWay.set(entry.sha256, started)
      try {
        return await started
      } finally {
        underWay.delete(entry.sha256)
      }
    },
    evict: async (inUse) => {
      bytes ??= bytesOf(await onDisk(measure(objects)))
      if (bytes > bytesMax) bytes = await onDisk(deleteOldest(objects, { inUse, bytesMax, hashed }))
    },
  }
}

/** Deletes until the rest fits, and says how much the rest is. */
async function deleteOldest(
  objects: string,
  options: {
    inUse: () => Promise<ReadonlySet<string>>
    bytesMax: number
    hashed: Set<string>
  },
): Promise<number> {
  const used = await options.inUse()
  const found = await measure(objects)
  let bytes = bytesOf(found)
  const now = new Date()
  // What is in use now must not look old when it goes out of use: one may want to go back to it.
  for (const { sha, usedAt } of found)
    if (used.has(sha) && now.getTime() - usedAt > AGE_STEP_MS)
      await utimes(join(objects, sha), now, now)
  for (const { sha, size } of found.toSorted((a, b) => a.usedAt - b.usedAt)) {
    if (bytes <= options.bytesMax) break
    if (used.has(sha)) continue
    options.hashed.delete(sha)
    await rm(join(objects, sha), { force: true })
    bytes -= size
  }
  return bytes
}

const bytesOf = (found: readonly { size: number }[]): number =>
  found.reduce((sum, { size }) => sum + size, 0)

async function sizeOf(path: string): Promise<number | undefined> {
  return (await stat(path).catch(() => undefined))?.size
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}

async function measure(objects: string) {
  const found: { sha: string; size: number; usedAt: number }[] = []
  for (const sha of await readdir(objects)) {
    const { size, mtimeMs } = await stat(join(objects, sha))
    found.push({ sha, size, usedAt: mtimeMs })
  }
  return found
}

/** An error of the own disk proves nothing against a model. */
export async function onDisk<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (cause) {
    if (cause instanceof AgentError) throw cause
    throw new AgentError('IMPAIRED', 'the cache cannot be read or written', { cause })
  }
}
