// Numbers on the wire, one after the other.

import { SavedModelError } from './errors.ts'

const VARINT_BYTES_MAX = 10

export const broken = (what: string): SavedModelError =>
  new SavedModelError('NOT_A_SAVED_MODEL', `not protobuf: ${what}`)

/** A position in a part of some bytes: a view of each part would cost more than to read it. */
export class Cursor {
  readonly #bytes: Uint8Array
  readonly #end: number
  #at: number
  #view: DataView | undefined

  constructor(bytes: Uint8Array, at: number, end: number) {
    this.#bytes = bytes
    this.#at = at
    this.#end = end
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#end
  }

  /** A bigint where it has more than 28 bits. */
  varint(): number | bigint {
    let low = 0
    for (let index = 0; index < 4; index++) {
      const byte = this.#byte()
      low |= (byte & 127) << (7 * index)
      if (byte < 128) return low
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
    if (this.#at >= this.#end) throw broken('it ends inside a number')
    return this.#bytes[this.#at++] ?? 0
  }

  /** Goes past so many bytes, and gives where they begin. */
  pass(length: number): number {
    const start = this.#at
    if (start + length > this.#end) throw broken('it ends inside a field')
    this.#at = start + length
    return start
  }

  float(): number {
    return this.#numbers(4).getFloat32(this.#at - 4, true)
  }

  double(): number {
    return this.#numbers(8).getFloat64(this.#at - 8, true)
  }

  fixed32(): number {
    return this.#numbers(4).getUint32(this.#at - 4, true)
  }

  /** Goes past a number of so many bytes. The view is made when it is needed, which is seldom. */
  #numbers(length: number): DataView {
    if (this.#at + length > this.#end) throw broken('it ends inside a number')
    this.#at += length
    const { buffer, byteOffset, byteLength } = this.#bytes
    return (this.#view ??= new DataView(buffer, byteOffset, byteLength))
  }
}
