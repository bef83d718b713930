// Checks that bytes are JSON, as RapidJSON does: same leniency, same words, same offsets. It keeps
// nothing but where things are, so a body costs no tree and every number keeps its digits.

import { invalid } from './errors.ts'
import { Char, isBlank } from './json-chars.ts'
import { JsonCursor } from './json-read.ts'
import { atOnce, Pauses, type Steps } from './steps.ts'

/** Deeper documents are refused; the depth costs a byte a level and no stack. */
const DEPTH_MAX = 2_000_000
const DEPTH_FIRST = 64
/** The longest that one character of a name can be written. */
const ESCAPE_BYTES = 6
/** The largest exponent of a double, and what no digit can be added to. */
const EXPONENT_MAX = 308
const BEFORE_OVERFLOW = Number.MAX_VALUE / 10

const OBJECT = 1
const ARRAY = 2

/** A byte order mark; RapidJSON leaves out each byte of it that is there. */
const BOM = [0xef, 0xbb, 0xbf]
const NOT_HEX = /[^0-9a-fA-F]/

const ESCAPES = new Set(Buffer.from('"\\/bfnrt'))

/** Where the document starts, and where the values of some members are if it is an object. */
export interface Outline {
  start: number
  /** Of a key that comes twice, the first. */
  members: ReadonlyMap<string, number>
}

/**
 * Reads one JSON value and ignores what follows it. Throws INVALID_ARGUMENT in RapidJSON's words.
 * `NaN`, `Inf` and `Infinity` are numbers; a byte order mark is skipped; encodings are not checked.
 * Only the members with these names are kept: a body may have millions of others.
 */
export const scanJson = (bytes: Uint8Array, names: readonly string[] = []): Outline =>
  atOnce(scanSteps(bytes, names))

/** Reads it with pauses. */
export function* scanSteps(bytes: Uint8Array, names: readonly string[]): Steps<Outline> {
  if (bytes.length === 0) throw invalid('JSON Parse error: The document is empty')
  return yield* new Scanner(bytes, names).scan()
}

const isDigit = (code: number | undefined): boolean =>
  code !== undefined && code >= Char.ZERO && code <= Char.NINE

class Scanner {
  readonly #bytes: Uint8Array
  readonly #names: readonly string[]
  readonly #nameBytesMax: number
  readonly #members = new Map<string, number>()
  #at = 0
  #kinds = new Uint8Array(DEPTH_FIRST)
  #depth = 0

