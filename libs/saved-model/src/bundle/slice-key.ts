// The keys under which the parts of a partitioned variable are stored: TensorFlow's OrderedCode, in which
// names and numbers sort as their bytes do.

import { ByteWriter } from './byte-writer.ts'

/** What a slice takes of one dimension. */
export interface Extent {
  start: number
  /** `ALL` for the whole dimension. */
  length: number
}

/** Stands for the length of a dimension that is not divided. */
export const ALL = -1

/** The key of the entry that holds one slice of a variable. */
export function sliceKey(name: Uint8Array, extents: readonly Extent[]): Uint8Array {
  const writer = new ByteWriter()
  writeUnsigned(writer, 0)
  writeName(writer, name)
  writeUnsigned(writer, extents.length)
  for (const { start, length } of extents) {
    writeSigned(writer, start)
    writeSigned(writer, length)
  }
  return writer.finish()
}

/** 0 and 255 are followed by a byte that tells them from the two that end the name. */
function writeName(writer: ByteWriter, name: Uint8Array): void {
  for (const byte of name) {
    writer.byte(byte)
    if (byte === 0) writer.byte(255)
    if (byte === 255) writer.byte(0)
  }
  writer.byte(0)
  writer.byte(1)
}

/** How many bytes follow, and these, the highest first. */
function writeUnsigned(writer: ByteWriter, value: number): void {
  const digits: number[] = []
  for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) digits.unshift(rest % 256)
  writer.byte(digits.length)
  for (const digit of digits) writer.byte(digit)
}

/** A byte carries seven bits of the number; the eighth of each stands at the front and counts bytes. */
const BITS_PER_BYTE = 7n

/**
 * A sign (1 where it is not negative), as many bits like the sign as bytes follow the first, one bit
 * unlike it, and the number in two's complement.
 */
function writeSigned(writer: ByteWriter, given: number): void {
  const value = BigInt(given)
  const magnitude = value < 0n ? ~value : value
  let length = 1n
  while (magnitude >> (BITS_PER_BYTE * length - 1n) > 0n) length++
  const bits = 8n * length
  // The ones in front count the bytes; what is negative has them turned round by its own leading ones.
  const header = ((1n << length) - 1n) << (bits - length)
  const code = BigInt.asUintN(Number(bits), value) ^ header
  for (let shift = bits - 8n; shift >= 0n; shift -= 8n) writer.byte(Number((code >> shift) & 255n))
}
