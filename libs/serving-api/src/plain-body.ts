// The shortest way from a predict body to floats: for the plain one, `{"instances":[[1.5, ...]]}` or
// `{"inputs":...}` with nothing beside it but a signature's name. Anything else is left to the
// general reader, which alone refuses and words the errors: here it is just not plain.
//
// Here is the hot loop of a request. Characters stand as numbers in small functions, which V8
// inlines: constants of other modules it looks up each time, which would double the time.

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
/**
 * Values lie in slabs that several requests share: an array of its own for each costs a good part of
 * the time to read it. A slab goes when the last of its requests is gone.
 */
const SLAB_VALUES = 32_768
/** A body that may take more of a slab than this gets an array of its own. */
const SHARED_VALUES_MAX = SLAB_VALUES / 4

/** So many digits fit an int32, so many a double, and so many nearly. */
const DIGITS_INT32 = 9
const DIGITS_EXACT = 15
const DIGITS_NEAR = 19
/** Longer numbers and larger exponents may be too big for a double. */
const LENGTH_MAX = 300
const EXPONENT_MAX = 300
/** Powers of ten that a double holds exactly. */
const POWERS = Float64Array.from({ length: 23 }, (_, exponent) => 10 ** exponent)
/** The bits of a double that a float has no room for; half of that is a tie, which takes all digits. */
const LOST_BITS = 2 ** 29 - 1
const TIE = 2 ** 28
/** What a few roundings may be off in the last place of a double, with much to spare. */
const NEAR_TIE = 64
/** Below this, floats have fewer bits. */
const NORMAL_LEAST = 2 ** -126

const double = new Float64Array(1)
const words = new Uint32Array(double.buffer)
const LOW_WORD = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1 ? 0 : 1

// What is being read: one body at a time, to its end or until it turns out not to be plain.
let slab = new Float32Array(SLAB_VALUES)
/** Where the free part of the slab begins. */
let free = 0
/** Where the values go, and where the next one does. */
let room = slab
let count = 0
/** How many members each list around the current place has, outermost first. */
const sizes = new Int32Array(RANK_MAX)
/** What functions give beside their result: where they ended, and a number. */
let cursor = 0
let longValue = 0

