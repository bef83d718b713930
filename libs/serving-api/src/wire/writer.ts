// Writes protobuf's wire format into memory of a known size: sizes are counted first.

import { WireType } from './reader.ts'

const SAFE_MAX = BigInt(Number.MAX_SAFE_INTEGER)
const INT64_MASK = 2n ** 64n - 1n
const NEGATIVE_BYTES = 10
/** Below this a loop over characters is quicker than the encoder. */
const SHORT_TEXT_CHARACTERS = 48

const encoder = new TextEncoder()

/** The bytes of a number below 2^53 that is not negative. */
export function varintSize(value: number): number {
  if (value < 0x80) return 1
  if (value < 0x4000) return 2
  if (value < 0x20_0000) return 3
  if (value < 0x1000_0000) return 4
  let size = 5
  for (let rest = value / 0x8_0000_0000; rest >= 1; rest /= 0x80) size++
  return size
}

/** The bytes of a whole number of 64 bits; negative ones take ten. */
export function int64Size(value: number | bigint): number {
  if (value < 0) return NEGATIVE_BYTES
  if (typeof value === 'number') return varintSize(value)
  if (value <= SAFE_MAX) return varintSize(Number(value))
  let size = 1
  for (let rest = value >> 7n; rest > 0n; rest >>= 7n) size++
  return size
}

/** The bytes of a number of 64 bits, whose halves are these. */
export function halvesSize(low: number, high: number): number {
  const bits = high === 0 ? 32 - Math.clz32(low | 1) : 64 - Math.clz32(high)
  return Math.ceil(bits / 7)
}

/** The bytes of a text in UTF-8. */
export function textSize(text: string): number {
  if (text.length <= SHORT_TEXT_CHARACTERS) {
    let index = 0
    while (index < text.length && text.charCodeAt(index) < 0x80) index++
    if (index === text.length) return index
  }
  return Buffer.byteLength(text)
}

/** The bytes of a field with so many bytes in it; fields here have numbers below 2,048. */
export const fieldSize = (field: number, size: number): number =>
  (field < 16 ? 1 : 2) + varintSize(size) + size

/** Fills memory that the caller has made large enough. */
export class WireWriter {
  readonly bytes: Uint8Array
  at = 0
  #lazyView: DataView | undefined

  constructor(size: number) {
    // Nothing is read before it is written, and all of it is written.
    this.bytes = Buffer.allocUnsafe(size)
  }

  get #view(): DataView {
    const { buffer, byteOffset, byteLength } = this.bytes
    return (this.#lazyView ??= new DataView(buffer, byteOffset, byteLength))
  }

  tag(field: number, type: number): void {
    this.varint(field * 8 + type)
  }

  /** A number below 2^53 that is not negative. */
  varint(value: number): void {
    let rest = value
    while (rest >= 0x1000_0000) {
      this.bytes[this.at++] = (rest % 0x80) | 0x80
      rest = Math.floor(rest / 0x80)
    }
    while (rest >= 0x80) {
      this.bytes[this.at++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    this.bytes[this.at++] = rest
  }

  /** A whole number of 64 bits. */
  int64(value: number | bigint): void {
    if (value >= 0 && value <= SAFE_MAX) return this.varint(Number(value))
    let rest = BigInt(value) & INT64_MASK
    while (rest >= 0x80n) {
      this.bytes[this.at++] = Number(rest & 0x7fn) | 0x80
      rest >>= 7n
    }
    this.bytes[this.at++] = Number(rest)
  }

  /** A number of 64 bits, whose halves are these. */
  halves(low: number, high: number): void {
    let rest = low >>> 0
    let above = high
    while (above !== 0 || rest >= 0x80) {
      this.bytes[this.at++] = (rest & 0x7f) | 0x80
      rest = ((rest >>> 7) | (above << 25)) >>> 0
      above >>>= 7
    }
    this.bytes[this.at++] = rest
  }

  float(value: number): void {
    this.#view.setFloat32(this.at, value, true)
    this.at += 4
  }

  /** The head of a field that holds so many bytes, which are written next. */
  head(field: number, size: number): void {
    this.tag(field, WireType.BYTES)
    this.varint(size)
  }

  raw(bytes: Uint8Array): void {
    this.bytes.set(bytes, this.at)
    this.at += bytes.length
  }

  /** A field of text whose size in UTF-8 is known. */
  text(field: number, text: string, size: number): void {
    this.head(field, size)
    if (size !== text.length || size > SHORT_TEXT_CHARACTERS) {
      encoder.encodeInto(text, this.bytes.subarray(this.at, this.at + size))
      this.at += size
      return
    }
    for (let index = 0; index < size; index++) this.bytes[this.at++] = text.charCodeAt(index)
  }
}
