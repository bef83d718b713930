import { ModelConfigCode, type ModelConfigError } from './errors.ts'
import type { Lexer } from './protobuf-lexer.ts'
import type { TextField, TextValue } from './protobuf-text.ts'

const INTEGER = /^-?(0|[1-9]\d*|0[0-7]+|0[xX][0-9a-fA-F]+)$/
const INT64_MAX = 2n ** 63n - 1n
const INT64_MIN = -(2n ** 63n)
const UINT32_MAX = 2n ** 32n - 1n
const TEXT_MAX = 4_096

/** The first of a value, as it was written. */
function shown(value: TextValue): string {
  if (value.kind === 'message') return '{'
  return value.kind === 'string' ? JSON.stringify(value.value) : value.value
}

/**
 * Takes values out of messages that were read from the text format. Everything throws
 * `ModelConfigError` with the place of what is wrong, in upstream's words where it has some.
 */
export class FieldReader {
  readonly #error: Lexer['error']

  constructor(error: Lexer['error']) {
    this.#error = error
  }

  /** The values of each field, where only these fields may occur, so often at most. */
  byName<Name extends string>(
    type: string,
    value: TextValue,
    counts: Readonly<Record<Name, number>>,
  ): Partial<Record<Name, TextValue[]>> {
    const isKnown = (name: string): name is Name => Object.hasOwn(counts, name)
    const values: Partial<Record<Name, TextValue[]>> = {}
    for (const field of this.message(value)) {
      const { name, at } = field
      if (!isKnown(name)) throw this.unknown(type, field)
      const list = (values[name] ??= [])
      list.push(field.value)
      if (list.length <= counts[name]) continue
      throw counts[name] === 1
        ? this.twice(field)
        : this.#error(at, `${name} is given more than ${counts[name]} times`, 'TOO_LARGE')
    }
    return values
  }

  message(value: TextValue): readonly TextField[] {
    if (value.kind !== 'message') throw this.wrong(value, `Expected "{", found "${shown(value)}".`)
    return value.fields
  }

  /** A text; empty where the field is absent. */
  text(value: TextValue | undefined): string {
    if (value === undefined) return ''
    if (value.kind !== 'string') throw this.wrong(value, `Expected string, got: ${shown(value)}`)
    if (value.value.length > TEXT_MAX)
      throw this.wrong(value, `a text here has at most ${TEXT_MAX} characters`)
    return value.value
  }

  /** An int64, 0 where the field is absent; decimal, hexadecimal and octal as in C. */
  int64(value: TextValue | undefined): bigint {
    return value === undefined ? 0n : this.#integer(value, INT64_MIN, INT64_MAX)
  }

  /** A uint32, 0 where the field is absent. */
  uint32(value: TextValue | undefined): number {
    return value === undefined ? 0 : Number(this.#integer(value, 0n, UINT32_MAX))
  }

  #integer(value: TextValue, min: bigint, max: bigint): bigint {
    const text = value.kind === 'scalar' ? value.value : ''
    if (!INTEGER.test(text)) throw this.wrong(value, `Expected integer, got: ${shown(value)}`)
    const digits = text.replace('-', '')
    const size = BigInt(/^0[0-7]/.test(digits) ? `0o${digits.slice(1)}` : digits)
    const number = text.startsWith('-') ? -size : size
    if (number < min || number > max) throw this.wrong(value, `Integer out of range (${text})`)
    return number
  }

  unknown(type: string, { name, at }: Omit<TextField, 'value'>): ModelConfigError {
    const message = `Message type "tensorflow.serving.${type}" has no field named "${name}".`
    return this.#error(at, message, ModelConfigCode.FIELD)
  }

  twice({ name, at }: { name: string; at: number }): ModelConfigError {
    const message = `Non-repeated field "${name}" is specified multiple times.`
    return this.#error(at, message, ModelConfigCode.FIELD)
  }

  wrong(value: TextValue, message: string): ModelConfigError {
    return this.#error(value.at, message, ModelConfigCode.FIELD)
  }
}
