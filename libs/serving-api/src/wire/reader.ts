// Reads protobuf's wire format in place: where a field is, and not what a message means.

import { ServingError } from '../errors.ts'

/** How the value of a field is laid out. */
export const WireType = { VARINT: 0, FIXED64: 1, BYTES: 2, GROUP: 3, GROUP_END: 4, FIXED32: 5 }

/** The longest form of a number of 64 bits. */
const VARINT_BYTES_MAX = 10
const GROUPS_MAX = 100
/** Below this a loop over characters is quicker than the decoder. */
const SHORT_TEXT_BYTES = 48

/** No bytes. */
export const NOTHING = new Uint8Array(0)

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Upstream's code for bytes that are not the message they should be. */
export const malformed = (what: string, cause?: unknown): ServingError =>
  new ServingError('INTERNAL', `Failed to parse the message: ${what}`, { cause })

/**
 * A place in a message. Every `read` and `skip` moves behind what it reads, and throws `ServingError`
 * rather than go beyond `end`.
 */
export class WireReader {
  readonly bytes: Uint8Array
  at: number
  end: number
  /** The number of the field whose value is next. */
  field = 0
  type = 0
  /** The two halves of what `readVarint` met last. */
  low = 0
  high = 0

  constructor(bytes: Uint8Array, at = 0, end = bytes.length) {
    this.bytes = bytes
    this.at = at
    this.end = end
  }

  /** Goes to the value of the next field; false at the end of the message. */
  next(): boolean {
    if (this.at >= this.end) return false
    const tag = this.readVarint()
    this.field = tag >>> 3
    this.type = tag & 7
    if (this.field === 0 || this.high !== 0) throw malformed('a field without a number')
    return true
  }

  /** A number of up to 64 bits: its lower half, and both halves in `low` and `high`. */
  readVarint(): number {
    const { bytes, end } = this
    const byte = bytes[this.at] ?? 0
    if (byte < 0x80 && this.at < end) {
      this.at++
      this.high = 0
      return (this.low = byte)
    }
    let low = 0
    let high = 0
    for (let index = 0; index < VARINT_BYTES_MAX; index++) {
      if (this.at >= end) throw malformed('a number is cut off')
      const next = bytes[this.at++] ?? 0
      const bits = next & 0x7f
      if (index < 4) low |= bits << (7 * index)
      else if (index === 4) {
        low |= bits << 28
        high = bits >>> 4
      } else high |= bits << (7 * index - 32)
      if (next < 0x80) {
        this.high = high >>> 0
        return (this.low = low >>> 0)
      }
    }
    throw malformed('a number is too long')
  }

  /** As a number of 64 bits with a sign. */
  readInt64(): bigint {
    this.readVarint()
    return BigInt.asIntN(64, (BigInt(this.high) << 32n) | BigInt(this.low))
  }

  /** The length of what follows, which is within the message; returns where it ends. */
  readEnd(): number {
    const length = this.readVarint()
    if (this.high !== 0 || length > this.end - this.at) throw malformed('a field is cut off')
    return this.at + length
  }

  /** Bytes that share memory with the message. */
  readBytes(): Uint8Array {
    const start = this.at
    const end = this.readEnd()
    const { at } = this
    this.at = end
    return start === end ? NOTHING : this.bytes.subarray(at, end)
  }

  readText(): string {
    const end = this.readEnd()
    const { at } = this
    this.at = end
    return end - at <= SHORT_TEXT_BYTES ? this.#shortText(at, end) : this.#longText(at, end)
  }

  #shortText(at: number, end: number): string {
    let text = ''
    for (let place = at; place < end; place++) {
      const code = this.bytes[place] ?? 0
      if (code >= 0x80) return this.#longText(at, end)
      text += String.fromCharCode(code)
    }
    return text
  }

  #longText(at: number, end: number): string {
    try {
      return decoder.decode(this.bytes.subarray(at, end))
    } catch (cause) {
      throw malformed('a text is not UTF-8', cause)
    }
  }

  /** Goes behind the value of a field that is of no interest. */
  skip(): void {
    switch (this.type) {
      case WireType.VARINT:
        this.readVarint()
        return
      case WireType.FIXED64:
        return this.skipBytes(8)
      case WireType.BYTES:
        this.at = this.readEnd()
        return
      case WireType.GROUP:
        return this.#skipGroup()
      case WireType.FIXED32:
        return this.skipBytes(4)
      default:
        throw malformed('a field of no known kind')
    }
  }

  #skipGroup(): void {
    const open = [this.field]
    while (open.length > 0) {
      if (open.length > GROUPS_MAX) throw malformed('too many groups in each other')
      if (!this.next()) throw malformed('a group is cut off')
      if (this.type === WireType.GROUP) open.push(this.field)
      else if (this.type !== WireType.GROUP_END) this.skip()
      else if (open.pop() !== this.field) throw malformed('a group ends as another one')
    }
  }

  skipBytes(size: number): void {
    if (size > this.end - this.at) throw malformed('a field is cut off')
    this.at += size
  }
}
