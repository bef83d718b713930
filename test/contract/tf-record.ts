/** Castagnoli's polynomial, its bits reversed. */
const POLYNOMIAL = 0x82f6_3b78
const MASK_DELTA = 0xa282_ead8

/** One record of a TFRecord file: its length, its bytes, and a masked CRC-32C of each. */
export function tfRecord(bytes: Uint8Array): Uint8Array {
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(bytes.length))
  return Buffer.concat([length, maskedCrc(length), bytes, maskedCrc(bytes)])
}

function maskedCrc(bytes: Uint8Array): Buffer {
  const crc = crc32c(bytes)
  const rotated = ((crc >>> 15) | (crc << 17)) >>> 0
  const written = Buffer.alloc(4)
  written.writeUInt32LE((rotated + MASK_DELTA) >>> 0)
  return written
}

function crc32c(bytes: Uint8Array): number {
  let crc = 0xffff_ffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? POLYNOMIAL : 0)
  }
  return (crc ^ 0xffff_ffff) >>> 0
}
