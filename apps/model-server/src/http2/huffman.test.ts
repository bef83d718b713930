import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ConnectionError } from './frames.ts'
import { decodeHuffman } from './huffman.ts'

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')

describe('decodeHuffman', () => {
  test.each([
    // Of RFC 7541, appendix C.
    ['f1e3 c2e5 f23a 6ba0 ab90 f4ff', 'www.example.com'],
    ['a8eb 1064 9cbf', 'no-cache'],
    ['25a8 49e9 5ba9 7d7f', 'custom-key'],
    ['d07a be94 1054 d444 a820 0595 040b 8166 e082 a62d 1bff', 'Mon, 21 Oct 2013 20:13:21 GMT'],
    ['', ''],
  ])('reads %s', (coded, text) => {
    expect(decodeHuffman(hex(coded))).toBe(text)
  })

  test.each([
    ['the end of a text within it', 'ffff ffff'],
    ['a whole byte at the end that is no code', '1fff'],
    ['a code that is cut off', 'a8eb 1064 9c90'],
  ])('refuses %s', (_, coded) => {
    expect(() => decodeHuffman(hex(coded))).toThrow(ConnectionError)
  })

  test('reads or refuses anything', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        expect(read(bytes).length).toBeLessThanOrEqual((bytes.length * 8) / 5)
      }),
      { numRuns: 2_000 },
    )
  })
})

/** Nothing for what is refused. */
function read(bytes: Uint8Array): string {
  try {
    return decodeHuffman(bytes)
  } catch (error) {
    if (error instanceof ConnectionError) return ''
    throw error
  }
}
