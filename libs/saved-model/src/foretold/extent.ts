// How large a tensor of ONNX becomes, and between which numbers its elements are, told before it is there.
// All of it is the most that may be: where less is known, it is more.

import { type NumericType } from '../onnx/model.ts'

/** Of tensors with more elements it is only known between which numbers all of them are. */
const KEPT_ELEMENTS_MAX = 64

/** The least and the greatest that each element may be; one of each stands for all elements. */
export interface Range {
  low: readonly number[]
  high: readonly number[]
}

/** What is told of a tensor. */
export interface Extent {
  dtype: NumericType
  /** The most that each dimension may be. */
  dims: readonly number[]
  /** Whether they are just that. */
  isExact: boolean
  /** The dimension that is just that, where others are not. */
  exactAxis?: number
  /** Whether some of the first dimensions may not be there at all. */
  mayHaveLess?: boolean
  /** The most elements that there are. */
  count: number
  /** Undefined where its elements may be any. */
  range?: Range | undefined
}

/** Half of what an extent may have. */
interface Known {
  isExact?: boolean
  /** Where it is less than the dimensions make. */
  countMax?: number
  range?: Range | undefined
}

const ANY: Range = { low: [-Infinity], high: [Infinity] }

/** How many elements there are with these dimensions; none of infinitely many times nothing. */
export const product = (dims: readonly number[]): number =>
  dims.includes(0) ? 0 : dims.reduce((all, size) => all * size, 1)

export function extent(dtype: NumericType, dims: readonly number[], known: Known = {}): Extent {
  const { isExact = false, countMax = Infinity, range } = known
  const count = Math.min(product(dims), countMax)
  const held = range && narrowed(range, isExact ? count : Infinity)
  return { dtype, dims, isExact, count, range: held && withinType(dtype, held) }
}

/**
 * Numbers of floats only where they stay finite, for what is made of others may be anything. Integers beyond
 * their type become others, and doubles do not tell large ones apart.
 */
function withinType(dtype: NumericType, range: Range): Range | undefined {
  if (dtype === 'DT_BOOL') return range
  if (dtype === 'DT_FLOAT' || dtype === 'DT_DOUBLE') return withFloats(dtype, range)
  const end = dtype === 'DT_INT32' ? 2 ** 31 : 2 ** 63
  const isWithin = (value: number) => value >= -end && value <= end
  if (![...range.low, ...range.high].every(isWithin)) return { low: [-end], high: [end] }
  return {
    low: range.low.map((value) => (value < -WHOLE_MAX ? -end : Math.min(value, WHOLE_MAX))),
    high: range.high.map((value) => (value > WHOLE_MAX ? end : Math.max(value, -WHOLE_MAX))),
  }
}
const FINITE_MAX = 1e38

/** Rounded as each operation rounds. */
function withFloats(dtype: NumericType, { low, high }: Range): Range | undefined {
  if (![...low, ...high].every((value) => Math.abs(value) < FINITE_MAX)) return undefined
  return dtype === 'DT_DOUBLE'
    ? { low, high }
    : { low: low.map(Math.fround), high: high.map(Math.fround) }
}
const WHOLE_MAX = 2 ** 53

/** One range for each element, where they are few and as many as that; else one for all. */
function narrowed(range: Range, count: number): Range {
  const isOfEach = range.low.length === count && count <= KEPT_ELEMENTS_MAX
  return isOfEach || range.low.length === 1 ? range : hull(range)
}

/** One range for all elements. */
export const hull = ({ low, high }: Range): Range => ({
  low: [low.reduce((least, each) => Math.min(least, each), Infinity)],
  high: [high.reduce((most, each) => Math.max(most, each), -Infinity)],
})

/** One range for all elements of several tensors. */
export const hullOf = (ranges: readonly (Range | undefined)[]): Range | undefined =>
  ranges.every((range) => range !== undefined)
    ? hull({ low: ranges.flatMap(({ low }) => low), high: ranges.flatMap(({ high }) => high) })
    : undefined

