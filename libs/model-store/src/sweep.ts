import type { Dirent } from 'node:fs'
import * as fs from 'node:fs/promises'
import { join } from 'node:path'
import { codeOf } from './failure.ts'
import { STATES_SUFFIX, TEMP_PREFIX } from './location.ts'

const UNFINISHED_MS_MAX = 60 * 60_000
const FOLDERS_PER_SWEEP_MAX = 1_000_000

/**
 * Removes what writers that died left unfinished, when it is older than an hour; at most once an
 * hour for all who open the store, by the age of its marker. Never throws: what stays is swept the
 * next time.
 */
export async function sweep(root: string, marker: string, stop: AbortSignal): Promise<void> {
  try {
    const now = await takeTurn(join(root, marker))
    if (now === undefined) return
    const folders = [root]
    for (let swept = 0; swept < FOLDERS_PER_SWEEP_MAX && !stop.aborted; swept++) {
      const folder = folders.pop()
      if (folder === undefined) return
      folders.push(...(await sweepFolder(folder, now)))
    }
  } catch {
    // The store is away or may not be written; its users hear of it by their own calls.
  }
}

/** The time by the store's own clock; undefined when it was swept within the hour. */
async function takeTurn(marker: string): Promise<number | undefined> {
  const { mtimeMs: last } = await fs.stat(marker)
  if (Date.now() - last < UNFINISHED_MS_MAX) return undefined
  // Not a new file: the store may be unmounted by now.
  const handle = await fs.open(marker, 'r+')
  try {
    await handle.write('.', 0)
    return (await handle.stat()).mtimeMs
  } finally {
    await handle.close()
  }
}

async function sweepFolder(folder: string, now: number): Promise<string[]> {
  const entries = await entriesOf(folder)
  for (const { name } of entries.filter((entry) => entry.name.startsWith(TEMP_PREFIX))) {
    const path = join(folder, name)
    const stat = await fs.lstat(path).catch(() => undefined)
    if (stat !== undefined && now - stat.mtimeMs > UNFINISHED_MS_MAX) {
      await fs.rm(path, { recursive: true, force: true })
    }
  }
  return entries
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith(TEMP_PREFIX))
    .map(({ name }) => join(folder, name))
}

async function entriesOf(folder: string): Promise<Dirent[]> {
  try {
    return await fs.readdir(folder, { withFileTypes: true })
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(codeOf(error))) return []
    throw error
  }
}

/**
 * The names below a folder as the store shows them: no unfinished writes, no links, no folders that
 * hold no object, and `x.json` for the folder of its states.
 */
export async function namesIn(folder: string): Promise<string[]> {
  const names: string[] = []
  for (const entry of await entriesOf(folder)) {
    const name = await nameOf(folder, entry)
    if (name !== undefined) names.push(name)
  }
  return [...new Set(names)].toSorted((a, b) => (a < b ? -1 : 1))
}

/** The objects below a folder, however deep, by their paths from there; shown as `namesIn` shows them. */
export async function pathsIn(folder: string): Promise<string[]> {
  const paths: string[] = []
  for (const entry of await entriesOf(folder)) {
    const { name } = entry
    if (name.startsWith(TEMP_PREFIX)) continue
    if (entry.isFile()) paths.push(name)
    if (!entry.isDirectory()) continue
    if (name.endsWith(STATES_SUFFIX)) paths.push(name.slice(0, -'.d'.length))
    else for (const path of await pathsIn(join(folder, name))) paths.push(`${name}/${path}`)
  }
  return [...new Set(paths)].toSorted((a, b) => (a < b ? -1 : 1))
}

async function nameOf(folder: string, entry: Dirent): Promise<string | undefined> {
  const { name } = entry
  if (name.startsWith(TEMP_PREFIX)) return undefined
  if (entry.isFile()) return name
  if (!entry.isDirectory()) return undefined
  // It came into being with its first state.
  if (name.endsWith(STATES_SUFFIX)) return name.slice(0, -'.d'.length)
  return (await holdsObject(join(folder, name))) ? name : undefined
}

/** A crash between making a folder and the object in it leaves a folder that means nothing. */
async function holdsObject(folder: string): Promise<boolean> {
  for (const entry of await entriesOf(folder)) {
    if ((await nameOf(folder, entry)) !== undefined) return true
  }
  return false
}
