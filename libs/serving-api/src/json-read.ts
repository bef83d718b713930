// Reads values out of bytes that `scanJson` has accepted: nothing is checked a second time.

import { Char, isBlank } from './json-chars.ts'

/** What a JSON value is, in RapidJSON's words for error texts. */
export type JsonType = 'Null' | 'False' | 'True' | 'Object' | 'Array' | 'String' | 'Number'

/** The digits that a double holds for sure, and the powers of ten that are exact in one. */
const DIGITS_EXACT = 15
const POWERS = Array.from({ length: 23 }, (_, exponent) => 10 ** exponent)

const SIMPLE_ESCAPES: Readonly<Record<number, number>> = {
  0x62: 0x08,
  0x66: 0x0c,
  0x6e: 0x0a,
  0x72: 0x0d,
  0x74: 0x09,
}

/** A place in accepted JSON. Every `read` and `skip` starts at a value and ends behind it. */
export class JsonCursor {
  readonly bytes: Uint8Array
  at: number
  /** What `readNumber` met last: whether it has neither a point nor an exponent. */
  isInteger = false
  /** Where the number that was read last starts. */
  numberStart = 0
  #mantissa = 0

  constructor(bytes: Uint8Array, at: number) {
    this.bytes = bytes
    this.at = at
    this.skipBlank()
  }

  skipBlank(): void {
    while (isBlank(this.bytes[this.at])) this.at++
  }

  typeOf(): JsonType {
    switch (this.bytes[this.at] ?? 0) {
      case Char.OPEN_OBJECT:
        return 'Object'
      case Char.OPEN_LIST:
        return 'Array'
      case Char.QUOTE:
        return 'String'
      case Char.T:
        return 'True'
      case Char.F:
        return 'False'
      case Char.N:
        return 'Null'
      default:
        return 'Number'
    }
  }

  /** Goes into a list or object; false if it is empty, and then already behind it. */
  enter(): boolean {
    this.at++
    this.skipBlank()
    const code = this.bytes[this.at]
    if (code !== Char.CLOSE_LIST && code !== Char.CLOSE_OBJECT) return true
    this.at++
    return false
  }

  /** After a member: true before the next one, false behind the end of the list or object. */
  next(): boolean {
    this.skipBlank()
    const isMore = this.bytes[this.at++] === Char.COMMA
    if (isMore) this.skipBlank()
    return isMore
  }

  /** Reads a key and goes to its value. */
  readKey(): string {
    const key = this.readText()
    this.skipBlank()
    this.at++
    this.skipBlank()
    return key
  }

