// Operations of graphs by chance that arrange tensors of any type: what is in them stays what it is.

import { attr } from '@drover/saved-model'
import { floatTensor, sizeOf, stringTensor, type Tensor } from '@drover/serving-api'
import {
  type Draft,
  isFull,
  isInteger,
  isNumber,
  isSameSize,
  isSmall,
  type Made,
  whole,
  type Wire,
} from './random-draft.ts'
import { type Drafting, T } from './random-floats.ts'
import { integersOf, spanOfBoth } from './random-integers.ts'
import { bool, double, int32 } from './sample-tensors.ts'

/** One value that stands where nothing else does. */
export function nothingOf(dtype: Wire['dtype']): Tensor {
  if (dtype === 'DT_STRING') return stringTensor(['-'], [])
  if (dtype === 'DT_BOOL') return bool([1], [])
  if (dtype === 'DT_FLOAT') return floatTensor([1], [])
  return dtype === 'DT_DOUBLE' ? double([1], []) : integersOf(dtype, [1], [])
}
export const INTEGERS = ['DT_INT32', 'DT_INT64'] as const
const ONE = whole(1, 1)

/** The same values in another shape, or some of them; `also` adds others to them. */
export const made = (wire: Wire, shape: readonly number[], also?: Made): Made => {
  const { dtype, isNumeral = false } = wire
  const span = also === undefined ? wire : spanOfBoth(wire, { ...ONE, ...also })
  const { low, high, grid, error } = span
  return { dtype, shape, low, high, grid, error, ...(also === undefined && { isNumeral }) }
}

export const anything = (draft: Draft, rank = 0): Wire | undefined =>
  draft.find(({ shape }) => shape.length >= rank)

/** A whole number for an axis, once in a while from behind. */
function axisOf(draft: Draft, rank: number): { axis: number; told: number } {
  const axis = draft.below(rank)
  return { axis, told: draft.chance(3) ? axis - rank : axis }
}

const without = (shape: readonly number[], axis: number): number[] => shape.toSpliced(axis, 1)

function shapeOfSize(draft: Draft, size: number): number[] {
  if (size === 0) return draft.from<number[]>([[0], [0, 2], [3, 0]])
  const first = draft.from([1, 2, 3])
  const left = size % first === 0 ? size / first : size
  return draft.from<number[]>([
    [size],
    [size, 1],
    left === size ? [1, size] : [first, left],
    [1, size, 1],
  ])
}

const reshape: Drafting = (draft) => {
  const wire = anything(draft)
  if (wire === undefined) return
  const shape = shapeOfSize(draft, sizeOf(wire.shape))
  const isOpen = isFull(wire) && draft.chance(2)
  const told = isOpen ? shape.with(draft.below(shape.length), -1) : shape
  const type = draft.from(INTEGERS)
  const attrs = { ...T(wire), Tshape: attr.type(type) }
  draft.add('Reshape', [wire, draft.constant(integersOf(type, told))], attrs, [made(wire, shape)])
}

const expandDims: Drafting = (draft) => {
  const wire = anything(draft)
  if (wire === undefined) return
  const { axis, told } = axisOf(draft, wire.shape.length + 1)
  const shape = wire.shape.toSpliced(axis, 0, 1)
  if (isSmall(shape))
    draft.add('ExpandDims', [wire, draft.constant(int32([told], []))], T(wire), [made(wire, shape)])
}

const squeeze: Drafting = (draft) => {
  const wire = draft.find(({ shape }) => shape.includes(1))
  if (wire === undefined) return
  const axis = wire.shape.indexOf(1)
  const shape = without(wire.shape, axis)
  draft.add('Squeeze', [wire], { ...T(wire), squeeze_dims: attr.ints([axis]) }, [made(wire, shape)])
}

const transpose: Drafting = (draft) => {
  const wire = anything(draft, 2)
  if (wire === undefined) return
  const axes = wire.shape.map((_, axis) => axis)
  const turn = draft.below(axes.length)
  const order = draft.chance(2) ? axes.toReversed() : [...axes.slice(turn), ...axes.slice(0, turn)]
  const shape = order.map((axis) => wire.shape[axis] ?? 0)
  draft.add('Transpose', [wire, draft.constant(int32(order))], T(wire), [made(wire, shape)])
}

/** Another tensor that differs in the size of one axis alone. */
function fellow(draft: Draft, wire: Wire, axis: number): Wire {
  const rest = String(without(wire.shape, axis))
  const isFellow = ({ dtype, shape }: Wire) =>
    dtype === wire.dtype &&
    shape.length === wire.shape.length &&
    String(without(shape, axis)) === rest
  return draft.find(isFellow) ?? wire
}

