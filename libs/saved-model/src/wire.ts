// Protobuf on the level of fields: what SavedModel and ONNX files are made of.

import { SavedModelError } from './errors.ts'

const encoder = new TextEncoder()
const VARINT_BYTES_MAX = 10
/** TensorFlow takes the lower half of a larger one, and so another field. */
const TAG_MAX = 0xffff_ffff

/** How a field is on the wire. */
export const Wire = { VARINT: 0, FIXED64: 1, BYTES: 2, FIXED32: 5 } as const

/** A map is a list of messages with a key and a value. */
export const MapEntry = { key: 1, value: 2 } as const

function varintBytes(value: number | bigint): Uint8Array {
  const bytes: number[] = []
  if (typeof value === 'number' && value >= 0 && value < 0x8000_0000) {
    let rest = value
    for (; rest > 127; rest >>>= 7) bytes.push((rest & 127) | 128)
    bytes.push(rest)
  } else {
    let rest = BigInt.asUintN(64, BigInt(value))
    for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128)
    bytes.push(Number(rest))
  }
  return Uint8Array.from(bytes)
}

/** Collects the fields of one message; parts are kept as they are and copied once, in `finish`. */
export class WireWriter {
  readonly #parts: Uint8Array[] = []
  #length = 0

  #push(part: Uint8Array): this {
    this.#parts.push(part)
    this.#length += part.length
    return this
  }

  #tag(field: number, wire: number): this {
    return this.#push(varintBytes(field * 8 + wire))
  }

  /** An int, enum or bool; a negative one takes ten bytes, as protobuf has it. */
  varint(field: number, value: number | bigint): this {
    return this.#tag(field, Wire.VARINT).#push(varintBytes(value))
  }

  float(field: number, value: number): this {
    const bytes = new Uint8Array(4)
    new DataView(bytes.buffer).setFloat32(0, value, true)
    return this.#tag(field, Wire.FIXED32).#push(bytes)
  }

  /** An unsigned 32-bit number in four bytes, whatever it is. */
  fixed32(field: number, value: number): this {
    const bytes = new Uint8Array(4)
    new DataView(bytes.buffer).setUint32(0, value, true)
    return this.#tag(field, Wire.FIXED32).#push(bytes)
  }

  double(field: number, value: number): this {
    const bytes = new Uint8Array(8)
    new DataView(bytes.buffer).setFloat64(0, value, true)
    return this.#tag(field, Wire.FIXED64).#push(bytes)
  }

  /** Bytes or a text in UTF-8. The bytes are not copied before `finish`. */
  bytes(field: number, value: Uint8Array | string): this {
    const bytes = typeof value === 'string' ? encoder.encode(value) : value
    return this.#tag(field, Wire.BYTES).#push(varintBytes(bytes.length)).#push(bytes)
  }

  message(field: number, message: WireWriter): this {
    this.#tag(field, Wire.BYTES).#push(varintBytes(message.#length))
    for (const part of message.#parts) this.#push(part)
    return this
  }

  /** A packed list of ints or enums. */
  packed(field: number, values: readonly (number | bigint)[]): this {
    const list = new WireWriter()
    for (const value of values) list.#push(varintBytes(value))
    return this.message(field, list)
  }

  /** Fields that are on the wire already. */
  raw(fields: Uint8Array): this {
    return this.#push(fields)
  }

  finish(): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(this.#length)
    let at = 0
    for (const part of this.#parts) {
      bytes.set(part, at)
      at += part.length
    }
    return bytes
  }
}

const broken = (what: string) => new SavedModelError('NOT_A_SAVED_MODEL', `not protobuf: ${what}`)

/** A position in a message. */
class Cursor {
  readonly bytes: Uint8Array
  #view: DataView | undefined
  at = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  varint(): bigint {
    let low = 0
    for (let index = 0; index < 4; index++) {
      const byte = this.#byte()
      low |= (byte & 127) << (7 * index)
      if (byte < 128) return BigInt(low)
    }
    let value = BigInt(low)
    for (let index = 4; index < VARINT_BYTES_MAX; index++) {
      const byte = this.#byte()
      value |= BigInt(byte & 127) << BigInt(7 * index)
      if (byte < 128) return BigInt.asUintN(64, value)
    }
    throw broken('a varint has more than ten bytes')
  }

