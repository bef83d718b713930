// Operations of graphs by chance on images: rows, height, width, channels.

import { attr } from '@drover/saved-model'
import { floatTensor, sizeOf } from '@drover/serving-api'
import {
  boundOf,
  type Draft,
  isFull,
  isSameSize,
  isSmall,
  type Made,
  spanOf,
  type Wire,
} from './random-draft.ts'
import { type Drafting, T, within } from './random-floats.ts'
import { made } from './random-shapes.ts'
import { int32 } from './sample-tensors.ts'

const isImage = (wire: Wire): boolean =>
  wire.dtype === 'DT_FLOAT' && wire.shape.length === 4 && isFull(wire)

/** An image with numbers that are not too large to be summed up. */
export function imageFor(draft: Draft, bound = 4): Wire | undefined {
  const found = draft.find(isImage) ?? imageOf(draft)
  return found && within(draft, found, -bound, bound)
}

/** An image of each number, where there is none: the number is added to what is the same in all. */
function imageOf(draft: Draft): Wire | undefined {
  const wire = draft.find(
    ({ dtype, shape }) => dtype === 'DT_FLOAT' && sizeOf(shape) > 0 && sizeOf(shape) <= 6,
  )
  if (wire === undefined) return undefined
  const shape = [sizeOf(wire.shape), 1, 1, 1]
  const attrs = { ...T(wire), Tshape: attr.type('DT_INT32') }
  const told = draft.constant(int32([-1, 1, 1, 1]))
  const [numbers = wire] = draft.add('Reshape', [wire, told], attrs, [made(wire, shape)])
  const span = spanOf(wire.dtype, {
    low: wire.low - 1,
    high: wire.high + 1,
    grid: wire.grid === undefined ? undefined : Math.max(2, wire.grid),
    error: wire.error,
  })
  if (span === undefined) return undefined
  const [height, width, channels] = [draft.from([4, 3]), draft.from([3, 5]), draft.from([2, 1])]
  const like = filterFor(draft, [height, width, channels])
  return draft.add('AddV2', [numbers, like], T(wire), [
    { dtype: wire.dtype, shape: [shape[0] ?? 0, height, width, channels], ...span },
  ])[0]
}

/** Numbers from -1 to 1, in quarters. */
export function filterFor(draft: Draft, shape: readonly number[]): Wire {
  const values = Array.from({ length: sizeOf(shape) }, (_, at) => ((at * 5) % 9) / 4 - 1)
  const name = draft.constant(floatTensor(values, [...shape]))
  return { name, dtype: 'DT_FLOAT', shape, low: -1, high: 1, grid: 2, error: 0 }
}

const MANNERS = ['', 'align_corners', 'half_pixel_centers'] as const

const resize =
  (op: 'ResizeBilinear' | 'ResizeNearestNeighbor'): Drafting =>
  (draft) => {
    const wire = imageFor(draft)
    if (wire === undefined) return
    const [rows = 0, , , channels = 0] = wire.shape
    const size = [draft.from([3, 1, 2, 7]), draft.from([2, 5, 1])]
    const shape = [rows, ...size, channels]
    const isNearest = op === 'ResizeNearestNeighbor'
    const span = isNearest
      ? wire
      : spanOf('DT_FLOAT', { ...wire, grid: undefined, error: wire.error * 4 })
    if (span === undefined || !isSmall(shape)) return
    const manner = draft.from(MANNERS)
    const attrs = { ...T(wire), ...(manner !== '' && { [manner]: attr.bool(true) }) }
    const { low, high, grid, error } = span
    draft.add(op, [wire, draft.constant(int32(size))], attrs, [
      { dtype: 'DT_FLOAT', shape, low, high, grid, error },
    ])
  }

