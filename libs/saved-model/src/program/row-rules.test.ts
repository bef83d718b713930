import { describe, expect, test } from 'vitest'
import { attr, type NodeDef } from '../graph.ts'
import type { Kind } from './kinds.ts'
import { rules } from './row-rules.ts'

const rows = (...inner: number[]): Kind => ({ is: 'rows', inner })
const same = (...values: number[]): Kind => ({
  is: 'same',
  shape: [values.length],
  value: { dtype: 'DT_INT32', shape: [values.length], values: Int32Array.from(values) },
})
const scalar = (value: number): Kind => ({
  is: 'same',
  shape: [],
  value: { dtype: 'DT_INT32', shape: [], values: Int32Array.of(value) },
})
const table: Kind = { is: 'same', shape: [3, 4] }

const kindsOf = (op: string, inputs: readonly Kind[], attrs: NodeDef['attrs']) =>
  rules[op]?.({ kind: 'node', name: 'y', op, attrs, inputs: [], outputs: [] }, inputs)

const one = scalar(1)
const masks = { begin_mask: attr.int(1), end_mask: attr.int(1) }
const plane = [same(0, 0), same(0, 1), same(1, 1)]

/** An operation on rows that stay apart, and the same one where they meet. */
const CASES: readonly (readonly [
  op: string,
  apart: readonly [readonly Kind[], NodeDef['attrs'], kept: Kind],
  joined: readonly [readonly Kind[], NodeDef['attrs']],
])[] = [
  [
    'OneHot',
    [[rows(), scalar(5), one, one], { axis: attr.int(-1) }, rows(5)],
    [[rows(), scalar(5), one, one], { axis: attr.int(0) }],
  ],
  ['ConcatV2', [[rows(2), rows(3), one], {}, rows(5)], [[rows(2), rows(2), scalar(0)], {}]],
  ['ConcatV2', [[rows(2), rows(3), scalar(-1)], {}, rows(5)], [[rows(2), rows(2), scalar(-2)], {}]],
  [
    'Pack',
    [[rows(2), rows(2)], { axis: attr.int(1) }, rows(2, 2)],
    [[rows(2), rows(2)], { axis: attr.int(0) }],
  ],
  ['ExpandDims', [[rows(2), one], {}, rows(1, 2)], [[rows(2), scalar(0)], {}]],
  ['ArgMax', [[rows(2), one], {}, rows()], [[rows(2), scalar(0)], {}]],
  ['Sum', [[rows(2, 3), same(1)], {}, rows(3)], [[rows(2, 3), same(-3)], {}]],
  [
    'AddV2',
    [[rows(3), { is: 'same', shape: [1, 3] }], {}, rows(3)],
    [[rows(3), { is: 'same', shape: [2, 3] }], {}],
  ],
  ['Reshape', [[rows(2, 3), same(-1, 6)], {}, rows(6)], [[rows(2, 3), same(-1, 2)], {}]],
  [
    'StridedSlice',
    [[rows(2), ...plane], masks, rows(-1)],
    [[rows(2), same(0, 0), same(0, 1), same(2, 1)], masks],
  ],
  ['GatherV2', [[table, rows(), scalar(0)], {}, rows(4)], [[table, rows(), scalar(1)], {}]],
  ['MatMul', [[rows(3), table], {}, rows(4)], [[rows(3), table], { transpose_a: attr.bool(true) }]],
  [
    'GatherV2',
    [[rows(3), { is: 'same', shape: [2] }, one], {}, rows(2)],
    [[rows(3), { is: 'same', shape: [2] }, scalar(0)], {}],
  ],
  [
    'GatherV2',
    [[table, rows(), scalar(0)], {}, rows(4)],
    [[table, rows(), scalar(0)], { batch_dims: attr.int(1) }],
  ],
  [
    'Squeeze',
    [[rows(1, 2)], { squeeze_dims: attr.ints([1]) }, rows(2)],
    [[rows(1, 2)], { squeeze_dims: attr.ints([0]) }],
  ],
  [
    'StridedSlice',
    [[rows(3), ...plane], { ...masks, shrink_axis_mask: attr.int(2) }, rows()],
    [[rows(3), ...plane], { ...masks, shrink_axis_mask: attr.int(3) }],
  ],
]

describe.each(CASES)('rows of %s', (op, [inputs, attrs, kept], [others, otherAttrs]) => {
  test('stay apart along other dimensions', () => {
    expect(kindsOf(op, inputs, attrs)).toEqual([kept])
  })

  test('are not said to where they meet', () => {
    expect(kindsOf(op, others, otherAttrs)).toBeUndefined()
  })
})
