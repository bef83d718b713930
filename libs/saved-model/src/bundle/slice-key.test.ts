import { expect, test } from 'vitest'
import { ALL, type Extent, sliceKey } from './slice-key.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const utf8 = new TextEncoder()

/** The part of a key that is a number alone. */
function codeOf(start: number): string {
  const key = hex(sliceKey(new Uint8Array(), [{ start, length: 0 }]))
  return key.slice('0000010101'.length, -'80'.length)
}

// The first two are the examples of TensorFlow's own description.
test.each([
  [0x424242, 'f0424242'],
  [-0x800, '3800'],
  [0, '80'],
  [63, 'bf'],
  [64, 'c040'],
  [-64, '40'],
  [-65, '3fbf'],
  [-1, '7f'],
  [2 ** 13 - 1, 'dfff'],
  [2 ** 13, 'e02000'],
  [2 ** 48, 'ff01000000000000'],
  [2 ** 53 - 1, 'ff1fffffffffffff'],
])('the number %d is coded as %s', (value, code) => {
  expect(codeOf(value)).toBe(code)
})

test('a key begins with a zero byte, the name and the number of dimensions', () => {
  const extents: Extent[] = [
    { start: 3, length: 5 },
    { start: 0, length: ALL },
  ]

  expect(hex(sliceKey(utf8.encode('ab'), extents))).toBe('006162000101028385807f')
})

test('the bytes 0 and 255 of a name are told from its end', () => {
  const key = sliceKey(Uint8Array.of(0, 97, 255), [])

  expect(hex(key)).toBe('0000ff61ff00000100')
})