  constructor(bytes: Uint8Array, names: readonly string[]) {
    this.#bytes = bytes
    this.#names = names
    this.#nameBytesMax = ESCAPE_BYTES * Math.max(0, ...names.map((name) => name.length))
    for (const code of BOM) if (bytes[this.#at] === code) this.#at++
  }

  *scan(): Steps<Outline> {
    this.#blank()
    const start = this.#at
    const first = this.#bytes[start]
    const isNothing =
      first === undefined ||
      [Char.COMMA, Char.COLON, Char.CLOSE_LIST, Char.CLOSE_OBJECT].some((code) => code === first)
    if (isNothing) this.#fail('The document is empty.')
    const pauses = new Pauses()
    do {
      this.#enter()
      pauses.count()
      if (!pauses.isDue) continue
      pauses.begin()
      yield
    } while (this.#depth > 0 && this.#goOn())
    return { start, members: this.#members }
  }

  /** Reads values until one is whole: a scalar, or a list or object without a member. */
  #enter(): void {
    for (;;) {
      this.#blank()
      const first = this.#bytes[this.#at] ?? 0
      if (first === Char.OPEN_OBJECT) {
        if (this.#isEmpty(Char.CLOSE_OBJECT)) return
        this.#push(OBJECT)
        this.#key()
      } else if (first === Char.OPEN_LIST) {
        if (this.#isEmpty(Char.CLOSE_LIST)) return
        this.#push(ARRAY)
      } else {
        return this.#scalar(first)
      }
    }
  }

  /** After a whole value: true before the next one, false at the end of the document. */
  #goOn(): boolean {
    while (this.#depth > 0) {
      this.#blank()
      const code = this.#bytes[this.#at]
      const isObject = this.#kinds[this.#depth - 1] === OBJECT
      if (code === Char.COMMA) {
        this.#at++
        if (isObject) this.#key()
        return true
      }
      if (code !== (isObject ? Char.CLOSE_OBJECT : Char.CLOSE_LIST))
        this.#fail(
          isObject
            ? "Missing a comma or '}' after an object member."
            : "Missing a comma or ']' after an array element.",
        )
      this.#at++
      this.#depth--
    }
    return false
  }

  #isEmpty(close: number): boolean {
    this.#at++
    this.#blank()
    if (this.#bytes[this.#at] !== close) return false
    this.#at++
    return true
  }

  #push(kind: number): void {
    if (this.#depth === DEPTH_MAX) this.#fail(`Nested deeper than ${DEPTH_MAX} levels.`)
    if (this.#depth === this.#kinds.length) {
      const kinds = new Uint8Array(this.#depth * 2)
      kinds.set(this.#kinds)
      this.#kinds = kinds
    }
    this.#kinds[this.#depth++] = kind
  }

  #key(): void {
    this.#blank()
    const key = this.#at
    if (this.#bytes[key] !== Char.QUOTE) this.#fail('Missing a name for object member.')
    this.#string()
    const keyEnd = this.#at
    this.#blank()
    if (this.#bytes[this.#at] !== Char.COLON)
      this.#fail('Missing a colon after a name of object member.')
    this.#at++
    this.#blank()
    if (this.#depth === 1 && keyEnd - key - 2 <= this.#nameBytesMax) this.#keep(key)
  }

  #keep(key: number): void {
    const name = new JsonCursor(this.#bytes, key).readText()
    if (this.#names.includes(name) && !this.#members.has(name)) this.#members.set(name, this.#at)
  }

  #scalar(first: number): void {
    switch (first) {
      case Char.QUOTE:
        return this.#string()
      case Char.T:
        return this.#word('true')
      case Char.F:
        return this.#word('false')
      case Char.N:
        return this.#word('null')
      default:
        return this.#number()
    }
  }

  #blank(): void {
    while (isBlank(this.#bytes[this.#at])) this.#at++
  }

  #word(word: string): void {
    for (let index = 0; index < word.length; index++) {
      if (this.#bytes[this.#at] !== word.charCodeAt(index)) this.#fail('Invalid value.')
      this.#at++
    }
  }

  #string(): void {
    const bytes = this.#bytes
    let at = this.#at + 1
    for (;;) {
      const code = bytes[at]
      if (code === Char.QUOTE) break
      if (code === Char.BACKSLASH) {
        this.#at = at
        at = this.#escape()
      } else if (code === undefined || code === 0) {
        this.#fail('Missing a closing quotation mark in string.', at)
      } else if (code < 0x20) {
        this.#fail('Invalid escape character in string.', at)
      } else {
        at++
      }
    }
    this.#at = at + 1
  }

  /** Returns where the escape that starts here ends. */
  #escape(): number {
    const at = this.#at
    const code = this.#bytes[at + 1]
    if (code !== undefined && ESCAPES.has(code)) return at + 2
    if (code !== Char.U) this.#fail('Invalid escape character in string.')
    const first = this.#hex(at + 2)
    if (first < 0xd800 || first > 0xdbff) return at + 6
    const isPair = this.#bytes[at + 6] === Char.BACKSLASH && this.#bytes[at + 7] === Char.U
    const second = isPair ? this.#hex(at + 8) : 0
    if (second < 0xdc00 || second > 0xdfff) this.#fail('The surrogate pair in string is invalid.')
    return at + 12
  }

  #hex(from: number): number {
    const digits = String.fromCharCode(...this.#bytes.subarray(from, from + 4))
    if (digits.length < 4 || NOT_HEX.test(digits))
      this.#fail('Incorrect hex digit after \\u escape in string.')
    return Number.parseInt(digits, 16)
  }

  #number(): void {
    const bytes = this.#bytes
    const start = this.#at
    if (bytes[this.#at] === Char.MINUS) this.#at++
    const first = bytes[this.#at]
    if (first === Char.UPPER_N) return this.#word('NaN')
    if (first === Char.UPPER_I) return this.#infinity()
    if (!isDigit(first)) this.#fail('Invalid value.')
    this.#integer(start)
    let decimals = 0
    if (bytes[this.#at] === Char.DOT) {
      this.#at++
      decimals = this.#digits('Miss fraction part in number.')
    }
    const mark = bytes[this.#at]
    if (mark === Char.E || mark === Char.UPPER_E) this.#exponent(start, decimals)
  }

  /** A leading zero stands alone. */
  #integer(start: number): void {
    const bytes = this.#bytes
    const from = this.#at++
    if (bytes[from] === Char.ZERO) return
    while (isDigit(bytes[this.#at])) this.#at++
    // The last digit could be added only to what is below.
    if (this.#at - from <= EXPONENT_MAX) return
    const before = Number(Buffer.from(bytes.subarray(from, this.#at - 1)).toString('latin1'))
    if (before >= BEFORE_OVERFLOW) this.#fail('Number too big to be stored in double.', start)
  }

  #exponent(start: number, decimals: number): void {
    const sign = this.#bytes[++this.#at]
    if (sign === Char.PLUS || sign === Char.MINUS) this.#at++
    const from = this.#at
    this.#digits('Miss exponent in number.')
    const digits = Buffer.from(this.#bytes.subarray(from, this.#at)).toString('latin1')
    if (sign !== Char.MINUS && Number(digits) > EXPONENT_MAX + decimals)
      this.#fail('Number too big to be stored in double.', start)
  }

  #digits(missing: string): number {
    const from = this.#at
    while (isDigit(this.#bytes[this.#at])) this.#at++
    if (this.#at === from) this.#fail(missing)
    return this.#at - from
  }

  #infinity(): void {
    this.#word('Inf')
    if (this.#bytes[this.#at] === Char.I) this.#word('inity')
  }

  #fail(what: string, at: number = this.#at): never {
    throw invalid(`JSON Parse error: ${what} at offset: ${at}`)
  }
}
