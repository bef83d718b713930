import { realpath } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { codeOf, invalid } from './failure.ts'
import { ModelStoreCode, ModelStoreError } from './store.ts'

const SEGMENTS_MAX = 32
const SEGMENT_BYTES_MAX = 200

/** What begins with this is unfinished: never listed, never a key, swept when it is old. */
export const TEMP_PREFIX = '.tmp-'
/** The folder in which the states of `<object>.json` are. */
export const STATES_SUFFIX = '.json.d'
const STATE_SEQ = /^(0|[1-9]\d{0,15})$/

/** The object under whose name its states, or the folder of them, are shown. */
export const shownName = (name: string): string =>
  name.endsWith(STATES_SUFFIX) ? name.slice(0, -'.d'.length) : name

/** A listing as the store gives it: each name once, in order. */
export const listed = (names: readonly string[]): string[] =>
  [...new Set(names)].toSorted((a, b) => (a < b ? -1 : 1))

/** Checks a key and gives its parts. `list('')` is the only use of an empty one. */
export function segmentsOf(key: string): string[] {
  const segments = key.split('/')
  if (segments.length > SEGMENTS_MAX) throw invalid(key, `has over ${SEGMENTS_MAX} parts`)
  for (const segment of segments) checkSegment(key, segment)
  // The store's own files are at the top.
  if (key.startsWith('.')) throw invalid(key, 'begins with a dot')
  return segments
}

function checkSegment(key: string, segment: string): void {
  if (/^\.*$/.test(segment)) throw invalid(key, 'has a part that is empty or of dots only')
  if (/[\0\\]/.test(segment)) throw invalid(key, 'has a NUL or a backslash')
  if (Buffer.byteLength(segment) > SEGMENT_BYTES_MAX) throw invalid(key, 'has a part that is long')
  if (segment.startsWith(TEMP_PREFIX)) throw invalid(key, `has a part that begins ${TEMP_PREFIX}`)
  if (segment.endsWith(STATES_SUFFIX)) throw invalid(key, `has a part that ends ${STATES_SUFFIX}`)
}

/** Where an object is. */
export function pathOf(root: string, key: string): string {
  return join(root, ...segmentsOf(key))
}

/** Refuses a key that no object which moves by compare-and-swap can have. */
export function checkStateKey(key: string): void {
  segmentsOf(key)
  if (!key.endsWith('.json')) throw invalid(key, 'moves by compare-and-swap and must end in .json')
}

/** Where the states of an object that moves by compare-and-swap are. */
export function statesPathOf(root: string, key: string): string {
  checkStateKey(key)
  return `${pathOf(root, key)}.d`
}

/** The seq of a state's file; undefined for any other file. */
export function seqOf(name: string): number | undefined {
  const seq = STATE_SEQ.test(name) ? Number(name) : Number.NaN
  return Number.isSafeInteger(seq) ? seq : undefined
}

/**
 * Whether the folder is there, and really there: a symbolic link on the way could lead out of the
 * store, so it is CORRUPT wherever it leads.
 */
export async function isRealFolder(folder: string): Promise<boolean> {
  let real: string
  try {
    real = await realpath(folder)
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(codeOf(error))) return false
    throw error
  }
  if (real === folder) return true
  throw new ModelStoreError(ModelStoreCode.CORRUPT, `${folder} leads through a link to ${real}`)
}

export const isRealParent = async (path: string): Promise<boolean> =>
  await isRealFolder(dirname(path))