  #skipKey(): void {
    this.#skipString()
    this.skipBlank()
    this.at++
    this.skipBlank()
  }

  /** Goes behind a value, however deep it is. */
  skip(): void {
    let depth = 0
    do {
      switch (this.bytes[this.at] ?? 0) {
        case Char.QUOTE:
          this.#skipString()
          break
        case Char.OPEN_OBJECT:
        case Char.OPEN_LIST:
          depth++
          this.at++
          break
        case Char.CLOSE_OBJECT:
        case Char.CLOSE_LIST:
          depth--
          this.at++
          break
        default:
          this.#skipOther(depth)
      }
    } while (depth > 0)
  }

  /** Words, numbers and, inside of something, what stands between members. */
  #skipOther(depth: number): void {
    this.at++
    for (; this.at < this.bytes.length; this.at++) {
      const code = this.bytes[this.at] ?? 0
      const isStructure =
        code === Char.QUOTE ||
        (code | 0x20) === Char.OPEN_OBJECT ||
        (code | 0x20) === Char.CLOSE_OBJECT
      if (isStructure || (depth === 0 && (isBlank(code) || code === Char.COMMA))) return
    }
  }

  #skipString(): void {
    let at = this.at + 1
    while (this.bytes[at] !== Char.QUOTE) at += this.bytes[at] === Char.BACKSLASH ? 2 : 1
    this.at = at + 1
  }

  /** How many members a list or object has. Stays where it is. */
  count(): number {
    const start = this.at
    const isObject = this.bytes[start] === Char.OPEN_OBJECT
    let size = 0
    if (this.enter()) {
      do {
        if (isObject) this.#skipKey()
        this.skip()
        size++
      } while (this.next())
    }
    this.at = start
    return size
  }

  /** The number here as the nearest double; `-0` without a point is 0, as in RapidJSON. */
  readNumber(): number {
    const { bytes } = this
    this.numberStart = this.at
    const isNegative = bytes[this.at] === Char.MINUS
    if (isNegative) this.at++
    this.#mantissa = 0
    const digits = this.#readDigits()
    this.isInteger = bytes[this.at] !== Char.DOT
    if (!this.isInteger) this.at++
    const decimals = this.isInteger ? 0 : this.#readDigits()
    const isExact = digits > 0 && digits + decimals <= DIGITS_EXACT
    if (!isExact || ((bytes[this.at] ?? 0) | 0x20) === Char.E) return this.#readSlowly()
    const value = decimals === 0 ? this.#mantissa : this.#mantissa / (POWERS[decimals] ?? 1)
    if (!isNegative) return value
    return this.isInteger ? 0 - value : -value
  }

  /** Appends digits to the mantissa; returns how many. */
  #readDigits(): number {
    const { bytes } = this
    const start = this.at
    let at = start
    let mantissa = this.#mantissa
    let code = bytes[at] ?? 0
    while (code >= Char.ZERO && code <= Char.NINE) {
      mantissa = mantissa * 10 + (code - Char.ZERO)
      code = bytes[++at] ?? 0
    }
    this.#mantissa = mantissa
    this.at = at
    return at - start
  }

  #readSlowly(): number {
    const { bytes } = this
    const first = bytes[this.numberStart + (bytes[this.numberStart] === Char.MINUS ? 1 : 0)]
    this.at = this.numberStart
    if (first === Char.UPPER_N || first === Char.UPPER_I) return this.#readNotFinite(first)
    while (isOfNumber(bytes[this.at])) this.at++
    const text = this.numberText()
    this.isInteger = !/[.eE]/.test(text)
    return Number(text)
  }

  #readNotFinite(first: number): number {
    const isNegative = this.bytes[this.at] === Char.MINUS
    this.isInteger = false
    // `NaN` and `Inf` are followed by no letter, `Infinity` by more of them.
    this.at++
    while (
      ((this.bytes[this.at] ?? 0) | 0x20) >= 0x61 &&
      ((this.bytes[this.at] ?? 0) | 0x20) <= 0x7a
    )
      this.at++
    if (first === Char.UPPER_N) return NaN
    return isNegative ? -Infinity : Infinity
  }

  /** The text of the number that was read last. */
  numberText(): string {
    return latin1(this.bytes.subarray(this.numberStart, this.at))
  }

  /** The string here as its bytes; they may share memory with the document. */
  readBytes(): Uint8Array {
    const start = this.at + 1
    let at = start
    while (this.bytes[at] !== Char.QUOTE && this.bytes[at] !== Char.BACKSLASH) at++
    if (this.bytes[at] === Char.QUOTE) {
      this.at = at + 1
      return this.bytes.subarray(start, at)
    }
    this.#skipString()
    return unescape(this.bytes.subarray(start, this.at - 1))
  }

  /** The string here as text; bytes that are not UTF-8 are replaced. */
  readText(): string {
    const bytes = this.readBytes()
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8')
  }
}

const latin1 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')

const isOfNumber = (code: number | undefined): boolean =>
  code !== undefined &&
  ((code >= Char.ZERO && code <= Char.NINE) ||
    code === Char.MINUS ||
    code === Char.PLUS ||
    code === Char.DOT ||
    code === Char.E ||
    code === Char.UPPER_E)

/** An escape is never shorter than what it stands for in UTF-8. */
function unescape(bytes: Uint8Array): Uint8Array {
  const out = Buffer.alloc(bytes.length)
  let size = 0
  for (let at = 0; at < bytes.length;) {
    const code = bytes[at] ?? 0
    if (code !== Char.BACKSLASH) {
      out[size++] = code
      at++
    } else if (bytes[at + 1] === Char.U) {
      const isPair = (hexAt(bytes, at + 2) & 0xfc00) === 0xd800
      const point = isPair
        ? 0x10000 + ((hexAt(bytes, at + 2) & 0x3ff) << 10) + (hexAt(bytes, at + 8) & 0x3ff)
        : hexAt(bytes, at + 2)
      size = writePoint(out, size, point)
      at += isPair ? 12 : 6
    } else {
      const escaped = bytes[at + 1] ?? 0
      out[size++] = SIMPLE_ESCAPES[escaped] ?? escaped
      at += 2
    }
  }
  return out.subarray(0, size)
}

const hexAt = (bytes: Uint8Array, at: number): number =>
  Number.parseInt(latin1(bytes.subarray(at, at + 4)), 16)

/** UTF-8, also of a lone low surrogate, which RapidJSON lets through. */
function writePoint(out: Uint8Array, at: number, point: number): number {
  if (point < 0x80) {
    out[at] = point
    return at + 1
  }
  const more = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3
  out[at] = ((0xf00 >> (more + 1)) & 0xff) | (point >> (6 * more))
  for (let left = more - 1; left >= 0; left--)
    out[at + more - left] = 0x80 | ((point >> (6 * left)) & 0x3f)
  return at + more + 1
}
