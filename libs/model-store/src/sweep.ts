import type { Dirent } from 'node:fs'
import * as fs from 'node:fs/promises'
import { join } from 'node:path'
import { codeOf } from './failure.ts'
import { listed, shownName, STATES_SUFFIX, TEMP_PREFIX } from './location.ts'

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
  for (const entry of await entriesOf(folder))
    for await (const path of objectsOf(folder, entry)) {
      names.push(path.split('/')[0] ?? '')
      // A crash between making a folder and the object in it leaves a folder that means nothing.
      break
    }
  return listed(names)
}

/** The objects below a folder, however deep, by their paths from there; shown as `namesIn` shows them. */
export async function pathsIn(folder: string): Promise<string[]> {
  const paths: string[] = []
  for await (const path of objectsIn(folder)) paths.push(path)
  return listed(paths)
}

async function* objectsIn(folder: string): AsyncGenerator<string, void> {
  for (const entry of await entriesOf(folder)) yield* objectsOf(folder, entry)
}

async function* objectsOf(folder: string, entry: Dirent): AsyncGenerator<string, void> {
  const { name } = entry
  if (name.startsWith(TEMP_PREFIX)) return
  if (entry.isFile()) yield name
  if (!entry.isDirectory()) return
  // It came into being with its first state.
  if (name.endsWith(STATES_SUFFIX)) yield shownName(name)
  else for await (const path of objectsIn(join(folder, name))) yield `${name}/${path}`
}
