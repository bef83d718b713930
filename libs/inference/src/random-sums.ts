// Operations of graphs by chance that make one number of many, or add to many places.

import { attr } from '@drover/saved-model'
import { sizeOf } from '@drover/serving-api'
import {
  boundOf,
  type Draft,
  isExact,
  isFloat,
  isFull,
  isInteger,
  isLevelled,
  isNumber,
  isSmall,
  isTruth,
  type Span,
  spanOf,
  whole,
  type Wire,
} from './random-draft.ts'
import { type Drafting, T, within } from './random-floats.ts'
import { integersOf } from './random-integers.ts'
import { int32 } from './sample-tensors.ts'

/** Axes to reduce, and what is left of a shape. */
function reduction(draft: Draft, { shape }: Wire) {
  const rank = shape.length
  const all = shape.map((_, axis) => axis)
  const one = rank === 0 ? [] : [draft.below(rank)]
  const axes = draft.from<readonly number[]>([one, all, []])
  const isKept = draft.chance(2)
  const left = shape.flatMap((size, axis) => (axes.includes(axis) ? (isKept ? [1] : []) : [size]))
  const count = axes.reduce((sum, axis) => sum * (shape[axis] ?? 1), 1)
  const told = axes.map((axis) => (draft.chance(3) ? axis - rank : axis))
  return { left, count, axes: told, keep: { keep_dims: attr.bool(isKept) } }
}

/** What the numbers of a reduction may be; undefined where there is none of nothing. */
const totals: Readonly<Record<string, (wire: Span, count: number) => Span | undefined>> = {
  Sum: (wire, count) => ({
    low: Math.min(0, wire.low * count),
    high: Math.max(0, wire.high * count),
    grid: wire.grid,
    error: wire.error * count,
  }),
  Prod: (wire, count) => {
    const bound = Math.max(1, boundOf(wire)) ** count
    const error = wire.error * count * bound
    const grid = wire.grid === undefined ? undefined : wire.grid * count
    return count > 6 ? undefined : { low: -bound, high: bound, grid, error }
  },
  Max: (wire, count) => (count === 0 ? undefined : wire),
  Min: (wire, count) => (count === 0 ? undefined : wire),
  Mean: (wire, count) => (count === 0 ? undefined : { ...wire, grid: undefined }),
}

const ofReduction =
  (op: string, isFit: (wire: Wire) => boolean): Drafting =>
  (draft) => {
    const found = draft.find(isFit)
    if (found === undefined) return
    const wire = isFloat(found) ? within(draft, found, -16, 16) : found
    const { left, count, axes, keep } = reduction(draft, wire)
    const total = totals[op]?.(wire, count)
    const span = total && spanOf(wire.dtype, total)
    if (span === undefined) return
    const inputs = [wire, draft.constant(int32(axes))]
    const attrs = { ...T(wire), Tidx: attr.type('DT_INT32'), ...keep }
    draft.add(op, inputs, attrs, [{ dtype: wire.dtype, shape: left, ...span }])
  }

const ofTruths =
  (op: string): Drafting =>
  (draft) => {
    const wire = draft.find(isTruth)
    if (wire === undefined) return
    const { left, axes, keep } = reduction(draft, wire)
    const attrs = { Tidx: attr.type('DT_INT32'), ...keep }
    draft.add(op, [wire, draft.constant(int32(axes))], attrs, [{ dtype: 'DT_BOOL', shape: left }])
  }

const isOrdered = (wire: Wire): boolean =>
  isNumber(wire) && isExact(wire) && isFull(wire) && wire.shape.length > 0 && !isLevelled(wire)

const ofPlace =
  (op: string): Drafting =>
  (draft) => {
    const wire = draft.find(isOrdered)
    if (wire === undefined) return
    const axis = draft.below(wire.shape.length)
    const dtype = draft.from(['DT_INT64', 'DT_INT32'] as const)
    const attrs = { ...T(wire), Tidx: attr.type('DT_INT32'), output_type: attr.type(dtype) }
    const shape = wire.shape.toSpliced(axis, 1)
    const high = (wire.shape[axis] ?? 1) - 1
    const inputs = [wire, draft.constant(int32([axis], []))]
    draft.add(op, inputs, attrs, [{ dtype, shape, low: 0, high, grid: 0, error: 0 }])
  }

const SEGMENTS = 3
const isFlat = ({ shape }: Wire): boolean => [1, 2].includes(shape.length)

const cumsum: Drafting = (draft) => {
  const found = draft.find((wire) => isNumber(wire) && wire.shape.length > 0)
  if (found === undefined) return
  const wire = isFloat(found) ? within(draft, found, -16, 16) : found
  const axis = draft.below(wire.shape.length)
  const total = totals['Sum']?.(wire, wire.shape[axis] ?? 1)
  const span = total && spanOf(wire.dtype, total)
  if (span === undefined) return
  const attrs = {
    ...T(wire),
    Tidx: attr.type('DT_INT32'),
    exclusive: attr.bool(draft.chance(2)),
    reverse: attr.bool(draft.chance(2)),
  }
  const inputs = [wire, draft.constant(int32([axis], []))]
  draft.add('Cumsum', inputs, attrs, [{ dtype: wire.dtype, shape: wire.shape, ...span }])
}