  #byte(): number {
    const byte = this.bytes[this.at++]
    if (byte === undefined) throw broken('it ends inside a number')
    return byte
  }

  take(length: number): Uint8Array {
    const end = this.at + length
    if (end > this.bytes.length) throw broken('it ends inside a field')
    const part = this.bytes.subarray(this.at, end)
    this.at = end
    return part
  }

  float(): number {
    return this.#numbers(4).getFloat32(this.at - 4, true)
  }

  double(): number {
    return this.#numbers(8).getFloat64(this.at - 8, true)
  }

  fixed32(): number {
    return this.#numbers(4).getUint32(this.at - 4, true)
  }

  /** Goes past a number of so many bytes. The view is made when it is needed, which is seldom. */
  #numbers(length: number): DataView {
    if (this.at + length > this.bytes.length) throw broken('it ends inside a number')
    this.at += length
    const { buffer, byteOffset, byteLength } = this.bytes
    return (this.#view ??= new DataView(buffer, byteOffset, byteLength))
  }
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/**
 * One field of a message. Each getter throws when the field is on the wire as another kind: TensorFlow
 * passes such a field over, and would see what stands before it.
 */
export class WireField {
  readonly number: number
  readonly #wire: number
  readonly #value: bigint | Uint8Array

  constructor(number: number, wire: number, value: bigint | Uint8Array) {
    this.number = number
    this.#wire = wire
    this.#value = value
  }

  /** Length-delimited content, not copied. */
  get bytes(): Uint8Array {
    return this.#bytesOf(Wire.BYTES)
  }

  #bytesOf(...wires: readonly number[]): Uint8Array {
    if (typeof this.#value === 'bigint' || !wires.includes(this.#wire))
      throw broken(
        `field ${this.number} is on the wire as ${this.#wire}, not as ${wires.join(' or ')}`,
      )
    return this.#value
  }

  get text(): string {
    return decoder.decode(this.bytes)
  }

  /** A signed 64-bit number. */
  get int(): bigint {
    if (typeof this.#value !== 'bigint') throw broken(`field ${this.number} is not an int`)
    return BigInt.asIntN(64, this.#value)
  }

  get float(): number {
    return new Cursor(this.#bytesOf(Wire.FIXED32)).float()
  }

  /** An unsigned 32-bit number that is on the wire in four bytes. */
  get fixed32(): number {
    return new Cursor(this.#bytesOf(Wire.FIXED32)).fixed32()
  }

  /** Ints, whether packed or one by one; one after the other, since a list of them takes 32 bytes for each. */
  *ints(): Generator<bigint> {
    if (typeof this.#value === 'bigint') {
      yield this.int
      return
    }
    const cursor = new Cursor(this.bytes)
    while (cursor.at < cursor.bytes.length) yield BigInt.asIntN(64, cursor.varint())
  }

  /** 32-bit floats, whether packed or one by one. */
  *floats(): Generator<number> {
    const cursor = new Cursor(this.#bytesOf(Wire.BYTES, Wire.FIXED32))
    while (cursor.at < cursor.bytes.length) yield cursor.float()
  }

  /** 64-bit floats, whether packed or one by one. */
  *doubles(): Generator<number> {
    const cursor = new Cursor(this.#bytesOf(Wire.BYTES, Wire.FIXED64))
    while (cursor.at < cursor.bytes.length) yield cursor.double()
  }
}

/** Walks the fields of one message. Throws `SavedModelError` where it is not protobuf. */
export function* readFields(bytes: Uint8Array): Generator<WireField> {
  const cursor = new Cursor(bytes)
  while (cursor.at < bytes.length) {
    const tag = Number(cursor.varint())
    const field = Math.floor(tag / 8)
    const wire = tag % 8
    if (field === 0) throw broken('a field has the number 0')
    if (tag > TAG_MAX) throw broken(`a field has the number ${field}`)
    yield new WireField(field, wire, readValue(cursor, wire))
  }
}

function readValue(cursor: Cursor, wire: number): bigint | Uint8Array {
  switch (wire) {
    case Wire.VARINT:
      return cursor.varint()
    case Wire.FIXED64:
      return cursor.take(8)
    case Wire.BYTES:
      return cursor.take(Number(cursor.varint()))
    case Wire.FIXED32:
      return cursor.take(4)
    default:
      throw broken(`the wire type ${wire} is unknown`)
  }
}

/** The fields of one number. */
export function* fieldsOf(bytes: Uint8Array, number: number): Generator<WireField> {
  for (const field of readFields(bytes)) if (field.number === number) yield field
}

/** The text in a field of a message; empty where there is no such field. */
export function textOf(message: Uint8Array, number: number): string {
  let text = ''
  for (const field of fieldsOf(message, number)) text = field.text
  return text
}
