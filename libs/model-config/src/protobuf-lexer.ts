import { ModelConfigCode, ModelConfigError } from './errors.ts'

/** Longest text that is read: some 300,000 models. */
export const TEXT_CHARACTERS_MAX = 64 * 1024 * 1024

/** A piece of a text; `at` is where it begins. */
export interface Token {
  kind: 'word' | 'number' | 'string' | 'symbol' | 'end'
  /** As written; of a string, what it means. */
  text: string
  at: number
}

const WORD = /[A-Za-z_][A-Za-z0-9_]*/y
const NUMBER = /0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?[fF]?/y
/** The name of an extension or of a type, in brackets where a field's name would be. */
const BRACKETED = /[\w.\-/ \t\r\n]{1,512}\]/y
const SYMBOLS = '{}<>[]:,;-'
const BLANK = 0x20
const TAB = 0x09
const RETURN = 0x0d
const HASH = 0x23
/** Strings in which every character stands for itself. */
const PLAIN_DOUBLE = /"[\x20\x21\x23-\x5b\x5d-\x7e]{0,4096}"/y
const PLAIN_SINGLE = /'[\x20-\x26\x28-\x5b\x5d-\x7e]{0,4096}'/y
const ESCAPE = /[abfnrtv\\?'"]|[0-7]{1,3}|[xX][0-9a-fA-F]{1,2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}/y
const PLAIN_BYTES: Record<string, number> = {
  a: 7,
  b: 8,
  t: 9,
  n: 10,
  v: 11,
  f: 12,
  r: 13,
  '\\': 92,
  '?': 63,
  "'": 39,
  '"': 34,
}
const BYTE_MAX = 0xff
const CODE_POINT_MAX = 0x10_ff_ff

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The engine copies pieces that are shorter than this, and keeps the whole text for longer ones. */
const SLICE_MIN = 13

/** A piece of a text as a text of its own. */
const copyOf = (piece: string): string =>
  piece.length < SLICE_MIN ? piece : Buffer.from(piece, 'latin1').toString('latin1')

/** Takes protobuf's text format apart, one token at a time. */
export class Lexer {
  readonly #text: string
  #at = 0

  /** Throws TOO_LARGE for a text that is longer than is read. */
  constructor(text: string) {
    this.#text = text
    if (text.length > TEXT_CHARACTERS_MAX) {
      throw this.error(0, `the text is longer than ${TEXT_CHARACTERS_MAX}`, 'TOO_LARGE')
    }
  }

  /** An error that says where in the text it is. */
  error(
    at: number,
    message: string,
    code: ModelConfigCode = ModelConfigCode.SYNTAX,
    cause?: unknown,
  ) {
    const before = this.#text.slice(0, at)
    const line = before.split('\n').length
    const column = at - before.lastIndexOf('\n')
    return new ModelConfigError(code, { line, column }, message, { cause })
  }

  next(): Token {
    this.#skip()
    const at = this.#at
    const first = this.#text[at]
    if (first === undefined) return { kind: 'end', text: 'the end', at }
    if (first === '"' || first === "'") return { kind: 'string', text: this.#string(first), at }
    if (SYMBOLS.includes(first)) {
      this.#at += 1
      return { kind: 'symbol', text: first, at }
    }
    const word = this.#match(WORD)
    if (word !== undefined) return { kind: 'word', text: word, at }
    const number = this.#match(NUMBER)
    if (number !== undefined) return this.#number(number, at)
    throw this.error(at, `${JSON.stringify(first)} has no meaning here`)
  }

  /** What follows an opening bracket, up to the closing one; undefined where that is no name. */
  bracketed(): string | undefined {
    return this.#match(BRACKETED)?.slice(0, -1).trim()
  }

  /** White space and comments. Loops, since one pattern for a long file exhausts the engine's stack. */
  #skip(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at)
      // Tab to carriage return are all of the white space but the blank itself.
      if (code === BLANK || (code >= TAB && code <= RETURN)) {
        this.#at += 1
      } else if (code === HASH) {
        const end = this.#text.indexOf('\n', this.#at)
        this.#at = end < 0 ? this.#text.length : end
      } else {
        return
      }
    }
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at
    if (!pattern.test(this.#text)) return undefined
    const from = this.#at
    this.#at = pattern.lastIndex
    return this.#text.slice(from, this.#at)
  }

  #number(text: string, at: number): Token {
    if (/[A-Za-z0-9_.]/.test(this.#text[this.#at] ?? '')) {
      throw this.error(this.#at, 'a number ends in a space or a symbol')
    }
    return { kind: 'number', text, at }
  }

  /** A string in either quotes; escapes mean bytes, and the whole of it has to be UTF-8. */
  #string(quote: string): string {
    const plain = this.#match(quote === '"' ? PLAIN_DOUBLE : PLAIN_SINGLE)
    if (plain !== undefined) return copyOf(plain.slice(1, -1))
    const start = this.#at
    const parts: Uint8Array[] = []
    let from = ++this.#at
    for (;;) {
      const character = this.#text[this.#at]
      if (character === undefined) throw this.error(start, 'the string does not end')
      if (character !== quote && character !== '\\') {
        this.#at += 1
        continue
      }
      parts.push(encoder.encode(this.#text.slice(from, this.#at)))
      this.#at += 1
      if (character === quote) return this.#decode(parts, start)
      parts.push(this.#escape())
      from = this.#at
    }
  }

  #decode(parts: readonly Uint8Array[], start: number): string {
    try {
      return decoder.decode(Buffer.concat(parts))
    } catch (cause) {
      throw this.error(start, 'the string is not UTF-8', ModelConfigCode.SYNTAX, cause)
    }
  }

  #escape(): Uint8Array {
    const at = this.#at - 1
    const text = this.#match(ESCAPE)
    if (text === undefined) throw this.error(at, 'an escape that is not known')
    const plain = PLAIN_BYTES[text]
    if (plain !== undefined) return Uint8Array.of(plain)
    if (/^[uU]/.test(text)) return this.#codePoint(Number.parseInt(text.slice(1), 16), at)
    const byte = /^[xX]/.test(text) ? Number.parseInt(text.slice(1), 16) : Number.parseInt(text, 8)
    if (byte > BYTE_MAX) throw this.error(at, 'an octal escape is at most \\377')
    return Uint8Array.of(byte)
  }

  /** Half of a pair is completed by the escape that follows it; alone it means nothing. */
  #codePoint(first: number, at: number): Uint8Array {
    if (first > CODE_POINT_MAX) throw this.error(at, 'no character has this number')
    const isHigh = first >= 0xd8_00 && first <= 0xdb_ff
    const low = isHigh ? this.#match(/\\u[dD][c-fC-F][0-9a-fA-F]{2}/y) : undefined
    if (low === undefined && first >= 0xd8_00 && first <= 0xdf_ff) {
      throw this.error(at, 'half of a surrogate pair')
    }
    return encoder.encode(
      low === undefined
        ? String.fromCodePoint(first)
        : String.fromCharCode(first, Number.parseInt(low.slice(2), 16)),
    )
  }
}
