// What is told of single operations, where it was once too small or far too large.

import { describe, expect, test } from 'vitest'
import { type Extent, extent } from './extent.ts'
import { foretell } from './foretell.ts'
import type { OutlineNode } from './outline.ts'

const LIMITS = { bytes: 2 ** 31, ns: 3e10 }

const node = (op: string, inputs: string[], more: Partial<OutlineNode> = {}): OutlineNode => ({
  op,
  source: NaN,
  inputs,
  outputs: ['y'],
  numbers: {},
  lists: {},
  texts: {},
  tensors: {},
  graphs: {},
  ...more,
})

/** Integers, each of them known. */
const known = (dims: readonly number[], values: readonly number[], dtype = 'DT_INT32' as const) =>
  extent(dtype, dims, { isExact: true, range: { low: values, high: values } })

const floatOf = (value: number) =>
  extent('DT_FLOAT', [], { isExact: true, range: { low: [value], high: [value] } })

const floats = (...dims: number[]) => extent('DT_FLOAT', dims, { isExact: true })

function told(of: OutlineNode, fed: Readonly<Record<string, Extent>>): Extent | undefined {
  const graph = { nodes: [of], constants: [], inputs: [], outputs: ['y'] }
  return foretell(graph, new Map(Object.entries(fed)), LIMITS).outputs.get('y')
}

test('paddings keep their places when they are turned', () => {
  const pads = known([3, 2], [0, 1, 2, 3, 4, 5])

  const turned = told(node('Transpose', ['pads'], { lists: { perm: [1, 0] } }), { pads })

  expect(turned).toMatchObject({ dims: [2, 3], range: { low: [0, 2, 4, 1, 3, 5] } })
})

test.each([
  ['that a narrow type cuts off', 3, [200, -3], { low: [-128], high: [127] }],
  ['that it holds', 3, [100, -3], { low: [100, -3], high: [100, -3] }],
  ['that 32 bits without a sign cut off', 12, [-1, 5], { low: [0], high: [2 ** 32 - 1] }],
])('numbers %s are not told as they were', (_, to, values, range) => {
  const cast = told(node('Cast', ['x'], { numbers: { to } }), { x: known([2], values) })

  expect(cast?.range).toEqual(range)
})

test('a sum of floats is rounded as floats are', () => {
  const sum = told(node('Add', ['a', 'b']), { a: floatOf(0.1), b: floatOf(0.2) })

  expect(sum?.range?.low).toEqual([Math.fround(Math.fround(0.1) + Math.fround(0.2))])
})

test('the greatest of what may be nothing is the least that there is, or one of them', () => {
  const some = extent('DT_INT32', [9], { range: { low: [2], high: [7] } })
  const none = extent('DT_INT32', [0], { isExact: true })
  const greatest = node('ReduceMax', ['x', 'axes'], { numbers: { keepdims: 0 } })
  const axes = known([1], [0])

  expect(told(greatest, { x: some, axes })?.range).toEqual({ low: [-(2 ** 31)], high: [7] })
  expect(told(greatest, { x: none, axes })?.range).toEqual({
    low: [-(2 ** 31)],
    high: [-(2 ** 31)],
  })
})

test('a sum along one axis is of as many numbers as that is long', () => {
  const x = extent('DT_INT32', [2000, 300], { isExact: true, range: { low: [0], high: [1] } })
  const axes = known([1], [1])

  const sum = told(node('ReduceSum', ['x', 'axes'], { numbers: { keepdims: 0 } }), { x, axes })

  expect(sum).toMatchObject({ dims: [2000], range: { low: [0], high: [300] } })
})

test('running sums of few numbers are told one by one, and of many by their number', () => {
  const axis = known([], [0])
  const many = extent('DT_INT32', [1000], { isExact: true, range: { low: [0], high: [5] } })

  const exact = told(node('CumSum', ['x', 'axis']), { x: known([3], [1, 0, 2]), axis })
  const bounded = told(node('CumSum', ['x', 'axis']), { x: many, axis })

  expect(exact?.range).toEqual({ low: [1, 1, 3], high: [1, 1, 3] })
  expect(bounded?.range).toEqual({ low: [0], high: [5000] })
})

test('the less of a number and of any other one is no more than it', () => {
  const any = extent('DT_INT32', [3], { isExact: true })

  const less = told(node('Min', ['x', 'most']), { x: any, most: known([], [10]) })

  expect(less?.range).toEqual({ low: [-(2 ** 31)], high: [10] })
})

