import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeText, encodeText, wellFormed } from './bytes-as-text.ts'

test('any bytes come back from text', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      expect([...encodeText(decodeText(bytes))]).toEqual([...bytes])
    }),
  )
})

test('UTF-8 is decoded as it is, with its byte order mark', () => {
  const text = '\uFEFFa😀\0é'

  expect(decodeText(new TextEncoder().encode(text))).toBe(text)
})

test.each([
  [[0x61, 0xff, 0x62], 'a\uFFFDb'],
  [[0xe2, 0x82], '\uFFFD'],
  [[0xed, 0xa0, 0x80], '\uFFFD\uFFFD\uFFFD'],
])('%j is made well-formed as %j', (bytes, text) => {
  expect(wellFormed(decodeText(Uint8Array.from(bytes)))).toBe(text)
})
