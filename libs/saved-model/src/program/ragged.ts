// The kinds of tensors that texts become when they are split into words and counted: rows of
// different lengths one after the other, and what tells where each row begins.
//
//   pieces        the words of all rows; the parts' one after the other
//   places, dims  StringSplitV2's [row, position] of each word, and its [rows, most words]
//   rowOf         the row of each piece, counted within the part
//   ends, splits  where each row ends; the same after a 0
//   total         how many pieces there are; numbers: 0, 1, ... to it
//   above         the row of each piece, counted from 1
//   cells         [row, column] of each piece
//   ...AsRow      the same in a matrix with one row

import { boolOf, intOf, intsOf } from '../node-attrs.ts'
import { isPlainSlice } from '../strided-slice.ts'
import { integersIn, type Kind, nodeOf } from './kinds.ts'
import type { NodeStep } from './program.ts'

type Kinds = readonly (Kind | undefined)[]
type Rule = (step: NodeStep, inputs: readonly Kind[]) => Kinds | undefined

/** The kinds of a step's outputs when it is one of splitting and counting. */
export function raggedKinds(step: NodeStep, inputs: readonly Kind[]): Kinds | undefined {
  const rule = Object.hasOwn(rules, step.op) ? rules[step.op] : undefined
  return rule?.(step, inputs)
}

/** Whether an input is a constant with these integers. */
function is(kind: Kind | undefined, ...wanted: readonly number[]): boolean {
  const found = integersIn(kind)
  return found?.length === wanted.length && found.every((each, index) => each === wanted[index])
}

const mask = (step: NodeStep, name: string): number => intOf(nodeOf(step), name, 0)

/** The dimensions that a slice takes one element of; none where it adds others. */
const shrunkBy = (step: NodeStep): number =>
  isPlainSlice(nodeOf(step)) ? mask(step, 'shrink_axis_mask') : 0

const splitting: Rule = ({ name: of }, [texts]) =>
  texts?.is === 'rows' && texts.inner.length === 0
    ? [{ is: 'places', of }, { is: 'pieces', inner: [], of }, { is: 'dims' }]
    : undefined

/** The split of which tensors of these kinds are; undefined where they are of other kinds, or of several. */
function splitOf(kinds: readonly (Kind | undefined)[], wanted: readonly Kind['is'][]) {
  const [first] = kinds
  const of = first !== undefined && 'of' in first ? first.of : undefined
  const isOne = wanted.every((each, index) => {
    const kind = kinds[index]
    return kind?.is === each && 'of' in kind && kind.of === of
  })
  return isOne ? of : undefined
}

const isVector = (kind: Kind | undefined): boolean =>
  kind !== undefined && 'inner' in kind && kind.inner.length === 0

const rules: Readonly<Record<string, Rule>> = {
  StringSplit: splitting,
  StringSplitV2: splitting,
  StridedSlice: (step, [input, begin, end, strides]) => {
    const shrinks = shrunkBy(step)
    if (input?.is === 'dims' && is(begin, 0) && shrinks === 1) return [{ is: 'count' }]
    const isColumn = is(begin, 0, 0) && is(end, 0, 1) && is(strides, 1, 1) && shrinks === 2
    const isWhole = (mask(step, 'begin_mask') & mask(step, 'end_mask') & 1) === 1
    return input?.is === 'places' && isColumn && isWhole
      ? [{ is: 'rowOf', of: input.of }]
      : undefined
  },
  OnesLike: (_, [input]) => {
    if (input?.is !== 'rowOf' && input?.is !== 'pieces') return undefined
    const inner = 'inner' in input ? input.inner : []
    return [{ is: 'pieces', inner, of: input.of, areOnes: true }]
  },
  UnsortedSegmentSum: (_, [data, segments, count]) => {
    const lengthsOf = splitOf([data, segments], ['pieces', 'rowOf'])
    if (data?.is !== 'pieces' || lengthsOf === undefined || count?.is !== 'count') return undefined
    const { inner, areOnes } = data
    return [{ is: 'rows', inner, ...(areOnes === true && { lengthsOf }) }]
  },
  Cumsum: (step, [input, axis]) => {
    const isPlain = !['exclusive', 'reverse'].some((name) => boolOf(nodeOf(step), name, false))
    const of = input?.is === 'rows' ? input.lengthsOf : undefined
    return of !== undefined && isVector(input) && is(axis, 0) && isPlain
      ? [{ is: 'ends', of }]
      : undefined
  },
  ConcatV2: (_, [first, ends, axis, ...more]) =>
    is(first, 0) && ends?.is === 'ends' && is(axis, 0) && more.length === 0
      ? [{ is: 'splits', of: ends.of }]
      : undefined,
  // Padded rows depend on each other: none is padded where all of them are empty.
  StringNGrams: (step, inputs) => {
    const { name: of } = step
    return splitOf(inputs, ['pieces', 'splits']) !== undefined && mask(step, 'pad_width') === 0
      ? [
          { is: 'pieces', inner: [], of },
          { is: 'splits', of },
        ]
      : undefined
  },
  Size: (_, [input]) =>
    input?.is === 'pieces' && isVector(input) ? [{ is: 'total', of: input.of }] : undefined,
  Range: (_, [start, limit, step]) =>
    is(start, 0) && limit?.is === 'total' && is(step, 1)
      ? [{ is: 'numbers', of: limit.of }]
      : undefined,
  ExpandDims: (_, [input, axis]) => {
    if (!is(axis, 0)) return undefined
    if (input?.is === 'splits') return [{ is: 'splitsAsRow', of: input.of }]
    return input?.is === 'numbers' ? [{ is: 'numbersAsRow', of: input.of }] : undefined
  },
  UpperBound: (_, inputs) => {
    const of = splitOf(inputs, ['splitsAsRow', 'numbersAsRow'])
    return of === undefined ? undefined : [{ is: 'aboveAsRow', of }]
  },
  Squeeze: (step, [input]) => {
    const [axis, ...more] = intsOf(nodeOf(step), 'squeeze_dims', []).map(Number)
    return input?.is === 'aboveAsRow' && axis === 0 && more.length === 0
      ? [{ is: 'above', of: input.of }]
      : undefined
  },
  Sub: (_, [input, one]) =>
    input?.is === 'above' && is(one, 1) ? [{ is: 'rowOf', of: input.of }] : undefined,
  Pack: (step, inputs) => {
    const of = splitOf(inputs, ['rowOf', 'pieces'])
    return of !== undefined && inputs.length === 2 && mask(step, 'axis') === 1
      ? [{ is: 'cells', of }]
      : undefined
  },
  ScatterNd: (_, [cells, updates, shape]) =>
    splitOf([cells, updates], ['cells', 'pieces']) !== undefined &&
    isVector(updates) &&
    shape?.is === 'shape' &&
    shape.inner.length === 1
      ? [{ is: 'rows', inner: shape.inner }]
      : undefined,
}