const between = (dtype: Extent['dtype'], low: number, high: number, dims: number[] = [1]) =>
  extent(dtype, dims, { isExact: true, range: { low: [low], high: [high] } })

describe('a slice', () => {
  const of = (start: Extent, end: Extent) =>
    told(node('Slice', ['x', 'start', 'end']), { x: floats(10), start, end })?.dims

  test.each<[string, [number, number], [number, number], number]>([
    ['between places that are known', [2, 2], [-1, -1], 7],
    ['from a place on that is one of some', [2, 4], [9, 9], 7],
    ['to an end that may be counted from the back', [0, 0], [-2, 3], 10],
    ['from a place that may be counted from the back', [-3, 7], [10, 10], 10],
  ])('%s is as long as it may be', (_, start, end, length) => {
    expect(of(between('DT_INT64', ...start), between('DT_INT64', ...end))).toEqual([length])
  })
})

test('the last part of an even split may be smaller', () => {
  const split = node('Split', ['x'], { outputs: ['first', 'y'], numbers: { axis: 0 } })

  expect(told(split, { x: floats(5, 3) })?.dims).toEqual([2, 3])
})

test('parts of a vector have its numbers in order', () => {
  const split = node('Split', ['x', 'sizes'], { outputs: ['first', 'y'], numbers: { axis: 0 } })

  const part = told(split, { x: known([4], [5, 6, 7, 8]), sizes: known([2], [1, 3]) })

  expect(part).toMatchObject({ dims: [3], range: { low: [6, 7, 8], high: [6, 7, 8] } })
})

test('paddings are told before all axes, then behind them', () => {
  const pads = known([4], [1, 2, 3, 4])

  expect(told(node('Pad', ['x', 'pads']), { x: floats(10, 20), pads })?.dims).toEqual([14, 26])
})

test.each([
  ['above zero', 2, 5, 3],
  ['that may be zero', 0, 5, Infinity],
  ['of any sign', -1, 1, Infinity],
])('numbers up to six by a step %s are as many as its least makes', (_, low, high, count) => {
  const [start, limit] = [known([], [0]), between('DT_INT32', 0, 6, [])]
  const delta = between('DT_INT32', low, high, [])

  const range = told(node('Range', ['start', 'limit', 'delta']), { start, limit, delta })

  expect(range?.dims).toEqual([count])
})

test('of what is divided by what may be zero nothing is told', () => {
  const quotient = (low: number, high: number) =>
    told(node('Div', ['a', 'b']), { a: floatOf(6), b: between('DT_FLOAT', low, high, []) })

  expect(quotient(2, 3)?.range).toEqual({ low: [2], high: [3] })
  expect(quotient(-1, 1)?.range).toBeUndefined()
})

test.each([
  ['Less', 5, 3, 5, [0, 0]],
  ['LessOrEqual', 5, 3, 5, [0, 1]],
  ['LessOrEqual', 5, 3, 4, [0, 0]],
  ['Less', 5, 5, 7, [0, 1]],
  ['LessOrEqual', 5, 5, 7, [1, 1]],
  ['Greater', 5, 5, 7, [0, 0]],
  ['GreaterOrEqual', 5, 5, 7, [0, 1]],
])(
  'whether one is %s than the other is told as far as it is certain: %d, %d to %d',
  (op, a, low, high, is) => {
    const made = told(node(op, ['a', 'b']), {
      a: known([], [a]),
      b: between('DT_INT32', low, high, []),
    })

    expect([made?.range?.low[0], made?.range?.high[0]]).toEqual(is)
  },
)

test('numbers that meet each of some others are not told as if they met one by one', () => {
  const differences = told(node('Sub', ['a', 'b']), {
    a: known([2], [1, 2]),
    b: known([2, 1], [1, 2]),
  })

  expect(differences).toMatchObject({ dims: [2, 2], range: { low: [-1], high: [1] } })
})

test('an index that may be shorter may leave all of what it is looked up in; another one leaves the rest', () => {
  const data = extent('DT_FLOAT', [30, 40], { isExact: true })
  const indices = extent('DT_INT64', [5, 2])
  const lookUp = node('GatherND', ['data', 'indices'])

  expect(told(lookUp, { data, indices })).toMatchObject({ count: 6000, mayHaveLess: true })
  expect(told(lookUp, { data, indices: { ...indices, exactAxis: 1 } })).toMatchObject({
    dims: [5],
    count: 5,
  })
})
