// How large the outputs of operations are that move elements about, or make shapes of shapes.

import { typeOfElement } from '../onnx/model.ts'
import {
  elementOf,
  elementsOf,
  exactly,
  type Extent,
  extent,
  hullOf,
  product,
  rangeOf,
} from './extent.ts'
import type { OutlineNode } from './outline.ts'

/** The outputs of a node whose inputs are told. */
export type Telling = (node: OutlineNode, inputs: readonly Extent[]) => Extent[]

export const NOTHING: Extent = extent('DT_FLOAT', [0], { isExact: true })

export const one = (inputs: readonly Extent[], at = 0): Extent => inputs[at] ?? NOTHING

/** An axis from the front. */
export const axisOf = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis)

const numberOf = (node: OutlineNode, name: string, fallback: number): number =>
  node.numbers[name] ?? fallback

const shapeOf: Telling = (_, [input = NOTHING]) => {
  const { isExact: areAll, exactAxis } = input
  const sizes = input.dims.map(
    (length, at) => [areAll || at === exactAxis ? length : 0, length] as const,
  )
  const isExact = input.mayHaveLess !== true
  const range = isExact ? rangeOf(sizes) : { low: [0], high: [Math.max(0, ...input.dims)] }
  return [extent('DT_INT64', [input.dims.length], { isExact, range })]
}

const sizeOf: Telling = (_, [input = NOTHING]) => {
  const range = { low: [input.isExact ? input.count : 0], high: [input.count] }
  return [extent('DT_INT64', [], { isExact: true, range })]
}

const cast: Telling = (node, [input = NOTHING]) => {
  const to = numberOf(node, 'to', 1)
  const dtype = typeOfElement(to)
  const ends = NARROW_ENDS[to]
  if (ends !== undefined) return [{ ...input, dtype, range: narrowed(input.range, ends) }]
  const { dims, isExact, count, range } = input
  const turned = (value: number): number => {
    if (dtype === 'DT_BOOL') return value === 0 ? 0 : 1
    return dtype === 'DT_INT32' || dtype === 'DT_INT64' ? Math.trunc(value) : value
  }
  const isTruth = dtype === 'DT_BOOL' && range?.low.some((low, at) => low !== range.high[at])
  const known = range && { low: range.low.map(turned), high: range.high.map(turned) }
  const found = isTruth === true ? { low: [0], high: [1] } : known
  return [extent(dtype, dims, { isExact, countMax: count, range: found })]
}

/** By ONNX's numbers of types that nothing is calculated in: numbers pass through them to be cut to size. */
const NARROW_ENDS: Readonly<Record<number, readonly [number, number] | 'rounded'>> = {
  2: [0, 255],
  3: [-128, 127],
  4: [0, 65_535],
  5: [-32_768, 32_767],
  10: 'rounded',
  12: [0, 2 ** 32 - 1],
  13: [0, 2 ** 64],
  16: 'rounded',
}

/** Numbers that such a type holds stay what they are; of others nothing is known but that it holds them. */
function narrowed(
  range: Extent['range'],
  ends: readonly [number, number] | 'rounded',
): Extent['range'] {
  if (ends === 'rounded') return undefined
  const [least, most] = ends
  const isHeld = range?.low.every((low, at) => low >= least && (range.high[at] ?? 0) <= most)
  return isHeld === true ? range : { low: [least], high: [most] }
}

const reshape: Telling = (node, [input = NOTHING, target = NOTHING]) => {
  const rank = target.dims[0] ?? 0
  if (!Number.isFinite(rank)) return [{ ...input, dims: [Infinity], isExact: false }]
  const { dtype, count, range } = input
  const exact = exactly(target)
  const keepsZeros = numberOf(node, 'allowzero', 0) === 1
  const sizes = Array.from({ length: rank }, (_, at) => {
    const [low, high] = elementOf(target, at)
    if (high === 0 && low === 0 && !keepsZeros) return input.dims[at] ?? 0
    return high < 0 ? undefined : high
  })
  const others = product(sizes.filter((length) => length !== undefined))
  // Of nothing, something may be left.
  const whole = count > 0 ? count : product(input.dims.filter((length) => length > 0))
  const left = exact !== undefined && others > 0 ? count / others : whole
  const dims = sizes.map((length) => length ?? left)
  const isTold = others > 0 || !sizes.includes(undefined)
  const isExact = input.isExact && exact !== undefined && isTold && dims.every(Number.isInteger)
  return [ofRank(target, extent(dtype, dims, { isExact, countMax: count, range }))]
}

/** Something of a shape, of which it may not be sure how long it is. */
export const ofRank = (vector: Extent, made: Extent): Extent =>
  vector.isExact ? made : { ...made, mayHaveLess: true }

/** The axes that a node names in an input or an attribute; undefined where they are not known. */
function axesOf(node: OutlineNode, given: Extent | undefined, rank: number): number[] | undefined {
  const axes = node.lists['axes'] ?? (given === undefined ? [] : exactly(given))
  return axes?.map((axis) => axisOf(axis, rank))
}

