import { SavedModelError } from '../errors.ts'

/** The refusal of what is no checkpoint or a damaged one. */
export const damaged = (what: string): SavedModelError =>
  new SavedModelError('NOT_A_SAVED_MODEL', what)

const VARINT_BYTES_MAX = 10

/** A position in bytes that are no protobuf: tables and texts. Every read is checked. */
export class ByteReader {
  readonly bytes: Uint8Array
  readonly #what: string
  at = 0

  /** `what` names the bytes in refusals. */
  constructor(bytes: Uint8Array, what: string) {
    this.bytes = bytes
    this.#what = what
  }

  get left(): number {
    return this.bytes.length - this.at
  }

  /** An unsigned number; one that JavaScript cannot hold exactly is refused. */
  varint(): number {
    let value = 0
    for (let index = 0; index < VARINT_BYTES_MAX; index++) {
      const byte = this.bytes[this.at++]
      if (byte === undefined) throw damaged(`${this.#what} ends inside a number`)
      value += (byte & 127) * 2 ** (7 * index)
      if (byte < 128) {
        if (!Number.isSafeInteger(value)) break
        return value
      }
    }
    throw damaged(`${this.#what} has a number that is too high`)
  }

  uint32(): number {
    const { buffer, byteOffset } = this.take(4)
    return new DataView(buffer, byteOffset).getUint32(0, true)
  }

  /** The next bytes, not copied. */
  take(length: number): Uint8Array {
    if (length > this.left) throw damaged(`${this.#what} ends too early`)
    this.at += length
    return this.bytes.subarray(this.at - length, this.at)
  }
}
