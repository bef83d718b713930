import {
  type ModelConfigError,
  type ParsedText,
  parseProtobufText,
  type TextField,
  type TextValue,
} from '@drover/model-config'

const INTEGER = /^-?(0|[1-9]\d*|0[0-7]+|0[xX][0-9a-fA-F]+)$/
const TRUE = new Set(['true', 't', 'True', '1', '0x1', '01'])
const FALSE = new Set(['false', 'f', 'False', '0', '0x0', '00'])

/** What a message may contain: how often each field, and in a message of one of these what. */
export interface MessageShape {
  readonly [field: string]: 'one' | 'many' | MessageShape
}

/** The shape of `google.protobuf.Int64Value` and its like, which tell "not given" from 0. */
export const WRAPPED: MessageShape = { value: 'one' }

/**
 * A message in protobuf's text form, read field by field. Everything throws `ModelConfigError` with
 * line and column: unknown fields and those given twice from the beginning, and values of another
 * type when they are asked for.
 */
export class TextMessage {
  readonly #error: ParsedText['error']
  readonly #shape: MessageShape
  readonly #values = new Map<string, TextValue[]>()

  static parse(text: string, shape: MessageShape): TextMessage {
    const { fields, error } = parseProtobufText(text)
    return new TextMessage(fields, shape, error)
  }

  private constructor(
    fields: readonly TextField[],
    shape: MessageShape,
    error: ParsedText['error'],
  ) {
    this.#error = error
    this.#shape = shape
    for (const { name, at, value } of fields) {
      const kind = Object.hasOwn(shape, name) ? shape[name] : undefined
      if (kind === undefined) throw error(at, `there is no field named "${name}" here`, 'FIELD')
      const values = this.#values.get(name) ?? []
      if (values.length > 0 && kind !== 'many')
        throw error(at, `Non-repeated field "${name}" is specified multiple times.`, 'FIELD')
      this.#values.set(name, [...values, value])
    }
  }

  /** The message in a field; undefined where it is not given. */
  message(name: string): TextMessage | undefined {
    const value = this.#one(name)
    const shape = this.#shape[name]
    if (value === undefined || typeof shape !== 'object') return undefined
    if (value.kind !== 'message') throw this.#wrong(value, 'a message')
    return new TextMessage(value.fields, shape, this.#error)
  }

  string(name: string): string | undefined {
    const value = this.#one(name)
    if (value !== undefined && value.kind !== 'string') throw this.#wrong(value, 'a string')
    return value?.value
  }

  bool(name: string): boolean | undefined {
    const value = this.#one(name)
    if (value === undefined) return undefined
    const text = value.kind === 'scalar' ? value.value : ''
    if (TRUE.has(text)) return true
    if (FALSE.has(text)) return false
    throw this.#wrong(value, 'true or false')
  }

  /** An int64 that JavaScript can count with; decimal, hexadecimal or octal as in C. */
  int(name: string): number | undefined {
    const value = this.#one(name)
    return value === undefined ? undefined : this.#int(value)
  }

  ints(name: string): number[] {
    return (this.#values.get(name) ?? []).map((value) => this.#int(value))
  }

  /** What is wrong with a field that is given. */
  fault(name: string, message: string): ModelConfigError {
    return this.#error(this.#one(name)?.at ?? 0, message, 'FIELD')
  }

  #one(name: string): TextValue | undefined {
    return this.#values.get(name)?.at(-1)
  }

  #int(value: TextValue): number {
    const text = value.kind === 'scalar' ? value.value : ''
    if (!INTEGER.test(text)) throw this.#wrong(value, 'an integer')
    const digits = text.replace('-', '')
    const size = Number(/^0[0-7]/.test(digits) ? `0o${digits.slice(1)}` : digits)
    if (size > Number.MAX_SAFE_INTEGER)
      throw this.#wrong(value, `an integer of at most ${Number.MAX_SAFE_INTEGER}`)
    return text.startsWith('-') ? -size : size
  }

  #wrong({ at }: TextValue, expected: string): ModelConfigError {
    return this.#error(at, `expected ${expected}`, 'FIELD')
  }
}