const squeeze: Telling = (node, [input = NOTHING, given]) => {
  const axes = axesOf(node, given, input.dims.length)
  const isGone = (size: number, at: number) =>
    axes === undefined || axes.length === 0 ? size === 1 : axes.includes(at)
  const dims = input.dims.filter((length, at) => !isGone(length, at))
  return [extent(input.dtype, dims, { ...input, countMax: input.count })]
}

const unsqueeze: Telling = (node, [input = NOTHING, given]) => {
  const rank = input.dims.length + (given?.count ?? 0)
  const axes = axesOf(node, given, rank)
  const left = [...input.dims]
  const dims = Array.from({ length: rank }, (_, at) =>
    axes?.includes(at) === false ? (left.shift() ?? 1) : 1,
  )
  const known = axes === undefined ? Array.from({ length: rank }, () => input.count) : dims
  const isExact = input.isExact && axes !== undefined
  return [extent(input.dtype, known, { isExact, countMax: input.count, range: input.range })]
}

const transpose: Telling = (node, [input = NOTHING]) => {
  const { dims, dtype, isExact, count } = input
  const perm = node.lists['perm'] ?? dims.map((_, at) => dims.length - 1 - at)
  const turned = perm.map((axis) => dims[axis] ?? 0)
  return [extent(dtype, turned, { isExact, countMax: count, range: turnedRange(input, perm) })]
}

/** The elements of few, in their new order: paddings are turned before they are used. */
function turnedRange(input: Extent, perm: readonly number[]): Extent['range'] {
  const { dims, range } = input
  const elements = range && range.low.length > 1 ? elementsOf(input) : undefined
  if (dims.length < 2 || elements === undefined) return dims.length < 2 ? range : hullOf([range])
  const strides = dims.map((_, axis) => product(dims.slice(axis + 1)))
  const places = perm.reduce<number[]>(
    (all, axis) =>
      all.flatMap((place) =>
        Array.from({ length: dims[axis] ?? 0 }, (_, at) => place + at * (strides[axis] ?? 0)),
      ),
    [0],
  )
  return rangeOf(places.map((place) => elements[place] ?? ALL))
}
const ALL = [-Infinity, Infinity] as const

const concat: Telling = (node, inputs) => {
  const first = one(inputs)
  const axis = axisOf(numberOf(node, 'axis', 0), first.dims.length)
  const dims = first.dims.map((_, at) => {
    const sizes = inputs.map((input) => input.dims[at] ?? 0)
    return at === axis ? sizes.reduce((sum, each) => sum + each, 0) : Math.max(...sizes)
  })
  const elements = first.dims.length === 1 ? inputs.map(elementsOf) : [undefined]
  const isOfEach = elements.every((each) => each !== undefined)
  const range = isOfEach ? rangeOf(elements.flat()) : hullOf(inputs.map((input) => input.range))
  const countMax = inputs.reduce((sum, { count }) => sum + count, 0)
  return [extent(first.dtype, dims, { isExact: inputs.every(isExactly), countMax, range })]
}

const isExactly = ({ isExact }: Extent): boolean => isExact

const gather: Telling = (node, [data = NOTHING, indices = NOTHING]) => {
  const axis = axisOf(numberOf(node, 'axis', 0), data.dims.length)
  const dims = [...data.dims.slice(0, axis), ...indices.dims, ...data.dims.slice(axis + 1)]
  const isExact = data.isExact && indices.isExact
  return [extent(data.dtype, dims, { isExact, range: gatheredRange(data, indices, axis) })]
}

function gatheredRange(data: Extent, indices: Extent, axis: number): Extent['range'] {
  // Of one row there is nothing else to take: so checks are written.
  if (axis === 0 && data.dims[0] === 1 && indices.count === 1) return data.range
  const places = exactly(indices)
  if (data.dims.length !== 1 || places === undefined) return hullOf([data.range])
  const length = data.dims[0] ?? 0
  return rangeOf(places.map((place) => elementOf(data, axisOf(place, length))))
}

const gatherNd: Telling = (node, [data = NOTHING, indices = NOTHING]) => {
  const batch = numberOf(node, 'batch_dims', 0)
  const depth = indices.dims.at(-1) ?? 0
  // An index that may be shorter may leave all of the tensor.
  if (!indices.isExact && indices.exactAxis !== indices.dims.length - 1) {
    const most = [...indices.dims.slice(0, -1), ...data.dims.slice(batch)]
    const countMax = product(most)
    const known = { countMax, range: hullOf([data.range]) }
    const dims = most.map(() => countMax)
    return [{ ...extent(data.dtype, dims, known), mayHaveLess: true }]
  }
  const dims = [...indices.dims.slice(0, -1), ...data.dims.slice(batch + depth)]
  const isExact = data.isExact && indices.isExact
  return [extent(data.dtype, dims, { isExact, range: hullOf([data.range]) })]
}

/** Operations by ONNX's names. */
export const shapeTellings: Readonly<Record<string, Telling>> = {
  Cast: cast,
  CastLike: (_, [input = NOTHING, like = NOTHING]) => [
    { ...input, dtype: like.dtype, range: undefined },
  ],
  Concat: concat,
  Gather: gather,
  GatherND: gatherNd,
  Reshape: reshape,
  Shape: shapeOf,
  Size: sizeOf,
  Squeeze: squeeze,
  Transpose: transpose,
  Unsqueeze: unsqueeze,
}
