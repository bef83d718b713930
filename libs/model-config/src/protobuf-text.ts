import { ModelConfigCode } from './errors.ts'
import { Lexer, type Token } from './protobuf-lexer.ts'

/** Deepest nesting that is read; protobuf's own is 100, and no config comes near it. */
const DEPTH_MAX = 32
const FIELDS_MAX = 10_000_000

/** A value as written, with where it begins. */
export type TextValue =
  | { kind: 'message'; fields: readonly TextField[]; at: number }
  | { kind: 'string'; value: string; at: number }
  /** An integer, a fraction or a word, as written. */
  | { kind: 'scalar'; value: string; at: number }

/** One field of a message. A list is as many fields of one name. */
export interface TextField {
  name: string
  /** Behind the name, where upstream says that something is wrong with it. */
  at: number
  value: TextValue
}

/** One step of reading a text: a message was opened, a field is there as a whole, or a message ended. */
export type TextEvent =
  | { kind: 'open'; name: string; at: number }
  /** Comes before a field's value is looked at. */
  | { kind: 'name'; name: string; at: number }
  | { kind: 'field'; field: TextField }
  | { kind: 'close' }

/** A text that is read step by step, and what makes errors that say where in it they are. */
export interface TextReading {
  events: Generator<TextEvent, void>
  error: Lexer['error']
}

/** A text that was read: its fields, and what makes errors that say where in it they are. */
export interface ParsedText {
  fields: readonly TextField[]
  error: Lexer['error']
}

/**
 * Reads protobuf's text format without knowing the message: comments, `{}` and `<>`, lists, strings
 * with escapes that join when adjacent, `,` or `;` or nothing after a field. The name of an extension
 * or a type in brackets counts as the name of a field. Throws `ModelConfigError` with line and column.
 */
export function parseProtobufText(text: string): ParsedText {
  const lexer = new Lexer(text)
  const parser = new Parser(lexer)
  return {
    fields: parser.fields('end'),
    error: (at, message, code, cause) => lexer.error(at, message, code, cause),
  }
}

/**
 * Reads the same without ever holding all of it: messages at the top for which `isOpened` says so
 * are told of field by field, so that whoever reads can stop between any two.
 */
export function readProtobufText(text: string, isOpened: (name: string) => boolean): TextReading {
  const lexer = new Lexer(text)
  return {
    events: new Parser(lexer).events(isOpened),
    error: (at, message, code, cause) => lexer.error(at, message, code, cause),
  }
}

type Close = '}' | '>' | 'end'

class Parser {
  readonly #lexer: Lexer
  #token: Token
  #depth = 0
  #count = 0

  constructor(lexer: Lexer) {
    this.#lexer = lexer
    this.#token = lexer.next()
  }