const isMinus = (code: number): boolean => code === 0x2d
const isPlus = (code: number): boolean => code === 0x2b
const isPoint = (code: number): boolean => code === 0x2e
const isComma = (code: number): boolean => code === 0x2c
const isExponent = (code: number): boolean => (code | 0x20) === 0x65
const isOpen = (code: number): boolean => code === 0x5b
const isClose = (code: number): boolean => code === 0x5d
/** More than 9 for what is no digit. */
const digitOf = (code: number): number => (code - 0x30) >>> 0
const byteAt = (bytes: Uint8Array, at: number): number => bytes[at] ?? 0
const latin1Of = (bytes: Uint8Array, from: number, to: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString('latin1')

/**
 * Reads a body if it is plain; undefined if it is anything else, right or wrong. The values share
 * memory with those of other requests: they may be read, not written, nor their buffer be handed over.
 */
export function readPlainBody(bytes: Uint8Array): PlainBody | undefined {
  // A value takes two bytes of text at least.
  const needed = bytes.length >> 1
  if (needed > SHARED_VALUES_MAX) {
    room = new Float32Array(needed)
    count = 0
    return readBody(bytes)
  }
  if (needed > SLAB_VALUES - free) {
    slab = new Float32Array(SLAB_VALUES)
    free = 0
  }
  room = slab
  count = free
  const body = readBody(bytes)
  if (body !== undefined) free = count
  return body
}

function readBody(bytes: Uint8Array): PlainBody | undefined {
  const first = count
  let signatureName: string | undefined
  let shape: number[] | undefined
  let format: PlainBody['format'] | undefined
  cursor = 0
  if (!take(bytes, '{')) return undefined
  do {
    const key = readText(bytes)
    if (!take(bytes, ':')) return undefined
    if (key === 'signature_name' && signatureName === undefined) {
      signatureName = readText(bytes)
      if (signatureName === undefined) return undefined
    } else if (format === undefined && (key === 'instances' || key === 'inputs')) {
      format = key === 'instances' ? 'row' : 'column'
      shape = readLists(bytes)
    } else return undefined
  } while (take(bytes, ','))
  if (shape === undefined || format === undefined || !take(bytes, '}')) return undefined
  return { signatureName: signatureName ?? '', format, shape, values: room.subarray(first, count) }
}

/** Goes behind a character and the blanks around it, if it is here. */
function take(bytes: Uint8Array, character: string): boolean {
  const at = skipBlank(bytes, cursor)
  if (byteAt(bytes, at) !== character.charCodeAt(0)) return false
  cursor = skipBlank(bytes, at + 1)
  return true
}

/** Reads a text of ASCII without escapes. */
function readText(bytes: Uint8Array): string | undefined {
  let at = cursor
  if (byteAt(bytes, at++) !== 0x22) return undefined
  const start = at
  for (; byteAt(bytes, at) !== 0x22; at++) {
    const code = byteAt(bytes, at)
    if (code < 0x20 || code > 0x7e || code === 0x5c) return undefined
  }
  cursor = at + 1
  return latin1Of(bytes, start, at)
}

/** Reads lists of lists of numbers, each of the size of those beside it and none empty; their shape. */
function readLists(bytes: Uint8Array): number[] | undefined {
  let at = openLists(bytes, cursor, 0)
  const rank = longValue
  if (at < 0 || rank === 0) return undefined
  const shape = Array.from({ length: rank }, () => 0)
  for (;;) {
    const before = count
    at = readRun(bytes, at)
    if (at < 0) return undefined
    sizes[rank - 1] = count - before
    at = closeLists(bytes, at, shape)
    if (at < 0) return undefined
    cursor = at
    if (longValue === 0) return shape
    at = openLists(bytes, at, longValue)
    if (at < 0 || longValue !== rank) return undefined
  }
}

/** Goes into lists; how deep it is then is in `longValue`. */
function openLists(bytes: Uint8Array, from: number, outer: number): number {
  let at = from
  let depth = outer
  for (; isOpen(byteAt(bytes, at)); depth++) {
    if (depth === RANK_MAX) return -1
    sizes[depth] = 0
    at = skipBlank(bytes, at + 1)
  }
  longValue = depth
  return at
}

/** Goes behind lists and the comma before the next one; how deep it is then is in `longValue`. */
function closeLists(bytes: Uint8Array, from: number, shape: number[]): number {
  let at = from
  let depth = shape.length
  while (isClose(byteAt(bytes, at))) {
    const size = sizes[--depth] ?? 0
    if (shape[depth] === 0) shape[depth] = size
    if (shape[depth] !== size) return -1
    at = skipBlank(bytes, at + 1)
    longValue = depth
    if (depth === 0) return at
    sizes[depth - 1] = (sizes[depth - 1] ?? 0) + 1
  }
  return isComma(byteAt(bytes, at)) && depth < shape.length ? skipBlank(bytes, at + 1) : -1
}

function skipBlank(bytes: Uint8Array, from: number): number {
  let at = from
  for (;;) {
    const code = byteAt(bytes, at)
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return at
    at++
  }
}

/** Reads numbers with commas between them; what follows the last one, or -1. */
function readRun(bytes: Uint8Array, from: number): number {
  const values = room
  let next = count
  let at = from
  for (;;) {
    const isNegative = isMinus(byteAt(bytes, at))
    const start = isNegative ? at + 1 : at
    let mantissa = readDigits(bytes, start, 0)
    at = cursor
    if (!isInteger(bytes, start, at)) return -1
    let decimals = 0
    if (isPoint(byteAt(bytes, at))) {
      const point = at + 1
      mantissa = readDigits(bytes, point, mantissa)
      at = cursor
      decimals = at - point
      if (decimals === 0) return -1
    }
    let value = decimals === 0 ? mantissa : mantissa / powerOf(decimals)
    if (at - start > DIGITS_INT32 || isExponent(byteAt(bytes, at))) {
      at = readLong(bytes, start)
      if (at < 0) return -1
      value = longValue
    }
    values[next++] = isNegative ? -value : value
    at = skipComma(bytes, at)
    if (at < 0) {
      count = next
      return -at
    }
  }
}

/** Adds digits to the ones before; what follows them is in `cursor`. */
function readDigits(bytes: Uint8Array, from: number, before: number): number {
  let at = from
  let sum = before
  let digit = digitOf(byteAt(bytes, at))
  while (digit <= 9) {
    sum = (sum * 10 + digit) | 0
    digit = digitOf(byteAt(bytes, ++at))
  }
  cursor = at
  return sum
}

/** Whether there is a digit, and a leading zero stands alone. */
const isInteger = (bytes: Uint8Array, start: number, end: number): boolean =>
  end - start === 1 || (end > start && byteAt(bytes, start) !== 0x30)

const powerOf = (exponent: number): number => POWERS[exponent] ?? 1

/** Where the number after a comma begins; where there is no comma, what is there, negated. */
function skipComma(bytes: Uint8Array, from: number): number {
  let at = from
  if (!isComma(byteAt(bytes, at))) {
    at = skipBlank(bytes, at)
    if (!isComma(byteAt(bytes, at))) return -at
  }
  at++
  return byteAt(bytes, at) > 0x20 ? at : skipBlank(bytes, at)
}
function readLong(_bytes: Uint8Array, _start: number): number { return -1 }
