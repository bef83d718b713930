import * as fs from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { codeOf } from './failure.ts'
import { linkIfAbsent, readObject, syncFolder, tempPathIn, writeDurably } from './files.ts'
import { seqOf } from './location.ts'
import { ModelStoreCode, ModelStoreError, type State } from './store.ts'

// An object that moves by compare-and-swap is a folder of numbered states; the highest is the
// state. A state is made by link(), so that one writer gets each number, and the folder comes into
// being with its first state in it, by rename(). No lock exists that could expire.

const STATES_KEPT = 100
const AGE_KEPT_MS = 60 * 60_000
const CLEANED_AT_ONCE_MAX = 1_000
const READS_MAX = 10
const FOLDER_IS_THERE = new Set(['EEXIST', 'ENOTEMPTY', 'ENOTDIR'])

/** The numbers of all states, rising; none when the object does not exist. */
async function seqsIn(folder: string): Promise<number[]> {
  try {
    const names = await fs.readdir(folder)
    return names.flatMap((name) => seqOf(name) ?? []).toSorted((a, b) => a - b)
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(codeOf(error))) return []
    throw error
  }
}

/** The highest state. One that was cleaned away while it was read has a higher one above it. */
export async function readHighest(folder: string): Promise<State | undefined> {
  for (let reads = 0; reads < READS_MAX; reads++) {
    const seq = (await seqsIn(folder)).at(-1)
    if (seq === undefined) return undefined
    const content = await readObject(join(folder, String(seq)))
    if (content !== undefined) return { seq, content }
  }
  const message = `${folder} moves faster than it can be read`
  throw new ModelStoreError(ModelStoreCode.UNAVAILABLE, message)
}

/** Makes the folder with its first state in it. False: the object exists. */
export async function makeFirst(
  folder: string,
  seq: number,
  content: string | Uint8Array,
): Promise<boolean> {
  if ((await seqsIn(folder)).length > 0) return false
  const parent = dirname(folder)
  const temp = tempPathIn(parent)
  await fs.mkdir(temp)
  try {
    await writeDurably(join(temp, String(seq)), content)
    await syncFolder(temp)
    // A folder replaces an empty one only, so of two writers one finds the other's state there.
    await fs.rename(temp, folder)
  } catch (error) {
    await fs.rm(temp, { recursive: true, force: true })
    if (!FOLDER_IS_THERE.has(codeOf(error))) throw error
    return false
  } finally {
    await syncFolder(parent)
  }
  return true
}

/** Makes the state after `from`. False: it is not the highest, or another writer was faster. */
export async function makeNext(
  folder: string,
  from: number,
  content: string | Uint8Array,
): Promise<boolean> {
  const read = join(folder, String(from))
  const before = await identityOf(read)
  if (before === undefined || (await seqsIn(folder)).at(-1) !== from) return false
  const temp = tempPathIn(folder)
  const next = join(folder, String(from + 1))
  try {
    await writeDurably(temp, content)
    if (!(await linkIfAbsent(temp, next))) return false
  } catch (error) {
    await fs.rm(temp, { force: true })
    throw error
  }
  // A writer that slept until its number was used and cleaned away gets the number again. Cleaning
  // goes from the lowest up, so then the state that it read is gone too.
  if ((await identityOf(read)) !== before) {
    await fs.rm(next, { force: true })
    return false
  }
  await clean(folder, next)
  return true
}

async function identityOf(path: string): Promise<string | undefined> {
  try {
    const { ino, mtimeNs } = await fs.lstat(path, { bigint: true })
    return `${ino}-${mtimeNs}`
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

/** Removes old states from the lowest up. By the store's own clock, which wrote the newest one. */
async function clean(folder: string, newest: string): Promise<void> {
  const old = (await seqsIn(folder)).slice(0, -STATES_KEPT)
  if (old.length === 0) return
  try {
    const { mtimeMs: now } = await fs.lstat(newest)
    for (const seq of old.slice(0, CLEANED_AT_ONCE_MAX)) {
      const path = join(folder, String(seq))
      if (now - (await fs.lstat(path)).mtimeMs < AGE_KEPT_MS) return
      await fs.unlink(path)
    }
  } catch {
    // The swap is won. What is left, or was taken by another cleaner, is for the next one.
  }
}
