// Protobuf's text format, taken apart from byte to byte: strings hold bytes, and their escapes may be
// most of a file.

import { SavedModelError } from '../errors.ts'
import type { WireBuffer } from './wire-buffer.ts'

const code = (character: string): number => character.charCodeAt(0)
const [BLANK, TAB, NEWLINE, RETURN, HASH, BACKSLASH] = [0x20, 0x09, 0x0a, 0x0d, 0x23, 0x5c]
const [DOUBLE, SINGLE] = [0x22, 0x27]
const PLAIN = new Map(
  Array.from('abfnrtv\\?\'"').map((name, index) => [
    code(name),
    [7, 8, 12, 10, 13, 9, 11, BACKSLASH, 0x3f, SINGLE, DOUBLE][index] ?? 0,
  ]),
)
const SHOWN_CHARS = 40
const WORD_BYTES_MAX = 512
const BYTE_MAX = 0xff
const CODE_POINT_MAX = 0x10_ff_ff
const encoder = new TextEncoder()

const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39
const isWordStart = (byte: number): boolean =>
  (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a) || byte === 0x5f
const isOfWord = (byte: number): boolean => isWordStart(byte) || isDigit(byte)
const isOfNumber = (byte: number): boolean => isOfWord(byte) || byte === 0x2e
const isOfTypeName = (byte: number): boolean =>
  isOfNumber(byte) || byte === 0x2f || byte === 0x2d || byte === 0x25
const isSign = (byte: number): boolean => byte === 0x2b || byte === 0x2d
const isExponent = (byte: number): boolean => byte === 0x45 || byte === 0x65

/** Reads tokens one after the other; `at` is where the next begins. All throw NOT_A_SAVED_MODEL. */
export class Scanner {
  readonly #text: Buffer
  at = 0

  constructor(text: Uint8Array) {
    this.#text = Buffer.from(text.buffer, text.byteOffset, text.byteLength)
    this.#skip()
  }

  /** An error that says where in the text it is. */
  error(message: string, at = this.at): SavedModelError {
    let line = 1
    let start = 0
    for (;;) {
      const end = this.#text.indexOf(NEWLINE, start)
      if (end < 0 || end >= at) break
      line += 1
      start = end + 1
    }
    const column = this.#text.toString('utf8', start, at).length + 1
    return new SavedModelError('NOT_A_SAVED_MODEL', `line ${line}, column ${column}: ${message}`)
  }