  /** The fields up to a closing symbol, or up to the end of the text. */
  fields(close: Close): TextField[] {
    const fields: TextField[] = []
    while (!this.#isAt(close)) {
      const { name, at } = this.#name(close)
      const hasColon = this.#colon()
      if (this.#is('[')) for (const value of this.#list(hasColon)) fields.push({ name, at, value })
      else fields.push({ name, at, value: this.#value() })
      this.#separator()
    }
    return fields
  }

  /** See `readProtobufText`. */
  *events(isOpened: (name: string) => boolean): Generator<TextEvent, void> {
    while (!this.#isAt('end')) {
      const { name, at } = this.#name('end')
      yield { kind: 'name', name, at }
      const hasColon = this.#colon()
      if (isOpened(name)) yield* this.#opened(name, at)
      else yield* this.#told({ name, at }, hasColon)
      this.#separator()
    }
  }

  *#opened(name: string, at: number): Generator<TextEvent, void> {
    const close = this.#is('<') ? '>' : '}'
    if (!this.#take('<') && !this.#take('{')) throw this.#found('"{"')
    yield { kind: 'open', name, at }
    while (!this.#isAt(close)) {
      const field = this.#name(close)
      yield* this.#told(field, this.#colon())
      this.#separator()
    }
    this.#advance()
    yield { kind: 'close' }
  }

  *#told(name: Omit<TextField, 'value'>, hasColon: boolean): Generator<TextEvent, void> {
    if (!this.#is('[')) return yield { kind: 'field', field: { ...name, value: this.#value() } }
    for (const value of this.#list(hasColon)) yield { kind: 'field', field: { ...name, value } }
  }

  #isAt(close: Close): boolean {
    return close === 'end' ? this.#token.kind === 'end' : this.#is(close)
  }

  #name(close: Close): Omit<TextField, 'value'> {
    const { kind, text } = this.#token
    const bracketed = this.#is('[') ? this.#lexer.bracketed() : undefined
    if (kind !== 'word' && bracketed === undefined) {
      const isOtherClose = close !== 'end' && (this.#is('}') || this.#is('>'))
      throw isOtherClose ? this.#found(`"${close}"`) : this.#got('identifier')
    }
    this.#advance()
    return { name: bracketed ?? text, at: this.#token.at }
  }

  /** Takes the colon after a name; it may only be left out before a message or a list of them. */
  #colon(): boolean {
    const hasColon = this.#take(':')
    if (!hasColon && !['{', '<', '['].some((open) => this.#is(open))) throw this.#found('":"')
    return hasColon
  }

  #separator(): void {
    if (!this.#take(',')) this.#take(';')
  }

  *#list(hasColon: boolean): Generator<TextValue, void> {
    this.#advance()
    if (this.#take(']')) return
    do {
      if (!hasColon && !this.#is('{') && !this.#is('<')) throw this.#found('"{"')
      yield this.#value()
    } while (this.#take(','))
    if (!this.#take(']')) throw this.#found('"]"')
  }

  #value(): TextValue {
    if (++this.#count > FIELDS_MAX) throw this.#tooLarge(`more than ${FIELDS_MAX} values`)
    const { kind, at } = this.#token
    if (this.#is('{') || this.#is('<')) return this.#message()
    if (kind === 'string') return { kind, value: this.#joined(), at }
    const sign = this.#take('-') ? '-' : ''
    const { kind: scalar, text } = this.#token
    if (scalar !== 'number' && scalar !== 'word') throw this.#got('value')
    this.#advance()
    return { kind: 'scalar', value: `${sign}${text}`, at }
  }

  #message(): TextValue {
    const { at } = this.#token
    const close = this.#is('{') ? '}' : '>'
    if (++this.#depth > DEPTH_MAX) throw this.#tooLarge(`nested deeper than ${DEPTH_MAX}`)
    this.#advance()
    const fields = this.fields(close)
    this.#advance()
    this.#depth -= 1
    return { kind: 'message', fields, at }
  }

  #joined(): string {
    const parts: string[] = []
    while (this.#token.kind === 'string') {
      parts.push(this.#token.text)
      this.#advance()
    }
    return parts.join('')
  }

  #is(symbol: string): boolean {
    return this.#token.kind === 'symbol' && this.#token.text === symbol
  }

  #take(symbol: string): boolean {
    const found = this.#is(symbol)
    if (found) this.#advance()
    return found
  }

  #advance(): void {
    this.#token = this.#lexer.next()
  }

  /** Upstream's words where a symbol is missing. */
  #found(expected: string) {
    const { kind, text, at } = this.#token
    return this.#lexer.error(at, `Expected ${expected}, found "${kind === 'end' ? '' : text}".`)
  }

  /** Upstream's words where a kind of token is missing. */
  #got(expected: string) {
    const { kind, text, at } = this.#token
    return this.#lexer.error(at, `Expected ${expected}, got: ${kind === 'end' ? '' : text}`)
  }

  #tooLarge(message: string) {
    return this.#lexer.error(this.#token.at, message, ModelConfigCode.TOO_LARGE)
  }
}

const encoder = new TextEncoder()

/**
 * A text as a string of the text format. Whatever is not plain ASCII becomes an octal escape of
 * three digits, so that nothing in it can end the string or join with what follows.
 */
export function renderProtobufString(text: string): string {
  const bytes = Array.from(encoder.encode(text), (byte) => {
    const character = String.fromCharCode(byte)
    if (character === '"' || character === '\\') return `\\${character}`
    const isPlain = byte >= 0x20 && byte < 0x7f
    return isPlain ? character : `\\${byte.toString(8).padStart(3, '0')}`
  })
  return `"${bytes.join('')}"`
}
