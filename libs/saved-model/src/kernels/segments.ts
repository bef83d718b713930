// Operations on positions: counting, running sums, searching, and sums by position.

import { sizeOf } from '@drover/serving-api'
import { boolOf, typeOf, untranslatable } from '../node-attrs.ts'
import {
  asInteger,
  asIntegers,
  axisOf,
  countOf,
  integers,
  ints,
  type IntValue,
  invalid,
  isSameShape,
  numbers,
  type Value,
} from '../values.ts'
import { type Kernel, withThree, withTwo } from './kernel.ts'
import { isNumber } from './numbers.ts'

const range: Kernel = (node) => {
  const type = typeOf(node, 'Tidx', 'DT_INT32')
  if (type !== 'DT_INT32' && type !== 'DT_INT64') throw untranslatable(node, `it counts in ${type}`)
  return withThree((start, limit, delta) => {
    const [from, to, step] = [asInteger(start), asInteger(limit), asInteger(delta)]
    if (step === 0) throw invalid('a range cannot step by 0')
    const length = Math.max(0, Math.ceil((to - from) / step))
    countOf([length])
    return integers(
      type,
      [length],
      Array.from({ length }, (_, index) => from + index * step),
    )
  })
}

const cumsum: Kernel = (node) => {
  if (boolOf(node, 'exclusive', false) || boolOf(node, 'reverse', false))
    throw untranslatable(node, 'it is exclusive or reverse')
  return withTwo((input, axis) => {
    if (input.shape.length !== 1 || axisOf(asInteger(axis), 1) !== 0)
      throw invalid('a running sum is taken of a vector')
    if (input.dtype === 'DT_INT64') {
      let sum = 0n
      return ints(
        input.shape,
        input.values.map((value) => (sum += value)),
      )
    }
    if (!isNumber(input)) throw invalid('text has no sum')
    let sum = 0
    return numbers(
      input.dtype,
      input.shape,
      Array.from(input.values, (value) => (sum += value)),
    )
  })
}

/** For each value, where it belongs in the sorted row of the same number. */
const bound =
  (goesOn: (element: bigint, value: bigint) => boolean): Kernel =>
  (node) => {
    const type = typeOf(node, 'out_type', 'DT_INT32')
    return withTwo((sorted, values) => {
      const [rows, width] = matrixOf(sorted)
      const [otherRows, count] = matrixOf(values)
      if (rows !== otherRows) throw invalid('two matrices of as many rows were expected')
      const [haystack, needles] = [asInts(sorted), asInts(values)]
      const found = Array.from(needles, (needle, index) => {
        const row = Math.floor(index / count) * width
        return boundIn(haystack.subarray(row, row + width), (element) => goesOn(element, needle))
      })
      return integers(type, [rows, count], found)
    })
  }

function matrixOf({ shape: [rows, columns, ...more] }: Value): [number, number] {
  if (rows === undefined || columns === undefined || more.length > 0)
    throw invalid('a matrix was expected')
  return [rows, columns]
}

function boundIn(sorted: BigInt64Array, goesOn: (element: bigint) => boolean): number {
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (goesOn(sorted[middle] ?? 0n)) low = middle + 1
    else high = middle
  }
  return low
}

function asInts(value: Value): IntValue['values'] {
  return value.dtype === 'DT_INT64'
    ? value.values
    : BigInt64Array.from(asIntegers(value).map(BigInt))
}

/**
 * Sums slices of `updates` into those of a new tensor: what ScatterNd and segment sums share. A
 * slice that is to go nowhere has a negative number.
 */
function scatter(
  updates: Value,
  shape: readonly number[],
  { slices, width }: { slices: readonly number[]; width: number },
): Value {
  const length = countOf(shape)
  const target = (index: number): number => {
    const slice = slices[Math.floor(index / width)] ?? -1
    return slice < 0 ? -1 : slice * width + (index % width)
  }
  if (updates.dtype === 'DT_INT64') {
    const sums = new BigInt64Array(length)
    for (const [index, value] of updates.values.entries()) {
      const at = target(index)
      if (at >= 0) sums[at] = (sums[at] ?? 0n) + value
    }
    return ints(shape, sums)
  }
  if (!isNumber(updates) || updates.dtype === 'DT_BOOL')
    throw invalid(`${updates.dtype} cannot be summed`)
  const sums = zeros(updates.dtype, length)
  for (const [index, value] of updates.values.entries()) {
    const at = target(index)
    if (at >= 0) sums[at] = (sums[at] ?? 0) + value
  }
  return numbers(updates.dtype, shape, sums)
}

function zeros(dtype: 'DT_FLOAT' | 'DT_DOUBLE' | 'DT_INT32', length: number) {
  if (dtype === 'DT_FLOAT') return new Float32Array(length)
  return dtype === 'DT_DOUBLE' ? new Float64Array(length) : new Int32Array(length)
}

const unsortedSegmentSum: Kernel = () =>
  withThree((data, segments, count) => {
    const ids = asIntegers(segments)
    const rows = asInteger(count)
    const width = sizeOf(data.shape.slice(segments.shape.length))
    if (!isSameShape(data.shape.slice(0, segments.shape.length), segments.shape))
      throw invalid('every slice needs its segment')
    const wrong = ids.find((id) => id >= rows)
    if (wrong !== undefined) throw invalid(`the segment ${wrong} is not below ${rows}`)
    return scatter(data, [rows, ...data.shape.slice(segments.shape.length)], { slices: ids, width })
  })

const scatterNd: Kernel = () =>
  withThree((indices, updates, target) => {
    const shape = asIntegers(target)
    const depth = indices.shape.at(-1) ?? 0
    const width = sizeOf(shape.slice(depth))
    const flat = asIntegers(indices)
    const rows = sizeOf(indices.shape.slice(0, -1))
    if (updates.values.length !== rows * width) throw invalid('every index needs its update')
    const slices = Array.from({ length: rows }, (_, row) => {
      let position = 0
      for (let axis = 0; axis < depth; axis++) {
        const index = flat[row * depth + axis] ?? 0
        const size = shape[axis] ?? 0
        if (index < 0 || index >= size) throw invalid(`the index ${index} is not below ${size}`)
        position = position * size + index
      }
      return position
    })
    return scatter(updates, shape, { slices, width })
  })

/** Operations on positions. */
export const segmentKernels: Readonly<Record<string, Kernel>> = {
  Cumsum: cumsum,
  LowerBound: bound((element, value) => element < value),
  Range: range,
  ScatterNd: scatterNd,
  UnsortedSegmentSum: unsortedSegmentSum,
  UpperBound: bound((element, value) => element <= value),
}