/** Between which numbers all elements of a type are. */
const ANY_OF: Partial<Record<NumericType, Range>> = {
  DT_BOOL: { low: [0], high: [1] },
  DT_INT32: { low: [-(2 ** 31)], high: [2 ** 31] },
  DT_INT64: { low: [-(2 ** 63)], high: [2 ** 63] },
}

/** What is known of the elements, be it by their type alone. */
export const knownOf = ({ dtype, range }: Extent): Range => range ?? ANY_OF[dtype] ?? ANY

/** The range of one element. */
export const elementOf = (of: Extent, at: number): readonly [number, number] => {
  const range = knownOf(of)
  const place = range.low.length === 1 ? 0 : at
  return [range.low[place] ?? -Infinity, range.high[place] ?? Infinity]
}

/** The ranges of the elements one by one, where it is known how many there are and they are few. */
export function elementsOf(of: Extent): (readonly [number, number])[] | undefined {
  if (!of.isExact || of.count > KEPT_ELEMENTS_MAX) return undefined
  return Array.from({ length: of.count }, (_, at) => elementOf(of, at))
}

/** The elements, where each is known for certain. */
export function exactly(of: Extent | undefined): number[] | undefined {
  const elements = of && elementsOf(of)
  return elements?.every(([low, high]) => low === high) === true
    ? elements.map(([low]) => low)
    : undefined
}

export const rangeOf = (elements: readonly (readonly [number, number])[]): Range | undefined =>
  elements.length === 0 || elements.length > KEPT_ELEMENTS_MAX
    ? undefined
    : { low: elements.map(([low]) => low), high: elements.map(([, high]) => high) }

/** Just these numbers. */
export const rangeOfNumbers = (values: readonly number[]): Range => ({ low: values, high: values })

/** What is told of a tensor that is the one or the other; their dimensions are held side by side from the last on. */
export function either(one: Extent, other: Extent): Extent {
  const range = sameRange(one.range, other.range) ? one.range : hullOf([one.range, other.range])
  const rank = Math.max(one.dims.length, other.dims.length)
  const sizeOf = ({ dims }: Extent, axis: number) => dims[axis - rank + dims.length] ?? 1
  const dims = Array.from({ length: rank }, (_, axis) =>
    Math.max(sizeOf(one, axis), sizeOf(other, axis)),
  )
  const isOfOneRank = one.dims.length === other.dims.length
  const isSame = isOfOneRank && one.dims.every((size, axis) => size === other.dims[axis])
  const isExact = isSame && one.isExact && other.isExact
  const countMax = Math.max(one.count, other.count)
  const both = extent(one.dtype, dims, { isExact, countMax, range })
  const mayHaveLess = !isOfOneRank || one.mayHaveLess === true || other.mayHaveLess === true
  return mayHaveLess ? { ...both, mayHaveLess } : both
}

/** Whether nothing is told of the one that is not told of the other. */
export const isSameExtent = (one: Extent, other: Extent): boolean =>
  one.dims.length === other.dims.length &&
  one.mayHaveLess === other.mayHaveLess &&
  one.isExact === other.isExact &&
  one.count === other.count &&
  one.dims.every((size, axis) => size === other.dims[axis]) &&
  sameRange(one.range, other.range)

const sameRange = (one: Range | undefined, other: Range | undefined): boolean =>
  one === other ||
  (one !== undefined &&
    other !== undefined &&
    one.low.length === other.low.length &&
    one.low.every((low, at) => low === other.low[at] && one.high[at] === other.high[at]))

const BYTES = { DT_FLOAT: 4, DT_DOUBLE: 8, DT_INT32: 4, DT_INT64: 8, DT_BOOL: 1 } as const

export const bytesOf = ({ dtype, count }: Extent): number => count * BYTES[dtype]
