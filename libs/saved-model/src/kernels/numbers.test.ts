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

const floatsOf = (shape: number[], values: number[]): Value => ({
  dtype: 'DT_FLOAT',
  shape,
  values: Float32Array.from(values),
})
const multiplied = (a: Value, b: Value): Value | undefined =>
  numberKernels['Mul']?.({ ...node, op: 'Mul' })([a, b])[0]

test.each<[string, [number[], number[]], [number[], number[]], [number[], number[]]]>([
  [
    'the same shape',
    [
      [2, 2],
      [1, 2, 3, 4],
    ],
    [
      [2, 2],
      [5, 6, 7, 8],
    ],
    [
      [2, 2],
      [5, 12, 21, 32],
    ],
  ],
  [
    'a number for each row',
    [
      [2, 2],
      [1, 2, 3, 4],
    ],
    [
      [2, 1],
      [5, 6],
    ],
    [
      [2, 2],
      [5, 10, 18, 24],
    ],
  ],
  [
    'a number for each column',
    [
      [2, 2],
      [1, 2, 3, 4],
    ],
    [[2], [5, 6]],
    [
      [2, 2],
      [5, 12, 15, 24],
    ],
  ],
  [
    'one number',
    [
      [2, 2],
      [1, 2, 3, 4],
    ],
    [[], [5]],
    [
      [2, 2],
      [5, 10, 15, 20],
    ],
  ],
  [
    'rows and columns',
    [
      [2, 1],
      [1, 2],
    ],
    [
      [1, 2],
      [3, 4],
    ],
    [
      [2, 2],
      [3, 4, 6, 8],
    ],
  ],
  [
    'one number for many',
    [[1, 1], [3]],
    [
      [2, 2],
      [1, 2, 3, 4],
    ],
    [
      [2, 2],
      [3, 6, 9, 12],
    ],
  ],
  [
    'a number for each block',
    [
      [2, 1, 2],
      [1, 2, 3, 4],
    ],
    [
      [2, 1, 1],
      [5, 6],
    ],
    [
      [2, 1, 2],
      [5, 10, 18, 24],
    ],
  ],
  [
    'the middle of three',
    [
      [1, 2, 2],
      [1, 2, 3, 4],
    ],
    [
      [2, 1],
      [5, 6],
    ],
    [
      [1, 2, 2],
      [5, 10, 18, 24],
    ],
  ],
  ['no rows', [[0, 2], []], [[0, 1], []], [[0, 2], []]],
  [
    'no columns',
    [[2, 0], []],
    [
      [2, 1],
      [5, 6],
    ],
    [[2, 0], []],
  ],
])('floats are multiplied: %s', (_, a, b, expected) => {
  expect(multiplied(floatsOf(...a), floatsOf(...b))).toEqual(floatsOf(...expected))
})
