// What is written of a message while it is not known how long it will be.

import { SavedModelError } from '../errors.ts'

/** As much as a graph's own file may have. */
const BYTES_MAX = 512 * 2 ** 20
const FIRST_BYTES = 4_096
/** A length is given this room; protobuf reads numbers that take more bytes than they need. */
const LENGTH_BYTES = 5
const ONE_BYTE_MAX = 127

/** Bytes on the wire that grow at their end. */
export class WireBuffer {
  #bytes = new Uint8Array(FIRST_BYTES)
  #view = new DataView(this.#bytes.buffer)
  #length = 0

  /** Makes room; gives where it begins. Throws TOO_LARGE. */
  #extend(count: number): number {
    const start = this.#length
    this.#length += count
    if (this.#length > BYTES_MAX)
      throw new SavedModelError('TOO_LARGE', `the text becomes more than ${BYTES_MAX} bytes`)
    if (this.#length > this.#bytes.length) {
      const size = Math.min(BYTES_MAX, Math.max(this.#length, 2 * this.#bytes.length))
      const bytes = new Uint8Array(size)
      bytes.set(this.#bytes)
      this.#bytes = bytes
      this.#view = new DataView(bytes.buffer)
    }
    return start
  }

  byte(value: number): void {
    const at = this.#extend(1)
    this.#bytes[at] = value
  }

  bytes(value: Uint8Array): void {
    const at = this.#extend(value.length)
    this.#bytes.set(value, at)
  }

  /** A negative one as 64 bits, as protobuf has it. */
  varint(value: bigint): void {
    let rest = BigInt.asUintN(64, value)
    for (; rest > 127n; rest >>= 7n) this.byte(Number(rest & 127n) | 128)
    this.byte(Number(rest))
  }

  tag(field: number, wire: number): void {
    let rest = field * 8 + wire
    for (; rest > ONE_BYTE_MAX; rest >>>= 7) this.byte((rest & 127) | 128)
    this.byte(rest)
  }

  float(value: number): void {
    const at = this.#extend(4)
    this.#view.setFloat32(at, value, true)
  }

  double(value: number): void {
    const at = this.#extend(8)
    this.#view.setFloat64(at, value, true)
  }

  fixed64(value: bigint): void {
    const at = this.#extend(8)
    this.#view.setBigUint64(at, value, true)
  }

  /** Begins what has its length before it; `end` is to be told what this gives. */
  begin(): number {
    return this.#extend(LENGTH_BYTES) + LENGTH_BYTES
  }

  end(start: number): void {
    const length = this.#length - start
    const at = start - LENGTH_BYTES
    if (length <= ONE_BYTE_MAX) {
      this.#bytes[at] = length
      this.#bytes.copyWithin(at + 1, start, this.#length)
      this.#length -= LENGTH_BYTES - 1
      return
    }
    for (let index = 0; index < LENGTH_BYTES; index++) {
      const more = index < LENGTH_BYTES - 1 ? 128 : 0
      this.#bytes[at + index] = ((length >>> (7 * index)) & 127) | more
    }
  }

  /** What is there from a place on; good until more is written. */
  from(start: number): Uint8Array {
    return this.#bytes.subarray(start, this.#length)
  }

  finish(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length)
  }
}
