// What rows that belong to one segment come to: their largest, smallest, product, sum or mean.

import { sizeOf } from '@drover/serving-api'
import {
  asIntegers,
  integerOfScalar,
  countOf,
  invalid,
  isNumber,
  reshaped,
  type Value,
  type ValueType,
  zeros,
} from '../values.ts'
import { type Kernel, withFour, withThree, withTwo } from './kernel.ts'
import { FLOAT_MAX } from './reductions.ts'
import { scatter, type Segments, unsortedSegments } from './segments.ts'
import { slicesAt } from './shapes.ts'

/** How two numbers become one, and what a segment without rows is. */
interface Way {
  add: (a: number, b: number) => number
  addInts?: (a: number, b: number) => number
  addLongs: (a: bigint, b: bigint) => bigint
  /** The order of what is no number is nobody's. */
  isOrder: boolean
  empty: (dtype: ValueType) => number | bigint
}

const LARGEST: Partial<Record<ValueType, number | bigint>> = {
  DT_FLOAT: FLOAT_MAX,
  DT_DOUBLE: Number.MAX_VALUE,
  DT_INT32: 2 ** 31 - 1,
  DT_INT64: 2n ** 63n - 1n,
}
const largest = (dtype: ValueType): number | bigint => LARGEST[dtype] ?? 0

function smallest(dtype: ValueType): number | bigint {
  const most = largest(dtype)
  if (typeof most === 'bigint') return -most - 1n
  return dtype === 'DT_INT32' ? -most - 1 : -most
}

const max = {
  add: Math.max,
  addLongs: (a: bigint, b: bigint) => (a > b ? a : b),
  isOrder: true,
}
const min = {
  add: Math.min,
  addLongs: (a: bigint, b: bigint) => (a < b ? a : b),
  isOrder: true,
}
const product = {
  add: (a: number, b: number) => a * b,
  addInts: Math.imul,
  addLongs: (a: bigint, b: bigint) => BigInt.asIntN(64, a * b),
  isOrder: false,
}
const unit = (dtype: ValueType): number | bigint => (dtype === 'DT_INT64' ? 1n : 1)
const nothing = (dtype: ValueType): number | bigint => (dtype === 'DT_INT64' ? 0n : 0)

/** One row for each segment. */
function folded(data: Value, { ids, rows }: Segments, way: Way): Value {
  const shape = [rows, ...data.shape.slice(1)]
  const width = sizeOf(shape.slice(1))
  const found = zeros(data.dtype, shape)
  const counts = new Int32Array(rows)
  if (isNumber(data) && isNumber(found) && data.dtype !== 'DT_BOOL') {
    if (way.isOrder && data.values.some(Number.isNaN)) throw invalid('NaN has no place in an order')
    const add = data.dtype === 'DT_INT32' ? (way.addInts ?? way.add) : way.add
    fold(found.values, data.values, { ids, width, counts, add })
    fillEmpty(found.values, { counts, width, empty: Number(way.empty(data.dtype)) })
  } else if (data.dtype === 'DT_INT64' && found.dtype === 'DT_INT64') {
    fold(found.values, data.values, { ids, width, counts, add: way.addLongs })
    fillEmpty(found.values, { counts, width, empty: BigInt(way.empty(data.dtype)) })
  } else throw invalid(`${data.dtype} has no segments`)
  return found
}

function fold<T>(
  to: { [index: number]: T },
  from: ArrayLike<T>,
  {
    ids,
    width,
    counts,
    add,
  }: { ids: readonly number[]; width: number; counts: Int32Array; add: (a: T, b: T) => T },
): void {
  for (const [row, id] of ids.entries()) {
    if (id < 0) continue
    const isFirst = counts[id] === 0
    counts[id] = (counts[id] ?? 0) + 1
    for (let index = 0; index < width; index++) {
      const [at, value] = [id * width + index, from[row * width + index]]
      const before = to[at]
      if (value !== undefined && before !== undefined) to[at] = isFirst ? value : add(before, value)
    }
  }
}

function fillEmpty<T>(
  to: { fill: (value: T, from: number, to: number) => unknown },
  { counts, width, empty }: { counts: Int32Array; width: number; empty: T },
): void {
  for (const [row, count] of counts.entries())
    if (count === 0) to.fill(empty, row * width, (row + 1) * width)
}

