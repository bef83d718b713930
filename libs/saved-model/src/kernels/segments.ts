// Operations on positions: counting, running sums, searching, and sums by position.

import { sizeOf } from '@drover/serving-api'
import { boolOf, typeOf, untranslatable } from '../node-attrs.ts'
import {
  asInteger,
  asIntegers,
  integerOfScalar,
  axisOf,
  countOf,
  integers,
  invalid,
  isNumber,
  isSameShape,
  type Value,
  zeros,
} from '../values.ts'
import { type Kernel, withThree, withTwo } from './kernel.ts'
import { noteNonZero } from './sparse.ts'

const range: Kernel = (node) => {
  const type = typeOf(node, 'Tidx', 'DT_INT32')
  if (type !== 'DT_INT32' && type !== 'DT_INT64') throw untranslatable(node, `it counts in ${type}`)
  return withThree((start, limit, delta) => {
    const [from, to, step] = [asInteger(start), asInteger(limit), asInteger(delta)]
    if (step === 0) throw invalid('a range cannot step by 0')
    const length = Math.max(0, Math.ceil((to - from) / step))
    countOf([length])
    const values = new Float64Array(length)
    for (let index = 0; index < length; index++) values[index] = from + index * step
    return integers(type, [length], values)
  })
}

/** How what runs along an axis begins and goes on. */
interface Running {
  zero: number
  add: (a: number, b: number) => number
  /** For int32 where it would lose bits. */
  addInts?: (a: number, b: number) => number
  addLongs: (a: bigint, b: bigint) => bigint
}

/** Running sums or products; floats are rounded at each step, as TensorFlow's are. */
const running =
  ({ zero, add, addInts = add, addLongs }: Running): Kernel =>
  (node) => {
    const isExclusive = boolOf(node, 'exclusive', false)
    const isReverse = boolOf(node, 'reverse', false)
    const rounded = (a: number, b: number) => Math.fround(add(a, b))
    return withTwo((input, axis) => {
      if (input.dtype === 'DT_STRING') throw invalid('text has no sum')
      const at = axisOf(asInteger(axis), input.shape.length)
      const found = zeros(input.dtype, input.shape)
      const ways = { rows: rowsAlong(input.shape, at), isExclusive, isReverse }
      const { dtype } = input
      const of = dtype === 'DT_FLOAT' ? rounded : dtype === 'DT_INT32' ? addInts : add
      if (found.dtype === 'DT_INT64' && input.dtype === 'DT_INT64')
        run(found.values, input.values, { ...ways, zero: BigInt(zero), add: addLongs })
      else if (isNumber(found) && isNumber(input))
        run(found.values, input.values, { ...ways, zero, add: of })
      return found
    })
  }

/** The elements along an axis: where each row of them begins, how long it is and in what steps. */
interface Rows {
  starts: readonly number[]
  length: number
  step: number
}

function rowsAlong(shape: readonly number[], axis: number): Rows {
  const length = shape[axis] ?? 1
  const step = sizeOf(shape.slice(axis + 1))
  const outer = sizeOf(shape.slice(0, axis))
  const starts = Array.from({ length: outer * step }, (_, index) => {
    const inner = index % step
    return ((index - inner) / step) * length * step + inner
  })
  return { starts, length, step }
}

function run<T>(
  to: { [index: number]: T },
  from: ArrayLike<T>,
  {
    rows,
    isExclusive,
    isReverse,
    zero,
    add,
  }: { rows: Rows; isExclusive: boolean; isReverse: boolean; zero: T; add: (a: T, b: T) => T },
): void {
  for (const start of rows.starts) {
    let sum = zero
    for (let index = 0; index < rows.length; index++) {
      const at = start + (isReverse ? rows.length - 1 - index : index) * rows.step
      const next = add(sum, from[at] ?? zero)
      to[at] = isExclusive ? sum : next
      sum = next
    }
  }
}

/** For each value, where it belongs in the sorted row of the same number. */
const bound =
  (goesOn: (element: number | bigint, value: number | bigint) => boolean): Kernel =>
  (node) => {
    const type = typeOf(node, 'out_type', 'DT_INT32')
    return withTwo((sorted, values) => {
      const [rows, width] = matrixOf(sorted)
      const [otherRows, count] = matrixOf(values)
      if (rows !== otherRows) throw invalid('two matrices of as many rows were expected')
      const [haystack, needles] = [inOrder(sorted), inOrder(values)]
      if (sorted.dtype !== values.dtype) throw invalid('numbers of one type were expected')
      const found = new Float64Array(needles.length)
      for (let index = 0; index < found.length; index++) {
        const needle = needles[index] ?? 0
        const row = Math.floor(index / count) * width
        let [low, high] = [row, row + width]
        while (low < high) {
          const middle = (low + high) >>> 1
          if (goesOn(haystack[middle] ?? 0, needle)) low = middle + 1
          else high = middle
        }
        found[index] = low - row
      }
      return integers(type, [rows, count], found)
    })
  }

