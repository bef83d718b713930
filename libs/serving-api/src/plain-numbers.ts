// Runs of JSON numbers as floats: the inner part of `plain-body.ts`, and the hot loop of a request.
// What V8 is fast with decides the form: the text is copied into one constant array that ends in a
// zero, so that no read can miss it; characters stand as numbers in functions that are inlined.

/** Longer texts are not plain. */
export const TEXT_BYTES_MAX = 2 ** 20
const text = new Uint8Array(TEXT_BYTES_MAX + 1)

/** So many digits fit an int32. */
const DIGITS_INT32 = 9
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

const ZERO = 0x30

const double = new Float64Array(1)
const words = new Uint32Array(double.buffer)
const LOW_WORD = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1 ? 0 : 1

/** Where values go, and where the next one does. */
let room: Float32Array = new Float32Array()
let count = 0
/** What functions give beside their result: where they ended, and a number. */
let cursor = 0
let longValue = 0

const isMinus = (code: number): boolean => code === 0x2d
const isPlus = (code: number): boolean => code === 0x2b
const isPoint = (code: number): boolean => code === 0x2e
const isComma = (code: number): boolean => code === 0x2c
const isExponent = (code: number): boolean => (code | 0x20) === 0x65
/** More than 9 for what is no digit. */
const digitOf = (code: number): number => (code - 0x30) >>> 0

/** Begins a text of at most `TEXT_BYTES_MAX`. Its values go into `values` from a place on. */
export function openText(bytes: Uint8Array, values: Float32Array, from: number): void {
  text.set(bytes)
  text[bytes.length] = 0
  room = values
  count = from
}

/** Where the next value will go. */
export const nextPlace = (): number => count

/** The byte at a place; 0 at the end. Nothing may look further. */
export const byteAt = (at: number): number => text[at] ?? 0

/** A part of the text, one byte a character. */
export const textAt = (from: number, to: number): string =>
  Buffer.from(text.buffer, from, to - from).toString('latin1')

/** Where the next character is that is not white space. */
export function skipBlank(from: number): number {
  let at = from
  for (;;) {
    const code = byteAt(at)
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return at
    at++
  }
}

/**
 * Reads numbers with commas between them: each the double that is nearest to its text, rounded to a
 * float. Returns what follows the last one, or -1 for anything that is not read here.
 */
export function readRun(from: number): number {
  const values = room
  let next = count
  let at = from
  for (;;) {
    const isNegative = isMinus(byteAt(at))
    const start = isNegative ? at + 1 : at
    let mantissa = readDigits(start, 0)
    at = cursor
    if (!isInteger(start, at)) return -1
    let digits = byteAt(start) === ZERO ? 0 : at - start
    // The integer -0 is 0.
    let value = isNegative ? 0 - mantissa : mantissa
    if (isPoint(byteAt(at))) {
      const point = at + 1
      mantissa = readDigits(point, mantissa)
      at = cursor
      if (at === point) return -1
      digits += at - point
      value = signed(mantissa / powerOf(at - point), isNegative)
    }
    if (digits > DIGITS_INT32 || isExponent(byteAt(at))) {
      at = readLong(start, at)
      if (at < 0) return -1
      value = signed(longValue, isNegative)
    }
    values[next++] = value
    at = skipComma(at)
    if (at < 0) {
      count = next
      return -at
    }
  }
}

/** Adds digits to the ones before; what follows them is in `cursor`. */
function readDigits(from: number, before: number): number {
  let at = from
  let sum = before
  let digit = digitOf(byteAt(at))
  while (digit <= 9) {
    sum = (sum * 10 + digit) | 0
    digit = digitOf(byteAt(++at))
  }
  cursor = at
  return sum
}

/** Whether there is a digit, and a leading zero stands alone. */
const isInteger = (start: number, end: number): boolean =>
  end - start === 1 || (end > start && byteAt(start) !== ZERO)

const powerOf = (exponent: number): number => POWERS[exponent] ?? NaN

const signed = (size: number, isNegative: boolean): number => (isNegative ? -size : size)

/** Where the number after a comma begins; where there is no comma, what is there, negated. */
function skipComma(from: number): number {
  let at = from
  if (!isComma(byteAt(at))) {
    at = skipBlank(at)
    if (!isComma(byteAt(at))) return -at
  }
  at++
  if (byteAt(at) === 0x20) at++
  return byteAt(at) > 0x20 ? at : skipBlank(at)
}

/**
 * Reads a number of many digits or with an exponent into `longValue`; its digits and its point end at
 * `end`. Returns what follows it, or -1.
 */
function readLong(start: number, end: number): number {
  if (end - start > LENGTH_MAX) return -1
  const whole = readDigits(start, 0)
  const point = cursor
  const decimals = Math.max(0, end - point - 1)
  let at = end
  let scale = -decimals
  if (isExponent(byteAt(at))) {
    scale += readExponent(at + 1)
    at = cursor
    if (Number.isNaN(scale)) return -1
  }
  longValue =
    point - start > DIGITS_INT32 || decimals > 2 * DIGITS_INT32
      ? NaN
      : scaled(whole * powerOf(decimals) + fractionOf(end - decimals, end), scale)
  if (Number.isNaN(longValue)) longValue = Number(textAt(start, at))
  return at
}

/** The number that up to eighteen digits are. */
function fractionOf(from: number, to: number): number {
  const middle = from + DIGITS_INT32
  return to <= middle
    ? partOf(from, to)
    : partOf(from, middle) * powerOf(to - middle) + partOf(middle, to)
}

/** The number that up to nine digits are. */
function partOf(from: number, to: number): number {
  let sum = 0
  for (let at = from; at < to; at++) sum = (sum * 10 + byteAt(at) - ZERO) | 0
  return sum
}

/**
 * `sum * 10 ** scale`, near enough to be rounded to a float; NaN where that takes more care. Up to
 * 2 ** 53 nothing was rounded before: then one operation with an exact power is as good as all digits.
 */
function scaled(sum: number, scale: number): number {
  const value = scale < 0 ? sum / powerOf(-scale) : sum * powerOf(scale)
  if (sum <= Number.MAX_SAFE_INTEGER) return value
  return value >= NORMAL_LEAST && !isNearTie(value) ? value : NaN
}

/** Whether a double is about in the middle between two floats. */
function isNearTie(value: number): boolean {
  double[0] = value
  return Math.abs(((words[LOW_WORD] ?? 0) & LOST_BITS) - TIE) <= NEAR_TIE
}

/** The exponent behind an `e`, or NaN; what follows it is in `cursor`. */
function readExponent(from: number): number {
  const sign = byteAt(from)
  const start = isPlus(sign) || isMinus(sign) ? from + 1 : from
  const size = readDigits(start, 0)
  const length = cursor - start
  if (length === 0 || length > DIGITS_INT32 || size > EXPONENT_MAX) return NaN
  return isMinus(sign) ? -size : size
}