const unsorted = (way: Omit<Way, 'empty'>, empty: Way['empty']): Kernel =>
  function kernel() {
    return withThree((data, segments, count) => {
      const outer = segments.shape.length
      if (outer === 0) throw invalid('every row needs its segment')
      const { ids, rows } = unsortedSegments(data, segments, count)
      countOf([rows])
      const flat = reshaped(data, [ids.length, ...data.shape.slice(outer)])
      return folded(flat, { ids, rows }, { ...way, empty })
    })
  }

/** Segments in order: as many as the last one says, or as are asked for. */
function sortedSegments(segments: Value, rows: number, wanted?: Value): Segments {
  const ids = asIntegers(segments)
  if (segments.shape.length !== 1 || ids.length !== rows)
    throw invalid(`${ids.length} segments for ${rows} rows`)
  if (ids.some((id, at) => id < (at === 0 ? 0 : (ids[at - 1] ?? 0))))
    throw invalid('segment ids are not increasing')
  const least = (ids.at(-1) ?? -1) + 1
  const count = wanted === undefined ? least : integerOfScalar(wanted, 'num_segments')
  if (count < least) throw invalid(`the segment ${least - 1} is not below ${count}`)
  countOf([count])
  return { ids, rows: count }
}

type Reduce = (data: Value, segments: Segments) => Value

const sorted = (reduce: Reduce): Kernel =>
  function kernel() {
    return withTwo((data, segments) => reduce(data, sortedSegments(segments, data.shape[0] ?? 0)))
  }

function sum(data: Value, { ids, rows }: Segments): Value {
  const inner = data.shape.slice(1)
  return scatter(data, [rows, ...inner], { slices: ids, width: sizeOf(inner) })
}

/** The sum of each segment, divided by what its size makes. */
const divided = (by: (count: number) => number) => (data: Value, segments: Segments) => {
  const sums = sum(data, segments)
  if (sums.dtype !== 'DT_FLOAT' && sums.dtype !== 'DT_DOUBLE')
    throw invalid(`${sums.dtype} has no mean`)
  const counts = new Int32Array(segments.rows)
  for (const id of segments.ids) counts[id] = (counts[id] ?? 0) + 1
  const width = sizeOf(sums.shape.slice(1))
  for (let at = 0; at < sums.values.length; at++)
    sums.values[at] = (sums.values[at] ?? 0) / by(Math.max(1, counts[Math.floor(at / width)] ?? 1))
  return sums
}
const mean = divided((count) => count)
const sqrtN = divided(Math.sqrt)

/** The same of rows that indices choose. */
function chosen(data: Value, indices: Value): Value {
  const [size = 0, ...inner] = data.shape
  if (data.shape.length === 0 || indices.shape.length !== 1)
    throw invalid('rows and a vector of their numbers were expected')
  const wanted = asIntegers(indices)
  const wrong = wanted.find((index) => !(index >= 0 && index < size))
  if (wrong !== undefined) throw invalid(`Index ${wrong} out of range [0, ${size}).`)
  return slicesAt(data, wanted, { axis: 0, shape: [wanted.length, ...inner] })
}

const sparse = (reduce: Reduce): Kernel =>
  function kernel() {
    return withThree((data, indices, segments) =>
      reduce(chosen(data, indices), sortedSegments(segments, indices.values.length)),
    )
  }
const sparseWithCount = (reduce: Reduce): Kernel =>
  function kernel() {
    return withFour((data, indices, segments, count) =>
      reduce(chosen(data, indices), sortedSegments(segments, indices.values.length, count)),
    )
  }

const ofWay =
  (way: Omit<Way, 'empty'>, empty: Way['empty']): Reduce =>
  (data, segments) =>
    folded(data, segments, { ...way, empty })

/** Operations on segments, beside their sums in any order. */
export const segmentReductionKernels: Readonly<Record<string, Kernel>> = {
  SegmentMax: sorted(ofWay(max, nothing)),
  SegmentMean: sorted(mean),
  SegmentMin: sorted(ofWay(min, nothing)),
  SegmentProd: sorted(ofWay(product, unit)),
  SegmentSum: sorted(sum),
  SparseSegmentMean: sparse(mean),
  SparseSegmentMeanWithNumSegments: sparseWithCount(mean),
  SparseSegmentSqrtN: sparse(sqrtN),
  SparseSegmentSqrtNWithNumSegments: sparseWithCount(sqrtN),
  SparseSegmentSum: sparse(sum),
  SparseSegmentSumWithNumSegments: sparseWithCount(sum),
  UnsortedSegmentMax: unsorted(max, smallest),
  UnsortedSegmentMin: unsorted(min, largest),
  UnsortedSegmentProd: unsorted(product, unit),
}
