// CRC-32C (Castagnoli): what TensorFlow's records, tables and checkpoints are checked by.

const POLYNOMIAL = 0x82f6_3b78
/** Bytes that are looked up at a time; each has a table of its own. */
const STRIDE = 16
/** Below it, the loop that goes byte by byte is as fast. */
const SHORT_MAX = 2 * STRIDE

/** Entry `256 * n + byte` is the checksum of a byte that `n` zero bytes follow. */
const TABLES = new Int32Array(STRIDE * 256)
for (let byte = 0; byte < 256; byte++) {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ ((crc & 1) * POLYNOMIAL)
  TABLES[byte] = crc
}
for (let at = 256; at < TABLES.length; at++) {
  const before = TABLES[at - 256] ?? 0
  TABLES[at] = (before >>> 8) ^ (TABLES[before & 0xff] ?? 0)
}

/** The checksum of some bytes, or of these behind others whose checksum is `before`. */
export function crc32c(bytes: Uint8Array, before = 0): number {
  if (bytes.length < SHORT_MAX) return ~byteByByte(~before, bytes) >>> 0
  // Words can only be read where the memory is aligned.
  const head = -bytes.byteOffset & 3
  const words = (bytes.length - head) >>> 2
  const body = words - (words % (STRIDE / 4))
  let crc = byteByByte(~before, bytes.subarray(0, head))
  crc = byStrides(crc, new Int32Array(bytes.buffer, bytes.byteOffset + head, body))
  return ~byteByByte(crc, bytes.subarray(head + 4 * body)) >>> 0
}

function byteByByte(start: number, bytes: Uint8Array): number {
  let crc = start
  for (let at = 0; at < bytes.length; at++)
    crc = (crc >>> 8) ^ (TABLES[(crc ^ (bytes[at] ?? 0)) & 0xff] ?? 0)
  return crc
}

/** Four words at a time; like all typed arrays here, it takes the machine for a little-endian one. */
function byStrides(start: number, words: Int32Array): number {
  let crc = start
  for (let at = 0; at + 3 < words.length; at += 4)
    crc =
      lookedUp((words[at] ?? 0) ^ crc, 0xc00) ^
      lookedUp(words[at + 1] ?? 0, 0x800) ^
      lookedUp(words[at + 2] ?? 0, 0x400) ^
      lookedUp(words[at + 3] ?? 0, 0)
  return crc
}

/** The checksum of the four bytes of a word; `last` is where the table of its last byte begins. */
function lookedUp(word: number, last: number): number {
  return (
    (TABLES[last + 0x300 + (word & 0xff)] ?? 0) ^
    (TABLES[last + 0x200 + ((word >>> 8) & 0xff)] ?? 0) ^
    (TABLES[last + 0x100 + ((word >>> 16) & 0xff)] ?? 0) ^
    (TABLES[last + (word >>> 24)] ?? 0)
  )
}

const MASK_DELTA = 0xa282_ead8

/** A checksum as it is stored: one of bytes that hold checksums would be weak. */
export function maskedCrc32c(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + MASK_DELTA) >>> 0
}