/** Rows and columns of what must be a matrix. */
export function matrixOf({
  shape: [rows, columns, ...more],
}: {
  shape: readonly number[]
}): [number, number] {
  if (rows === undefined || columns === undefined || more.length > 0)
    throw invalid('a matrix was expected')
  return [rows, columns]
}

function inOrder(value: Value): ArrayLike<number | bigint> {
  if (value.dtype === 'DT_STRING' || value.dtype === 'DT_BOOL')
    throw invalid(`${value.dtype} is not searched`)
  return value.values
}

/**
 * Sums slices of `updates` into those of a new tensor: what ScatterNd and segment sums share. A
 * slice that is to go nowhere has a negative number.
 */
export function scatter(
  updates: Value,
  shape: readonly number[],
  { slices, width }: { slices: ArrayLike<number>; width: number },
): Value {
  if (updates.dtype === 'DT_STRING' || updates.dtype === 'DT_BOOL')
    throw invalid(`${updates.dtype} cannot be summed`)
  const sums = zeros(updates.dtype, shape)
  if (sums.dtype === 'DT_INT64' && updates.dtype === 'DT_INT64')
    addSlices(sums.values, updates.values, { slices, width, zero: 0n, add: (a, b) => a + b })
  else if (isNumber(sums) && isNumber(updates))
    addSlices(sums.values, updates.values, { slices, width, zero: 0, add: (a, b) => a + b })
  return sums
}

function addSlices<T>(
  to: { [index: number]: T },
  from: ArrayLike<T>,
  {
    slices,
    width,
    zero,
    add,
  }: { slices: ArrayLike<number>; width: number; zero: T; add: (a: T, b: T) => T },
): void {
  for (let row = 0; row < slices.length; row++) {
    const slice = slices[row] ?? -1
    if (slice < 0) continue
    for (let index = 0; index < width; index++) {
      const at = slice * width + index
      to[at] = add(to[at] ?? zero, from[row * width + index] ?? zero)
    }
  }
}

/** Which segment each slice is of; one below zero is of none. */
export interface Segments {
  ids: readonly number[]
  rows: number
}

/** Segments in any order, as many as are asked for. */
export function unsortedSegments(data: Value, segments: Value, count: Value): Segments {
  const ids = asIntegers(segments)
  const rows = integerOfScalar(count, 'num_segments')
  if (!isSameShape(data.shape.slice(0, segments.shape.length), segments.shape))
    throw invalid('every slice needs its segment')
  const wrong = ids.find((id) => id >= rows)
  if (wrong !== undefined) throw invalid(`the segment ${wrong} is not below ${rows}`)
  return { ids, rows }
}

const unsortedSegmentSum: Kernel = () =>
  withThree((data, segments, count) => {
    const { ids, rows } = unsortedSegments(data, segments, count)
    const inner = data.shape.slice(segments.shape.length)
    return scatter(data, [rows, ...inner], { slices: ids, width: sizeOf(inner) })
  })

const scatterNd: Kernel = (node) => {
  if (typeOf(node, 'T', 'DT_FLOAT') === 'DT_STRING') throw untranslatable(node, 'it adds texts up')
  return withThree((indices, updates, target) => {
    const shape = asIntegers(target)
    const depth = indices.shape.at(-1) ?? 0
    const width = sizeOf(shape.slice(depth))
    const flat = asIntegers(indices)
    const rows = sizeOf(indices.shape.slice(0, -1))
    if (updates.values.length !== rows * width) throw invalid('every index needs its update')
    const slices = new Float64Array(rows)
    for (let row = 0; row < rows; row++) {
      let position = 0
      for (let axis = 0; axis < depth; axis++) {
        const index = flat[row * depth + axis] ?? 0
        const size = shape[axis] ?? 0
        if (index < 0 || index >= size) throw invalid(`the index ${index} is not below ${size}`)
        position = position * size + index
      }
      slices[row] = position
    }
    const sums = scatter(updates, shape, { slices, width })
    if (sums.dtype === 'DT_FLOAT' && width === 1) noteNonZero(sums.values, slices)
    return sums
  })
}

/** Operations on positions. */
export const segmentKernels: Readonly<Record<string, Kernel>> = {
  Cumprod: running({
    zero: 1,
    add: (a, b) => a * b,
    addInts: Math.imul,
    addLongs: (a, b) => BigInt.asIntN(64, a * b),
  }),
  Cumsum: running({
    zero: 0,
    add: (a, b) => a + b,
    addLongs: (a, b) => BigInt.asIntN(64, a + b),
  }),
  LowerBound: bound((element, value) => element < value),
  Range: range,
  ScatterNd: scatterNd,
  UnsortedSegmentSum: unsortedSegmentSum,
  // Not `<=`: what is no number is after all others.
  UpperBound: bound((element, value) => !(value < element)),
}
