// `saved_model.pbtxt`: a SavedModel in protobuf's text format, which is turned into the bytes that
// `saved_model.pb` would have, so that whatever is checked of these is checked of it.

import { isUtf8 } from 'node:buffer'
import { SavedModelError } from '../errors.ts'
import { FIELDS } from '../generated/fields.ts'
import { Wire } from '../wire.ts'
import { Scanner } from './scanner.ts'
import { type Field, type MessageType, messageType, type Scalar } from './schema.ts'
import { WireBuffer } from './wire-buffer.ts'

/** As much as a graph's file may have. */
const TEXT_BYTES_MAX = 512 * 2 ** 20
/** Protobuf goes no deeper either. */
const DEPTH_MAX = 100
const ANY = 'google.protobuf.Any'
const PACKAGE = 'tensorflow.'
const INTEGER = /^(?:0|[1-9]\d*|0[0-7]+|0[xX][\da-fA-F]+)$/
const FRACTION = /^(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?[fF]?$/
const WORDS = new Map([
  ['inf', Infinity],
  ['infinity', Infinity],
  ['nan', Number.NaN],
])
const BOOLS = new Map([
  ['true', 1n],
  ['True', 1n],
  ['t', 1n],
  ['1', 1n],
  ['false', 0n],
  ['False', 0n],
  ['f', 0n],
  ['0', 0n],
])
const RANGES: Partial<Record<Scalar, readonly [bigint, bigint]>> = {
  int32: [-(2n ** 31n), 2n ** 31n - 1n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  sint64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint32: [0n, 2n ** 32n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
  fixed64: [0n, 2n ** 64n - 1n],
}

/**
 * The bytes of the `saved_model.pb` that says the same as a text. Throws `SavedModelError` with line and
 * column where it is no text of a SavedModel, also for a field that TensorFlow 2.21 does not know.
 */
export function savedModelOfText(text: Uint8Array): Uint8Array<ArrayBuffer> {
  if (text.length > TEXT_BYTES_MAX)
    throw new SavedModelError('TOO_LARGE', `the text has ${text.length} bytes`)
  const message = messageType('SavedModel')
  if (message === undefined) throw new TypeError('the table of messages has no SavedModel')
  return new Encoder(text).encode(message)
}

class Encoder {
  readonly #scanner: Scanner
  readonly #to = new WireBuffer()
  #depth = 0

  constructor(text: Uint8Array) {
    this.#scanner = new Scanner(text)
  }

  encode(message: MessageType): Uint8Array<ArrayBuffer> {
    const seen = new Set<string>()
    while (!this.#scanner.isAtEnd) this.#field(message, seen)
    return this.#to.finish()
  }

  /** One field, or as many of a name as a list has. */
  #field(message: MessageType, seen: Set<string>): void {
    const { at } = this.#scanner
    if (this.#scanner.is('[')) this.#expandedAny(message, seen)
    else {
      const name = this.#scanner.word()
      if (name === undefined) throw this.#scanner.expected('the name of a field')
      const field = message.fields.get(name)
      if (field === undefined) throw this.#scanner.error(`${message.name} has no field ${name}`, at)
      this.#once(message, field, { at, seen })
      this.#values(field)
    }
    if (!this.#scanner.take(',')) this.#scanner.take(';')
  }

  #once(
    { name: message }: MessageType,
    { name, group, isRepeated }: Field,
    { at, seen }: { at: number; seen: Set<string> },
  ): void {
    if (isRepeated) return
    if (seen.has(name)) throw this.#scanner.error(`${name} of ${message} is there twice`, at)
    seen.add(name)
    if (group === undefined) return
    // No field has a blank in its name.
    const key = `of ${group}`
    if (seen.has(key))
      throw this.#scanner.error(`${name} of ${message} is there beside another ${group}`, at)
    seen.add(key)
  }

  #values(field: Field): void {
    const isMessage = field.type.kind === 'message'
    if (!this.#scanner.take(':') && !isMessage && !this.#scanner.is('['))
      throw this.#scanner.expected('":"')
    if (!this.#scanner.is('[') || !field.isRepeated) return this.#value(field)
    this.#scanner.take('[')
    if (this.#scanner.take(']')) return
    do this.#value(field)
    while (this.#scanner.take(','))
    this.#scanner.need(']')
  }

  #value({ number, type }: Field): void {
    if (type.kind === 'message') {
      this.#to.tag(number, Wire.BYTES)
      this.#message(type.message)
    } else if (type.kind === 'enum') {
      this.#to.tag(number, Wire.VARINT)
      this.#to.varint(this.#enumValue(type))
    } else if (type.scalar === 'string' || type.scalar === 'bytes') {
      this.#to.tag(number, Wire.BYTES)
      this.#string(type.scalar === 'string')
    } else {
      this.#scalar(number, type.scalar)
    }
  }

  #message(message: MessageType): void {
    const close = this.#scanner.is('<') ? '>' : '}'
    if (++this.#depth > DEPTH_MAX)
      throw this.#scanner.error(`messages are deeper in each other than ${DEPTH_MAX}`)
    if (!this.#scanner.take('<')) this.#scanner.need('{')
    const start = this.#to.begin()
    const seen = new Set<string>()
    while (!this.#scanner.take(close)) this.#field(message, seen)
    this.#to.end(start)
    this.#depth -= 1
  }

  /** `[type.googleapis.com/tensorflow.AssetFileDef] { … }`, as which some print a message of any type. */
  #expandedAny(message: MessageType, seen: Set<string>): void {
    const { at } = this.#scanner
    this.#scanner.take('[')
    const url = this.#scanner.typeName()
    if (url === undefined) throw this.#scanner.expected('the name of a type')
    this.#scanner.need(']')
    const name = url.slice(url.lastIndexOf('/') + 1)
    const type = name.startsWith(PACKAGE) ? messageType(name.slice(PACKAGE.length)) : undefined
    if (message.name !== ANY || !url.includes('/') || type === undefined)
      throw this.#scanner.error(`${message.name} has no field [${url}]`, at)
    if (seen.size > 0) throw this.#scanner.error('there is more than one value', at)
    for (const part of message.fields.keys()) seen.add(part)
    this.#to.tag(FIELDS.Any.type_url, Wire.BYTES)
    const start = this.#to.begin()
    this.#to.bytes(Buffer.from(url, 'latin1'))
    this.#to.end(start)
    this.#scanner.take(':')
    this.#to.tag(FIELDS.Any.value, Wire.BYTES)
    this.#message(type)
  }

  #enumValue({ name, values }: Extract<Field['type'], { kind: 'enum' }>): bigint {
    const { at } = this.#scanner
    const word = this.#scanner.word()
    if (word === undefined) return this.#integer('int32')
    const value = values.get(word)
    if (value === undefined) throw this.#scanner.error(`${name} has no value ${word}`, at)
    return BigInt(value)
  }

  #scalar(number: number, scalar: Exclude<Scalar, 'string' | 'bytes'>): void {
    const to = this.#to
    switch (scalar) {
      case 'float':
        to.tag(number, Wire.FIXED32)
        return to.float(this.#float())
      case 'double':
        to.tag(number, Wire.FIXED64)
        return to.double(this.#float())
      case 'fixed64':
        to.tag(number, Wire.FIXED64)
        return to.fixed64(this.#integer(scalar))
      case 'bool':
        to.tag(number, Wire.VARINT)
        return to.varint(this.#bool())
      case 'sint64': {
        to.tag(number, Wire.VARINT)
        const value = this.#integer(scalar)
        return to.varint(value < 0n ? -2n * value - 1n : 2n * value)
      }
      case 'int32':
      case 'int64':
      case 'uint32':
      case 'uint64':
        to.tag(number, Wire.VARINT)
        to.varint(this.#integer(scalar))
    }
  }

  #string(isText: boolean): void {
    const { at } = this.#scanner
    const start = this.#to.begin()
    this.#scanner.strings(this.#to)
    if (isText && !isUtf8(this.#to.from(start)))
      throw this.#scanner.error('the string is not UTF-8', at)
    this.#to.end(start)
  }

  #bool(): bigint {
    const { at } = this.#scanner
    const text = this.#scanner.word() ?? this.#scanner.number() ?? ''
    const value = BOOLS.get(text)
    if (value === undefined) throw this.#scanner.error('true or false is expected', at)
    return value
  }

  #integer(scalar: Scalar): bigint {
    const { at } = this.#scanner
    const isNegative = this.#scanner.take('-')
    const text = this.#scanner.number() ?? ''
    if (!INTEGER.test(text)) throw this.#scanner.error('an integer is expected', at)
    const size = BigInt(/^0[0-7]/.test(text) ? `0o${text.slice(1)}` : text)
    const value = isNegative ? -size : size
    const [least, most] = RANGES[scalar] ?? [0n, 0n]
    if (value < least || value > most) throw this.#scanner.error(`${value} is no ${scalar}`, at)
    return value
  }

  /** A double that is rounded once more where it is written as a float, as TensorFlow has it. */
  #float(): number {
    const { at } = this.#scanner
    const sign = this.#scanner.take('-') ? -1 : 1
    const word = this.#scanner.word()
    if (word !== undefined) {
      const value = WORDS.get(word.toLowerCase())
      if (value === undefined) throw this.#scanner.error('a number is expected', at)
      return sign * value
    }
    const text = this.#scanner.number() ?? ''
    if (!FRACTION.test(text)) throw this.#scanner.error('a number is expected', at)
    return sign * Number(text.replace(/[fF]$/, ''))
  }
}