/** The product of two matrices: what one sum of many products may be. */
function productSpan(a: Wire, b: Wire, count: number): Span | undefined {
  const bound = boundOf(a) * boundOf(b) * Math.max(1, count)
  const error = (boundOf(a) * b.error + boundOf(b) * a.error) * count
  const grid = a.grid === undefined || b.grid === undefined ? undefined : a.grid + b.grid
  return spanOf(a.dtype, { low: -bound, high: bound, grid, error })
}

/** A matrix of its own, or another one that is there. */
function matrixFor(draft: Draft, wire: Wire, isTurned: boolean): Wire {
  const size = wire.shape.at(-1) ?? 0
  const isFit = ({ dtype, shape }: Wire) =>
    dtype === wire.dtype && shape.length === 2 && shape[isTurned ? 1 : 0] === size
  const found = draft.find(isFit)
  if (found !== undefined && draft.chance(2)) return within(draft, found, -2, 2)
  const width = draft.from([2, 3, 1, 4])
  const shape = isTurned ? [width, size] : [size, width]
  const values = Array.from({ length: width * size }, (_, at) => ((at * 7) % 9) / 4 - 1)
  const tensor = wire.dtype === 'DT_DOUBLE' ? new Float64Array(values) : new Float32Array(values)
  const span = { low: -1, high: 1, grid: 2, error: 0 }
  return tensor instanceof Float64Array
    ? draft.known({ dtype: 'DT_DOUBLE', shape, values: tensor }, span)
    : draft.known({ dtype: 'DT_FLOAT', shape, values: tensor }, span)
}

const matMul: Drafting = (draft) => {
  const found = draft.find((wire) => isFloat(wire) && wire.shape.length === 2)
  if (found === undefined) return
  const a = within(draft, found, -2, 2)
  const isTurned = draft.chance(3)
  const b = matrixFor(draft, a, isTurned)
  const span = productSpan(a, b, a.shape[1] ?? 0)
  if (span === undefined) return
  const shape = [a.shape[0] ?? 0, b.shape[isTurned ? 0 : 1] ?? 0]
  const attrs = { ...T(a), transpose_a: attr.bool(false), transpose_b: attr.bool(isTurned) }
  draft.add('MatMul', [a, b], attrs, [{ dtype: a.dtype, shape, ...span }])
}

const batchMatMul: Drafting = (draft) => {
  const found = draft.find((wire) => isFloat(wire) && wire.shape.length > 2)
  if (found === undefined) return
  const a = within(draft, found, -2, 2)
  const isTurned = draft.chance(3)
  const b = matrixFor(draft, a, isTurned)
  const span = productSpan(a, b, a.shape.at(-1) ?? 0)
  const shape = [...a.shape.slice(0, -1), b.shape[isTurned ? 0 : 1] ?? 0]
  if (span === undefined || !isSmall(shape)) return
  const attrs = { ...T(a), adj_x: attr.bool(false), adj_y: attr.bool(isTurned) }
  draft.add('BatchMatMulV2', [a, b], attrs, [{ dtype: a.dtype, shape, ...span }])
}

const biasAdd: Drafting = (draft) => {
  const found = draft.find((wire) => isFloat(wire) && wire.shape.length > 1)
  if (found === undefined) return
  const a = within(draft, found, -4, 4)
  const size = a.shape.at(-1) ?? 0
  const values = Array.from({ length: size }, (_, at) => at / 2 - 1)
  const shape = [size]
  const bias =
    a.dtype === 'DT_DOUBLE'
      ? draft.constant({ dtype: 'DT_DOUBLE', shape, values: Float64Array.from(values) })
      : draft.constant({ dtype: 'DT_FLOAT', shape, values: Float32Array.from(values) })
  const grid = a.grid === undefined ? undefined : Math.max(1, a.grid)
  const span = spanOf(a.dtype, { low: a.low - 1, high: a.high + size / 2, grid, error: a.error })
  if (span !== undefined)
    draft.add('BiasAdd', [a, bias], T(a), [{ dtype: a.dtype, shape: a.shape, ...span }])
}

const l2Loss: Drafting = (draft) => {
  const found = draft.find((wire) => isFloat(wire) && sizeOf(wire.shape) < 20)
  if (found === undefined) return
  const wire = within(draft, found, -1, 1)
  const error = wire.error * sizeOf(wire.shape)
  const span = spanOf(wire.dtype, { low: 0, high: 10, grid: undefined, error })
  if (span !== undefined)
    draft.add('L2Loss', [wire], T(wire), [{ dtype: wire.dtype, shape: [], ...span }])
}