const concat: Drafting = (draft) => {
  const wire = anything(draft, 1)
  if (wire === undefined) return
  const { axis, told } = axisOf(draft, wire.shape.length)
  const other = fellow(draft, wire, axis)
  const shape = wire.shape.with(axis, (wire.shape[axis] ?? 0) + (other.shape[axis] ?? 0))
  if (!isSmall(shape)) return
  const attrs = { ...T(wire), N: attr.int(2) }
  draft.add('ConcatV2', [wire, other, draft.constant(int32([told], []))], attrs, [
    made(wire, shape, other),
  ])
}

const pack: Drafting = (draft) => {
  const wire = anything(draft)
  const other =
    wire &&
    draft.find((each) => each.dtype === wire.dtype && String(each.shape) === String(wire.shape))
  if (wire === undefined || other === undefined) return
  const { axis, told } = axisOf(draft, wire.shape.length + 1)
  const shape = wire.shape.toSpliced(axis, 0, 2)
  if (!isSmall(shape)) return
  const attrs = { ...T(wire), N: attr.int(2), axis: attr.int(told) }
  draft.add('Pack', [wire, other], attrs, [made(wire, shape, other)])
}

const unpack: Drafting = (draft) => {
  const wire = draft.find(({ shape }) => shape.some((size) => size > 0 && size < 4))
  if (wire === undefined) return
  const axis = wire.shape.findIndex((size) => size > 0 && size < 4)
  const count = wire.shape[axis] ?? 1
  const each = made(wire, without(wire.shape, axis))
  const attrs = { ...T(wire), num: attr.int(count), axis: attr.int(axis) }
  draft.add('Unpack', [wire], attrs, Array<Made>(count).fill(each))
}

const split: Drafting = (draft) => {
  const wire = draft.find(({ shape }) => shape.some((size) => size > 0 && size % 2 === 0))
  if (wire === undefined) return
  const axis = wire.shape.findIndex((size) => size > 0 && size % 2 === 0)
  const each = made(wire, wire.shape.with(axis, (wire.shape[axis] ?? 0) / 2))
  const at = draft.constant(int32([axis], []))
  draft.add('Split', [at, wire], { ...T(wire), num_split: attr.int(2) }, [each, each])
}

const splitV: Drafting = (draft) => {
  const wire = anything(draft, 1)
  if (wire === undefined) return
  const { axis, told } = axisOf(draft, wire.shape.length)
  const size = wire.shape[axis] ?? 0
  const first = draft.below(size + 1)
  const sizes = [first, size - first]
  const asked = draft.chance(2) ? sizes.with(1, -1) : sizes
  const inputs = [wire, draft.constant(int32(asked)), draft.constant(int32([told], []))]
  const attrs = { ...T(wire), num_split: attr.int(2), Tlen: attr.type('DT_INT32') }
  const parts = sizes.map((part) => made(wire, wire.shape.with(axis, part)))
  draft.add('SplitV', inputs, attrs, parts)
}

/** TensorFlow repeats no unsigned integers but the shortest. */
const tile: Drafting = (draft) => {
  const wire = draft.find(
    ({ dtype, shape }) => shape.length > 0 && !/^DT_UINT(16|32|64)$/.test(dtype),
  )
  if (wire === undefined) return
  const times = wire.shape.map(() => draft.from([1, 2, 0, 3]))
  const shape = wire.shape.map((size, axis) => size * (times[axis] ?? 1))
  if (isSmall(shape))
    draft.add('Tile', [wire, draft.constant(int32(times))], T(wire), [made(wire, shape)])
}

const slice: Drafting = (draft) => {
  const wire = anything(draft, 1)
  if (wire === undefined) return
  const begin = wire.shape.map((size) => draft.below(size + 1))
  const size = wire.shape.map((all, axis) => draft.below(all - (begin[axis] ?? 0) + 1))
  const isRest = draft.chance(2)
  const asked = isRest ? size.map(() => -1) : size
  const shape = isRest ? wire.shape.map((all, axis) => all - (begin[axis] ?? 0)) : size
  const inputs = [wire, draft.constant(int32(begin)), draft.constant(int32(asked))]
  draft.add('Slice', inputs, { ...T(wire), Index: attr.type('DT_INT32') }, [made(wire, shape)])
}

