import { expect, test } from 'vitest'
import type { NodeDef } from '../graph.ts'
import { attr } from '../graph.ts'
import { provenDivision } from './division.ts'
import type { Kind } from './kinds.ts'
import { raggedKinds } from './ragged.ts'

const int32 = (value: number): Kind => ({
  is: 'same',
  value: { dtype: 'DT_INT32', shape: [], values: Int32Array.of(value) },
})

const ngrams = (attrs: NodeDef['attrs']) =>
  raggedKinds(
    { kind: 'node', name: 'y', op: 'StringNGrams', attrs, inputs: [0, 1], outputs: [2, 3] },
    [
      { is: 'pieces', inner: [], of: 'words' },
      { is: 'splits', of: 'words' },
    ],
  )

test('rows of n-grams are independent, but not where they are padded: no words at all get no padding', () => {
  expect(ngrams({})).toEqual([
    { is: 'pieces', inner: [], of: 'y' },
    { is: 'splits', of: 'y' },
  ])
  expect(ngrams({ pad_width: attr.int(0) })).toHaveLength(2)
  expect(ngrams({ pad_width: attr.int(1) })).toBeUndefined()
  expect(ngrams({ pad_width: attr.int(-1) })).toBeUndefined()
})

const kindsOf = (op: string, inputs: readonly Kind[], attrs: NodeDef['attrs'] = {}) =>
  raggedKinds({ kind: 'node', name: 'y', op, attrs, inputs: [], outputs: [] }, inputs)
const words = { is: 'pieces', inner: [], of: 'words' } as const
const zero = int32(0)

test('the words of one split are not in the rows of another: in a part there may be more of them', () => {
  const count = { is: 'count' } as const
  const sum = (data: Kind, of: string) =>
    kindsOf('UnsortedSegmentSum', [data, { is: 'rowOf', of }, count])

  expect(sum(words, 'words')).toEqual([{ is: 'rows', inner: [] }])
  expect(sum(words, 'others')).toBeUndefined()
  expect(kindsOf('StringNGrams', [words, { is: 'splits', of: 'others' }])).toBeUndefined()
})

test('only how many words there are in each row says where rows end', () => {
  const [lengths = zero] =
    kindsOf('UnsortedSegmentSum', [
      { ...words, areOnes: true },
      { is: 'rowOf', of: 'words' },
      { is: 'count' },
    ]) ?? []

  expect(kindsOf('Cumsum', [lengths, zero])).toEqual([{ is: 'ends', of: 'words' }])
  expect(kindsOf('Cumsum', [{ is: 'rows', inner: [] }, zero])).toBeUndefined()
})

test.each([
  ['a number', [], 'elements'],
  ['a vector of one', [1], 'rows'],
  ['a vector', [3], 'rows'],
])('elements by themselves meet nothing larger than %s', (_, shape, by) => {
  const constants = [{ dtype: 'DT_FLOAT', shape, values: Float32Array.of(1, 2, 3) } as const]
  const program = {
    slots: 3,
    inputs: [{ alias: 'x', slot: 0 }],
    constants: [{ slot: 1, constant: 0 }],
    steps: [
      { kind: 'node', name: 'y', op: 'Mul', attrs: {}, inputs: [0, 1], outputs: [2] } as const,
    ],
    outputs: [{ alias: 'y', slot: 2 }],
  }
  const info = { name: '', dtype: 'DT_FLOAT', shape: [-1, 3] } as const
  const signature = { methodName: '', inputs: { x: info }, outputs: { y: info } }

  expect(provenDivision(program, { signature, constants })).toMatchObject({ by, parted: ['y'] })
})