const norm: Drafting = (draft) => {
  const wire = imageFor(draft)
  if (wire === undefined) return
  const channels = wire.shape[3] ?? 0
  const vector = (from: number, step: number) =>
    draft.constant(
      floatTensor(
        Array.from({ length: channels }, (_, at) => from + step * at),
        [channels],
      ),
    )
  const vectors = [vector(1, -0.5), vector(-1, 0.25), vector(0.5, 0.25), vector(1, 0.5)]
  const bound = (boundOf(wire) + 3) * (1 + channels / 2) + 2 + channels
  const error = wire.error * (1 + channels / 2)
  const span = spanOf('DT_FLOAT', { low: -bound, high: bound, grid: undefined, error })
  if (span === undefined) return
  const attrs = {
    ...T(wire),
    U: attr.type('DT_FLOAT'),
    is_training: attr.bool(false),
    epsilon: attr.float(0.001),
  }
  // The others are of no use to who only asks.
  draft.add('FusedBatchNormV3', [wire, ...vectors], attrs, [
    { dtype: 'DT_FLOAT', shape: wire.shape, ...span },
  ])
}

const mirror: Drafting = (draft) => {
  const wire = draft.find(
    (each) => each.shape.length > 0 && isFull(each) && each.dtype !== 'DT_STRING',
  )
  if (wire === undefined) return
  const mode = draft.from(['REFLECT', 'SYMMETRIC'])
  const pads = wire.shape.map((size) => {
    const most = mode === 'REFLECT' ? size : size + 1
    return [draft.below(most), draft.below(most)]
  })
  const shape = wire.shape.map((size, axis) => size + (pads[axis] ?? []).reduce((a, b) => a + b))
  if (!isSmall(shape) || isSameSize(shape, wire)) return
  const attrs = { ...T(wire), Tpaddings: attr.type('DT_INT32'), mode: attr.string(mode) }
  const paddings = draft.constant(int32(pads.flat(), [pads.length, 2]))
  draft.add('MirrorPad', [wire, paddings], attrs, [made(wire, shape)])
}

/** Numbers that go from channels to places or back. */
const blocks =
  (op: 'SpaceToDepth' | 'DepthToSpace'): Drafting =>
  (draft) => {
    const size = draft.from([2, 3])
    const wire = draft.find(
      ({ dtype, shape: [, height = 1, width = 1, depth = 1, ...more] }) =>
        dtype === 'DT_FLOAT' &&
        more.length === 0 &&
        (op === 'SpaceToDepth'
          ? height * width * depth > 0 && height % size === 0 && width % size === 0
          : depth > 0 && depth % size ** 2 === 0),
    )
    if (wire === undefined || wire.shape.length !== 4) return
    const [rows = 0, height = 0, width = 0, depth = 0] = wire.shape
    const shape =
      op === 'SpaceToDepth'
        ? [rows, height / size, width / size, depth * size ** 2]
        : [rows, height * size, width * size, depth / size ** 2]
    draft.add(op, [wire], { ...T(wire), block_size: attr.int(size) }, [made(wire, shape)])
  }

const toBatch: Drafting = (draft) => {
  const wire = draft.find(isImage)
  if (wire === undefined) return
  const size = [draft.from([2, 1]), draft.from([2, 3])]
  const [rows = 0, height = 0, width = 0, depth = 0] = wire.shape
  const pads = [height, width].map((each, axis) => {
    const block = size[axis] ?? 1
    const before = draft.below(2)
    return [before, (block - ((each + before) % block)) % block]
  })
  const sizes = [height, width].map(
    (each, axis) => (each + (pads[axis] ?? []).reduce((a, b) => a + b)) / (size[axis] ?? 1),
  )
  const shape = [rows * sizeOf(size), ...sizes, depth]
  if (!isSmall(shape)) return
  const attrs = {
    ...T(wire),
    Tblock_shape: attr.type('DT_INT32'),
    Tpaddings: attr.type('DT_INT32'),
  }
  const inputs = [wire, draft.constant(int32(size)), draft.constant(int32(pads.flat(), [2, 2]))]
  const also: Made = { ...wire, low: Math.min(0, wire.low), high: Math.max(0, wire.high) }
  draft.add('SpaceToBatchND', inputs, attrs, [made(wire, shape, also)])
}

export const imageDraftings: Readonly<Record<string, Drafting>> = {
  DepthToSpace: blocks('DepthToSpace'),
  FusedBatchNormV3: norm,
  MirrorPad: mirror,
  ResizeBilinear: resize('ResizeBilinear'),
  ResizeNearestNeighbor: resize('ResizeNearestNeighbor'),
  SpaceToBatchND: toBatch,
  SpaceToDepth: blocks('SpaceToDepth'),
}
