import { createHash, randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import * as fs from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import { codeOf } from './failure.ts'
import { TEMP_PREFIX } from './location.ts'
import { ModelStoreCode, ModelStoreError, OBJECT_BYTES_MAX } from './store.ts'

const CHUNK_BYTES = 1024 * 1024
const READ_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
/** What a file system answers that cannot make a folder durable on demand. */
const NO_FOLDER_SYNC = new Set(['EINVAL', 'ENOTSUP', 'EOPNOTSUPP'])

/** What a file holds. */
export interface Held {
  sizeBytes: number
  sha256: string
}

/** A name beside the final one, which is no key and never parses as an integer. */
export function tempPathIn(folder: string): string {
  return join(folder, `${TEMP_PREFIX}${process.pid}-${randomUUID()}`)
}

/** Makes the names in a folder durable. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await fs.open(folder, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    await handle.sync()
  } catch (error) {
    if (!NO_FOLDER_SYNC.has(codeOf(error))) throw error
  } finally {
    await handle.close()
  }
}

/** Makes the missing folders below the root, each durable before the next. The root must be there. */
export async function makeFolders(root: string, folder: string): Promise<void> {
  let path = root
  for (const part of relative(root, folder).split(sep).filter(Boolean)) {
    const parent = path
    path = join(parent, part)
    try {
      await fs.mkdir(path)
    } catch (error) {
      if (codeOf(error) === 'EEXIST') continue
      throw error
    }
    await syncFolder(parent)
  }
}

/** Writes a new file whose content is durable when this returns. The name is not yet. */
export async function writeDurably(path: string, content: string | Uint8Array): Promise<void> {
  const handle = await fs.open(path, 'wx')
  try {
    await handle.writeFile(content)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/**
 * Copies into a new durable file, without holding it in memory, and says what went through. A file
 * that was there before is left alone and is INVALID; a copy that fails is removed.
 */
export async function copyDurably(source: fs.FileHandle, target: string): Promise<Held> {
  const handle = await fs.open(target, 'wx').catch((cause: unknown) => {
    if (codeOf(cause) !== 'EEXIST') throw cause
    throw new ModelStoreError(ModelStoreCode.INVALID, `${target} exists already`, { cause })
  })
  try {
    const held = await readThrough(source, async (chunk) => {
      for (let offset = 0; offset < chunk.length;) {
        offset += (await handle.write(chunk, offset)).bytesWritten
      }
    })
    await handle.sync()
    return held
  } catch (error) {
    await fs.rm(target, { force: true })
    throw error
  } finally {
    await handle.close()
  }
}

/** Reads an open file from its start to its end and says what it holds. */
export async function readThrough(
  source: fs.FileHandle,
  take: (chunk: Uint8Array) => Promise<void> = async () => {},
): Promise<Held> {
  const hash = createHash('sha256')
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES)
  for (let position = 0; ;) {
    const { bytesRead } = await source.read(buffer, 0, CHUNK_BYTES, position)
    if (bytesRead === 0) return { sizeBytes: position, sha256: hash.digest('hex') }
    position += bytesRead
    const chunk = buffer.subarray(0, bytesRead)
    hash.update(chunk)
    await take(chunk)
  }
}

/** Links a finished file to its name unless there is one; the loser sees the winner's durably. */
export async function linkIfAbsent(temp: string, path: string): Promise<boolean> {
  let created = true
  try {
    await fs.link(temp, path)
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
    created = false
  }
  await fs.unlink(temp)
  await syncFolder(dirname(path))
  return created
}

/** Opens an object for reading, never through a link; undefined when there is none. */
export async function openObject(path: string): Promise<fs.FileHandle | undefined> {
  let handle: fs.FileHandle
  try {
    handle = await fs.open(path, READ_FLAGS)
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(codeOf(error))) return undefined
    throw error
  }
  const stat = await handle.stat()
  if (stat.isFile()) return handle
  await handle.close()
  if (stat.isDirectory()) return undefined
  throw new ModelStoreError(ModelStoreCode.CORRUPT, `${path} is not a file`)
}

/** The whole of an object; undefined when there is none. One that nobody can have written is CORRUPT. */
export async function readObject(path: string): Promise<Uint8Array | undefined> {
  const handle = await openObject(path)
  if (handle === undefined) return undefined
  try {
    const { size } = await handle.stat()
    if (size <= OBJECT_BYTES_MAX) return await handle.readFile()
    const message = `${path} has ${size} bytes; at most ${OBJECT_BYTES_MAX} are read into memory`
    throw new ModelStoreError(ModelStoreCode.CORRUPT, message)
  } finally {
    await handle.close()
  }
}