const stridedSlice: Drafting = (draft) => {
  const wire = anything(draft, 1)
  if (wire === undefined) return
  const { shape } = wire
  const isShrunk = draft.chance(2) && (shape[0] ?? 0) > 0
  const stride = isShrunk ? 1 : draft.from([1, 2, -1, -2])
  const size = shape[0] ?? 0
  const at = draft.below(size)
  const bounds = [[at], [at + 1], [stride]].map((each) => draft.constant(int32(each)))
  const attrs = {
    ...T(wire),
    Index: attr.type('DT_INT32'),
    shrink_axis_mask: attr.int(isShrunk ? 1 : 0),
    begin_mask: attr.int(isShrunk ? 0 : 1),
    end_mask: attr.int(isShrunk ? 0 : 1),
  }
  const first = Math.ceil(size / Math.abs(stride))
  const result = isShrunk ? shape.slice(1) : shape.with(0, first)
  draft.add('StridedSlice', [wire, ...bounds], attrs, [made(wire, result)])
}

const reverse: Drafting = (draft) => {
  const wire = anything(draft, 1)
  if (wire === undefined) return
  const { told } = axisOf(draft, wire.shape.length)
  const attrs = { ...T(wire), Tidx: attr.type('DT_INT32') }
  draft.add('ReverseV2', [wire, draft.constant(int32([told]))], attrs, [made(wire, wire.shape)])
}

const gather: Drafting = (draft) => {
  const wire = draft.find(({ shape }) => shape.length > 0 && shape.every((size) => size > 0))
  if (wire === undefined) return
  const { axis, told } = axisOf(draft, wire.shape.length)
  const size = wire.shape[axis] ?? 0
  const fed = draft.find((each) => isInteger(each) && each.low >= 0 && each.high < size)
  const chosen = integersOf(draft.from(INTEGERS), [size - 1, 0, size - 1])
  const isFed = fed !== undefined && draft.chance(2)
  const indices = isFed ? fed : chosen
  const shape = [...wire.shape.slice(0, axis), ...indices.shape, ...wire.shape.slice(axis + 1)]
  if (!isSmall(shape)) return
  const inputs = [wire, isFed ? fed : draft.constant(chosen), draft.constant(int32([told], []))]
  const attrs = {
    Tparams: attr.type(wire.dtype),
    Tindices: attr.type(indices.dtype),
    Taxis: attr.type('DT_INT32'),
  }
  draft.add('GatherV2', inputs, attrs, [made(wire, shape)])
}

const broadcastTo: Drafting = (draft) => {
  const wire = anything(draft)
  if (wire === undefined) return
  const shape = [draft.from([2, 1, 3, 0]), ...wire.shape.map((size) => (size === 1 ? 2 : size))]
  if (!isSmall(shape)) return
  const attrs = { ...T(wire), Tidx: attr.type('DT_INT32') }
  draft.add('BroadcastTo', [wire, draft.constant(int32(shape))], attrs, [made(wire, shape)])
}

const fill: Drafting = (draft) => {
  const wire = draft.find(({ shape }) => shape.length === 0)
  if (wire === undefined) return
  const shape = [draft.below(3), draft.below(4)]
  const attrs = { ...T(wire), index_type: attr.type('DT_INT32') }
  draft.add('Fill', [draft.constant(int32(shape)), wire], attrs, [made(wire, shape)])
}

const padV2: Drafting = (draft) => {
  const wire = draft.find((each) => isNumber(each) && each.shape.length > 0)
  if (wire === undefined) return
  const sizes = wire.shape.map(() => [draft.below(2), draft.below(3)])
  const shape = wire.shape.map((size, axis) => size + (sizes[axis] ?? []).reduce((a, b) => a + b))
  if (!isSmall(shape) || isSameSize(shape, wire)) return
  const paddings = draft.constant(int32(sizes.flat(), [sizes.length, 2]))
  const with1 = draft.constant(nothingOf(wire.dtype))
  const attrs = { ...T(wire), Tpaddings: attr.type('DT_INT32') }
  draft.add('PadV2', [wire, paddings, with1], attrs, [made(wire, shape, { ...wire, ...ONE })])
}

export const shapeDraftings: Readonly<Record<string, Drafting>> = {
  BroadcastTo: broadcastTo,
  ConcatV2: concat,
  ExpandDims: expandDims,
  Fill: fill,
  GatherV2: gather,
  Pack: pack,
  PadV2: padV2,
  Reshape: reshape,
  ReverseV2: reverse,
  Slice: slice,
  Split: split,
  SplitV: splitV,
  Squeeze: squeeze,
  StridedSlice: stridedSlice,
  Tile: tile,
  Transpose: transpose,
  Unpack: unpack,
}
