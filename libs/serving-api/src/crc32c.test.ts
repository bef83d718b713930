import fc from 'fast-check'
import { expect, test } from 'vitest'
import { crc32c, maskedCrc32c } from './crc32c.ts'

/** Bit by bit, as the polynomial has it. */
function slowCrc32c(bytes: Uint8Array): number {
  let crc = 0xffff_ffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ ((crc & 1) * 0x82f6_3b78)
  }
  return ~crc >>> 0
}

const numbers = Uint8Array.from({ length: 32 }, (_, at) => at)

// From RFC 3720, B.4, and the usual check of nine digits.
test.each([
  [new TextEncoder().encode('123456789'), 0xe306_9283],
  [new Uint8Array(32), 0x8a91_36aa],
  [new Uint8Array(32).fill(0xff), 0x62a8_ab43],
  [numbers, 0x46dd_794e],
  [numbers.toReversed(), 0x113f_db5c],
  [new Uint8Array(), 0],
])('the checksum %# is the published one', (bytes, checksum) => {
  expect(crc32c(bytes)).toBe(checksum)
})

test('every length and every alignment has the checksum of its bytes', () => {
  const memory = Uint8Array.from({ length: 200 }, (_, at) => (at * 97) ^ (at >>> 3))
  for (let start = 0; start < 9; start++)
    for (let end = start; end <= memory.length; end++) {
      const bytes = memory.subarray(start, end)
      expect(crc32c(bytes)).toBe(slowCrc32c(bytes))
    }
})

test('a checksum is taken in parts as well as at once', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(200), (bytes, at) => {
      const parts = crc32c(bytes.subarray(at), crc32c(bytes.subarray(0, at)))

      expect(parts).toBe(crc32c(bytes))
    }),
  )
})

test('a masked checksum is turned by 15 bits and moved on', () => {
  expect(maskedCrc32c(0)).toBe(0xa282_ead8)
  expect(maskedCrc32c(0x8000)).toBe(0xa282_ead9)
  expect(maskedCrc32c(crc32c(new TextEncoder().encode('123456789')))).toBe(0xc78a_b0e5)
})
