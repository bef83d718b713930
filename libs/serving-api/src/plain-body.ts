// The shortest way from a predict body to floats: for the plain one, `{"instances":[[1.5, ...]]}` or
// `{"inputs":...}` with nothing beside it but a signature's name. Anything else is left to the
// general reader, which alone refuses and words the errors: here it is just not plain.

import {
  byteAt,
  nextPlace,
  openText,
  readRun,
  skipBlank,
  TEXT_BYTES_MAX,
  textAt,
} from './plain-numbers.ts'

/** What a plain body says. */
export interface PlainBody {
  /** Empty if there is none. */
  signatureName: string
  format: 'row' | 'column'
  shape: number[]
  /** Each the double that is nearest to the text, rounded to a float. */
  values: Float32Array
}

const RANK_MAX = 8
const [QUOTE, BACKSLASH, OPEN_LIST, CLOSE_LIST] = [0x22, 0x5c, 0x5b, 0x5d]
/**
 * Values lie in slabs that several requests share: an array of its own for each costs a good part of
 * the time to read it. A slab goes when the last of its requests is gone.
 */
const SLAB_VALUES = 32_768
/** A body that may take more of a slab than this gets an array of its own. */
const SHARED_VALUES_MAX = SLAB_VALUES / 4

let slab = new Float32Array(SLAB_VALUES)
/** Where the free part of the slab begins. */
let free = 0

// One body is read at a time, to its end or until it turns out not to be plain: so one state will do.
let cursor = 0
let depth = 0
/** How many members each list around the current place has, outermost first. */
const sizes = new Int32Array(RANK_MAX)

/**
 * Reads a body if it is plain; undefined if it is anything else, right or wrong. The values share
 * memory with those of other requests: they may be read, not written, nor their buffer be handed over.
 */
export function readPlainBody(bytes: Uint8Array): PlainBody | undefined {
  if (bytes.length > TEXT_BYTES_MAX) return undefined
  // A value takes two bytes of text at least.
  const needed = bytes.length >> 1
  if (needed > SHARED_VALUES_MAX) {
    const own = new Float32Array(needed)
    openText(bytes, own, 0)
    return readBody(() => own.slice(0, nextPlace()))
  }
  if (needed > SLAB_VALUES - free) {
    slab = new Float32Array(SLAB_VALUES)
    free = 0
  }
  openText(bytes, slab, free)
  return readBody(takeValues)
}

/** Takes what was read from the free part of the slab. */
function takeValues(): Float32Array {
  const values = slab.subarray(free, nextPlace())
  free = nextPlace()
  return values
}

interface Found {
  signatureName: string | undefined
  format: PlainBody['format'] | undefined
  shape: number[] | undefined
}

function readBody(valuesOf: () => Float32Array): PlainBody | undefined {
  const found: Found = { signatureName: undefined, format: undefined, shape: undefined }
  cursor = skipBlank(0)
  if (!take('{')) return undefined
  do if (!readMember(found)) return undefined
  while (take(','))
  const { signatureName = '', format, shape } = found
  if (format === undefined || shape === undefined || !take('}')) return undefined
  return { signatureName, format, shape, values: valuesOf() }
}

/** Reads a member of the body; false for one that is not plain or comes twice. */
function readMember(found: Found): boolean {
  const isRow = take('"instances"')
  if (isRow || take('"inputs"')) {
    if (found.format !== undefined || !take(':')) return false
    found.format = isRow ? 'row' : 'column'
    found.shape = readLists()
    return found.shape !== undefined
  }
  if (found.signatureName !== undefined || !take('"signature_name"') || !take(':')) return false
  found.signatureName = readName()
  return found.signatureName !== undefined
}

/** Goes behind these characters and the blanks after them, if they are here. */
function take(characters: string): boolean {
  for (let index = 0; index < characters.length; index++)
    if (byteAt(cursor + index) !== characters.charCodeAt(index)) return false
  cursor = skipBlank(cursor + characters.length)
  return true
}

/** Reads a text of ASCII without escapes. */
function readName(): string | undefined {
  const start = cursor + 1
  if (byteAt(cursor) !== QUOTE) return undefined
  let end = start
  for (; byteAt(end) !== QUOTE; end++)
    if (byteAt(end) < 0x20 || byteAt(end) > 0x7e || byteAt(end) === BACKSLASH) return undefined
  cursor = skipBlank(end + 1)
  return textAt(start, end)
}

/** Reads lists of lists of numbers, each of the size of those beside it and none empty; their shape. */
function readLists(): number[] | undefined {
  depth = 0
  if (!openLists() || depth === 0) return undefined
  const shape = Array.from({ length: depth }, () => 0)
  do {
    const before = nextPlace()
    cursor = readRun(cursor)
    if (cursor < 0) return undefined
    sizes[depth - 1] = nextPlace() - before
    if (!closeLists(shape)) return undefined
  } while (depth > 0 && openLists() && depth === shape.length)
  return depth === 0 ? shape : undefined
}

/** Goes into lists, as deep as they are. */
function openLists(): boolean {
  for (; byteAt(cursor) === OPEN_LIST; depth++) {
    if (depth === RANK_MAX) return false
    sizes[depth] = 0
    cursor = skipBlank(cursor + 1)
  }
  return true
}

/** Goes behind the lists that end here, and behind the comma before the next one. */
function closeLists(shape: number[]): boolean {
  while (byteAt(cursor) === CLOSE_LIST) {
    const size = sizes[--depth] ?? 0
    if (shape[depth] === 0) shape[depth] = size
    if (shape[depth] !== size) return false
    cursor = skipBlank(cursor + 1)
    if (depth === 0) return true
    sizes[depth - 1] = (sizes[depth - 1] ?? 0) + 1
  }
  return depth < shape.length && take(',')
}