/** Rows are added to those that a request tells; those outside are not, or refused by all. */
const segmentSum: Drafting = (draft) => {
  const found = draft.find((wire) => isNumber(wire) && wire.shape.length > 0)
  if (found === undefined) return
  const wire = isFloat(found) ? within(draft, found, -4, 4) : found
  const rows = wire.shape[0] ?? 0
  const fed = draft.find(
    ({ dtype, shape }) => isInteger({ dtype }) && String(shape) === String([rows]),
  )
  const constant = integersOf(
    'DT_INT32',
    Array.from({ length: rows }, (_, row) => (row % 4) - 1),
  )
  const ids =
    fed !== undefined && draft.chance(2)
      ? fed
      : draft.known(constant, { low: -1, high: 2, grid: 0, error: 0 })
  const total = totals['Sum']?.(wire, rows)
  const span = total && spanOf(wire.dtype, total)
  if (span === undefined) return
  const attrs = {
    ...T(wire),
    Tindices: attr.type(ids.dtype),
    Tnumsegments: attr.type('DT_INT32'),
  }
  const shape = [SEGMENTS, ...wire.shape.slice(1)]
  const inputs = [wire, ids, draft.constant(int32([SEGMENTS], []))]
  draft.add('UnsortedSegmentSum', inputs, attrs, [{ dtype: wire.dtype, shape, ...span }])
}

/** How often each number is there. */
const bincount: Drafting = (draft) => {
  const wire = draft.find((each) => isInteger(each) && each.low >= 0 && isFlat(each))
  if (wire === undefined) return
  const weights = draft.constant({ dtype: 'DT_FLOAT', shape: [0], values: new Float32Array(0) })
  const attrs = {
    T: attr.type('DT_FLOAT'),
    Tidx: attr.type(wire.dtype),
    binary_output: attr.bool(draft.chance(2)),
  }
  const shape = [...wire.shape.slice(0, -1), SEGMENTS]
  const inputs = [wire, draft.constant(integersOf(wire.dtype, [SEGMENTS], [])), weights]
  const span = whole(0, sizeOf(wire.shape))
  draft.add('DenseBincount', inputs, attrs, [{ dtype: 'DT_FLOAT', shape, ...span }])
}

/** Numbers in the places that are told, which are all there. */
const scatter: Drafting = (draft) => {
  const found = draft.find((wire) => isNumber(wire) && wire.shape.length > 0)
  if (found === undefined) return
  const wire = isFloat(found) ? within(draft, found, -4, 4) : found
  const rows = wire.shape[0] ?? 0
  const places = integersOf(
    'DT_INT32',
    Array.from({ length: rows }, (_, row) => row % 3),
    [rows, 1],
  )
  const shape = [3, ...wire.shape.slice(1)]
  const total = totals['Sum']?.(wire, rows)
  const span = total && spanOf(wire.dtype, total)
  if (span === undefined) return
  const inputs = [draft.constant(places), wire, draft.constant(int32(shape))]
  const attrs = { ...T(wire), Tindices: attr.type('DT_INT32') }
  draft.add('ScatterNd', inputs, attrs, [{ dtype: wire.dtype, shape, ...span }])
}

/** The places of what is true: nothing goes on with them, since how many they are is told by a request. */
const where: Drafting = (draft) => {
  const wire = draft.find((each) => isTruth(each) || (isNumber(each) && isExact(each)))
  if (wire !== undefined) draft.answer(draft.node('Where', [wire], T(wire)), 'DT_INT64')
}

const addN: Drafting = (draft) => {
  const found = draft.find(isNumber)
  if (found === undefined) return
  const wire = isFloat(found) ? within(draft, found, -4, 4) : found
  const total = totals['Sum']?.(wire, 3)
  const span = total && spanOf(wire.dtype, total)
  if (span === undefined) return
  const attrs = { ...T(wire), N: attr.int(3) }
  draft.add('AddN', [wire, wire, wire], attrs, [{ dtype: wire.dtype, shape: wire.shape, ...span }])
}

export const sumDraftings: Readonly<Record<string, Drafting>> = {
  ...Object.fromEntries(Object.keys(totals).map((op) => [op, ofReduction(op, isFloat)])),
  ...Object.fromEntries(
    ['Sum', 'Max', 'Min', 'Prod'].map((op) => [`${op}_integers`, ofReduction(op, isInteger)]),
  ),
  ...Object.fromEntries(['All', 'Any'].map((op) => [op, ofTruths(op)])),
  ...Object.fromEntries(['ArgMax', 'ArgMin'].map((op) => [op, ofPlace(op)])),
  AddN: addN,
  BatchMatMulV2: batchMatMul,
  BiasAdd: biasAdd,
  Cumsum: cumsum,
  DenseBincount: bincount,
  L2Loss: l2Loss,
  MatMul: matMul,
  MatMul_again: matMul,
  ScatterNd: scatter,
  UnsortedSegmentSum: segmentSum,
  Where: where,
}
