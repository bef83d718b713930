import { expect, test } from 'vitest'
import { texts, type Value } from '../values.ts'
import { numberKernels } from './numbers.ts'

const node = { name: 'same', op: 'Equal', inputs: [], attrs: {} }
const equal = (a: Value, b: Value): Value | undefined => numberKernels['Equal']?.(node)([a, b])[0]

test.each([
  ['a column in a row', [2, 1], ['b', 'x'], [1, 3], ['b', 'a', 'b'], [2, 3], [1, 0, 1, 0, 0, 0]],
  ['a column in a vector', [2, 1], ['b', 'a'], [2], ['a', 'b'], [2, 2], [0, 1, 1, 0]],
  ['many dimensions', [2, 1, 1], ['b', 'a'], [1, 2], ['a', 'b'], [2, 1, 2], [0, 1, 1, 0]],
  ['no vocabulary', [2, 1], ['a', 'b'], [1, 0], [], [2, 0], []],
  ['no rows', [0, 1], [], [1, 1], ['a'], [0, 1], []],
  ['a row in a column', [1, 2], ['a', 'b'], [2, 1], ['b', 'a'], [2, 2], [0, 1, 1, 0]],
  ['a scalar', [2], ['a', 'b'], [], ['b'], [2], [0, 1]],
])('texts are compared: %s', (_, shape, values, otherShape, others, wanted, flags) => {
  expect(equal(texts(shape, values), texts(otherShape, others))).toEqual({
    dtype: 'DT_BOOL',
    shape: wanted,
    values: Uint8Array.from(flags),
  })
})

test('a vocabulary is looked up, not compared with every row', { timeout: 5_000 }, () => {
  const words = Array.from({ length: 1_000 }, (_, index) => `word ${index}`)
  const rows = Array.from({ length: 50_000 }, (_, index) => words[index % words.length] ?? '')

  const found = equal(texts([rows.length, 1], rows), texts([1, words.length], words))

  expect(found?.values.length).toBe(rows.length * words.length)
  expect(found?.values[words.length + 1]).toBe(1)
})