  /** Of the text at hand, for messages. */
  get #shown(): string {
    if (this.isAtEnd) return 'the end'
    const rest = this.#text.toString('utf8', this.at, this.at + SHOWN_CHARS)
    return JSON.stringify(/^[\w.]+|^[^]/u.exec(rest)?.[0] ?? '')
  }

  expected(what: string): SavedModelError {
    return this.error(`${what} is expected, and there is ${this.#shown}`)
  }

  get isAtEnd(): boolean {
    return this.at >= this.#text.length
  }

  is(symbol: string): boolean {
    return this.#text[this.at] === code(symbol)
  }

  get #isString(): boolean {
    return this.is('"') || this.is("'")
  }

  take(symbol: string): boolean {
    if (!this.is(symbol)) return false
    this.at += 1
    this.#skip()
    return true
  }

  need(symbol: string): void {
    if (!this.take(symbol)) throw this.expected(JSON.stringify(symbol))
  }

  /** A name; undefined where there is something else. */
  word(): string | undefined {
    return isWordStart(this.#byteAt(this.at)) ? this.#while(isOfWord) : undefined
  }

  /** A number as it is written, right or wrong; undefined where there is something else. */
  number(): string | undefined {
    const first = this.#byteAt(this.at)
    const isFraction = first === 0x2e && isDigit(this.#byteAt(this.at + 1))
    return isDigit(first) || isFraction ? this.#while(isOfNumber) : undefined
  }

  /** The name of a type with what is before it, as it stands in brackets; undefined where there is none. */
  typeName(): string | undefined {
    return isWordStart(this.#byteAt(this.at)) ? this.#while(isOfTypeName) : undefined
  }

  #byteAt(at: number): number {
    return this.#text[at] ?? -1
  }

  #while(isPart: (byte: number) => boolean): string {
    const start = this.at
    let end = start
    for (;;) {
      const byte = this.#byteAt(end)
      const isOfExponent =
        isPart === isOfNumber && isSign(byte) && isExponent(this.#byteAt(end - 1))
      if (!isPart(byte) && !(isOfExponent && !this.#isHex(start))) break
      end += 1
    }
    if (end - start > WORD_BYTES_MAX) throw this.error(`a word is longer than ${WORD_BYTES_MAX}`)
    this.at = end
    this.#skip()
    return this.#text.toString('latin1', start, end)
  }

  #isHex(start: number): boolean {
    return (this.#byteAt(start + 1) | 0x20) === code('x')
  }

  /** White space and comments. */
  #skip(): void {
    for (;;) {
      const byte = this.#text[this.at]
      if (byte === BLANK || (byte !== undefined && byte >= TAB && byte <= RETURN)) {
        this.at += 1
      } else if (byte === HASH) {
        const end = this.#text.indexOf(NEWLINE, this.at)
        this.at = end < 0 ? this.#text.length : end
      } else {
        return
      }
    }
  }

  /** The strings at hand, which are one, into a buffer. */
  strings(to: WireBuffer): void {
    if (!this.#isString) throw this.expected('a string')
    while (this.#isString) this.#string(to)
  }

  #string(to: WireBuffer): void {
    const quote = this.#byteAt(this.at)
    const start = this.at
    let from = ++this.at
    for (;;) {
      const byte = this.#byteAt(this.at)
      if (byte < 0 || byte === NEWLINE) throw this.error('the string does not end', start)
      if (byte !== quote && byte !== BACKSLASH) {
        this.at += 1
        continue
      }
      if (from < this.at) to.bytes(this.#text.subarray(from, this.at))
      this.at += 1
      if (byte === quote) break
      this.#escape(to)
      from = this.at
    }
    this.#skip()
  }

  #escape(to: WireBuffer): void {
    const at = this.at - 1
    const first = this.#byteAt(this.at)
    const plain = PLAIN.get(first)
    if (plain !== undefined) {
      this.at += 1
      return to.byte(plain)
    }
    const octal = this.#digits(8, 3)
    if (octal !== undefined) {
      if (octal > BYTE_MAX) throw this.error('an octal escape is at most \\377', at)
      return to.byte(octal)
    }
    this.at += 1
    if ((first | 0x20) === code('x')) {
      const value = this.#digits(16, 2)
      if (value !== undefined) return to.byte(value)
    }
    if ((first | 0x20) === code('u'))
      return to.bytes(this.#codePoint(first === code('u') ? 4 : 8, at))
    throw this.error('an escape that is not known', at)
  }

  /** Half of a pair is completed by the escape that follows it; alone it means nothing. */
  #codePoint(length: number, at: number): Uint8Array {
    const value = this.#digits(16, length, length) ?? -1
    if (value < 0 || value > CODE_POINT_MAX) throw this.error('no character has this number', at)
    if (value < 0xd8_00 || value > 0xdf_ff) return encoder.encode(String.fromCodePoint(value))
    const low = value < 0xdc_00 ? this.#lowHalf() : 0
    if (low < 0xdc_00 || low > 0xdf_ff) throw this.error('half of a surrogate pair', at)
    return encoder.encode(String.fromCharCode(value, low))
  }

  #lowHalf(): number {
    const isThere = this.#byteAt(this.at) === BACKSLASH && this.#byteAt(this.at + 1) === code('u')
    if (!isThere) return 0
    this.at += 2
    return this.#digits(16, 4, 4) ?? 0
  }

  /** Undefined where there are fewer. */
  #digits(base: 8 | 16, most: number, least = 1): number | undefined {
    let value = 0
    let count = 0
    for (; count < most; count++) {
      const digit = digitOf(this.#byteAt(this.at))
      if (digit >= base) break
      value = value * base + digit
      this.at += 1
    }
    return count < least ? undefined : value
  }
}

/** A number that is no digit of any base where it is none. */
function digitOf(byte: number): number {
  if (isDigit(byte)) return byte - 0x30
  const lower = byte | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x61 + 10 : Infinity
}
