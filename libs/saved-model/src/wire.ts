// Protobuf on the level of fields: what SavedModel and ONNX files are made of.

import { broken, Cursor } from './wire-cursor.ts'
import { textAt } from './wire-text.ts'

const encoder = new TextEncoder()
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

/** What is read: bytes, or a field that holds a message. */
export type Message = Uint8Array | WireField

/**
 * One field of a message. Each getter throws when the field is on the wire as another kind: TensorFlow
 * passes such a field over, and would see what stands before it.
 */
export class WireField {
  number = 0
  protected wire: number = Wire.BYTES
  /** What its content is a part of. */
  protected readonly source: Uint8Array
  protected start = 0
  protected end = 0
  /** Of one that is a varint. */
  protected value: number | bigint = 0

  constructor(source: Uint8Array) {
    this.source = source
  }

  /** Length-delimited content, not copied. */
  get bytes(): Uint8Array {
    this.#check(Wire.BYTES)
    return this.source.subarray(this.start, this.end)
  }

  #check(wire: number, other = wire): void {
    if (this.wire === wire || this.wire === other) return
    const wires = wire === other ? wire : `${wire} or ${other}`
    throw broken(`field ${this.number} is on the wire as ${this.wire}, not as ${wires}`)
  }

  get text(): string {
    this.#check(Wire.BYTES)
    return textAt(this.source, this.start, this.end)
  }

  /** A signed 64-bit number. */
  get int(): bigint {
    if (this.wire !== Wire.VARINT) throw broken(`field ${this.number} is not an int`)
    return signed(this.value)
  }

  get float(): number {
    return this.#cursor(Wire.FIXED32).float()
  }

  /** An unsigned 32-bit number that is on the wire in four bytes. */
  get fixed32(): number {
    return this.#cursor(Wire.FIXED32).fixed32()
  }

  /** Ints, whether packed or one by one; one after the other, since a list of them takes 32 bytes for each. */
  *ints(): Generator<bigint> {
    if (this.wire === Wire.VARINT) {
      yield this.int
      return
    }
    const cursor = this.#cursor(Wire.BYTES)
    while (!cursor.isAtEnd) yield signed(cursor.varint())
  }

  /** 32-bit floats, whether packed or one by one. */
  *floats(): Generator<number> {
    const cursor = this.#cursor(Wire.BYTES, Wire.FIXED32)
    while (!cursor.isAtEnd) yield cursor.float()
  }

  /** 64-bit floats, whether packed or one by one. */
  *doubles(): Generator<number> {
    const cursor = this.#cursor(Wire.BYTES, Wire.FIXED64)
    while (!cursor.isAtEnd) yield cursor.double()
  }

  /** At the beginning of its content. */
  #cursor(wire: number, other?: number): Cursor {
    this.#check(wire, other)
    return new Cursor(this.source, this.start, this.end)
  }

  /** Before the first field of the message that it holds. */
  reader(): FieldReader {
    this.#check(Wire.BYTES)
    return new FieldReader(this.source, this.start, this.end)
  }

  /** The same, whatever becomes of this one. */
  kept(): WireField {
    const field = new WireField(this.source)
    field.number = this.number
    field.wire = this.wire
    field.start = this.start
    field.end = this.end
    field.value = this.value
    return field
  }

  /** The same, of one that holds a message. */
  message(): WireField {
    this.#check(Wire.BYTES)
    return this.kept()
  }
}

const signed = (value: number | bigint): bigint =>
  typeof value === 'number' ? BigInt(value) : BigInt.asIntN(64, value)

/**
 * One field of a message after the other: it is the field that `next` came to. For what is read of every
 * node, where an object for each field would cost more than the field.
 */
export class FieldReader extends WireField {
  readonly #cursor: Cursor

  /** Before the first field of what is between two places. */
  constructor(bytes: Uint8Array, start: number, end: number) {
    super(bytes)
    this.#cursor = new Cursor(bytes, start, end)
  }

  /** Goes to the next field; false where there is none. Throws `SavedModelError` where it is not protobuf. */
  next(): boolean {
    const cursor = this.#cursor
    if (cursor.isAtEnd) return false
    const tag = Number(cursor.varint())
    const number = Math.floor(tag / 8)
    if (number === 0) throw broken('a field has the number 0')
    if (tag > TAG_MAX) throw broken(`a field has the number ${number}`)
    this.number = number
    this.wire = tag % 8
    if (this.wire === Wire.VARINT) this.value = cursor.varint()
    else {
      const length = lengthOf(this.wire, cursor)
      this.start = cursor.pass(length)
      this.end = this.start + length
    }
    return true
  }
}

function lengthOf(wire: number, cursor: Cursor): number {
  switch (wire) {
    case Wire.FIXED64:
      return 8
    case Wire.BYTES:
      return Number(cursor.varint())
    case Wire.FIXED32:
      return 4
    default:
      throw broken(`the wire type ${wire} is unknown`)
  }
}

/** Before the first field of a message. */
export const readerOf = (message: Message): FieldReader =>
  message instanceof WireField ? message.reader() : new FieldReader(message, 0, message.length)

/** Walks the fields of one message. Throws `SavedModelError` where it is not protobuf. */
export function* readFields(message: Message): Generator<WireField> {
  const reader = readerOf(message)
  while (reader.next()) yield reader.kept()
}

/** The fields of one number. */
export function* fieldsOf(message: Message, number: number): Generator<WireField> {
  const reader = readerOf(message)
  while (reader.next()) if (reader.number === number) yield reader.kept()
}

/** The text in a field of a message; empty where there is no such field. */
export function textOf(message: Message, number: number): string {
  let text = ''
  const reader = readerOf(message)
  while (reader.next()) if (reader.number === number) ({ text } = reader)
  return text
}
