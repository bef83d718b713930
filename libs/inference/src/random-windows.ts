// Operations of graphs by chance that look at images through windows.

import { type Attr, attr } from '@drover/saved-model'
import { sizeOf } from '@drover/serving-api'
import { boundOf, type Draft, isSmall, type Span, spanOf, type Wire } from './random-draft.ts'
import { type Drafting, T } from './random-floats.ts'
import { filterFor, imageFor } from './random-images.ts'
import { int32 } from './sample-tensors.ts'

/** A window on height and width, and what comes out of it; undefined where it does not fit. */
interface Window {
  size: readonly [number, number]
  strides: readonly [number, number]
  dilations: readonly [number, number]
  attrs: Record<string, Attr>
  out: readonly [number, number]
}

const inner = ([height, width]: readonly number[]): Attr =>
  attr.ints([1, height ?? 1, width ?? 1, 1])

function windowFor(
  draft: Draft,
  { shape }: Wire,
  { isDilated, isExplicit }: { isDilated: boolean; isExplicit: boolean },
): Window | undefined {
  const size = [draft.from([2, 1, 3]), draft.from([2, 3, 1])] as const
  const stride = draft.from([1, 2, 3])
  const strides = [stride, draft.chance(4) ? 3 : stride] as const
  // Few graphs are judged where onnxruntime has no window with both.
  const isWide = isDilated && draft.chance(3) && (stride === 1 || draft.chance(3))
  const dilations = isWide ? ([draft.from([2, 1, 3]), 2] as const) : ([1, 1] as const)
  const padding = draft.from(isExplicit ? ['SAME', 'VALID', 'EXPLICIT'] : ['SAME', 'VALID'])
  const pads = [0, 0, 0, 0].map(() => (padding === 'EXPLICIT' ? draft.below(2) : 0))
  const [height, width] = ([0, 1] as const).map((axis) => {
    const all = (shape[axis + 1] ?? 0) + (pads[axis * 2] ?? 0) + (pads[axis * 2 + 1] ?? 0)
    const reach = padding === 'SAME' ? 0 : (size[axis] - 1) * dilations[axis]
    return Math.max(0, Math.ceil((all - reach) / strides[axis]))
  })
  if (!height || !width) return undefined
  const explicit = { explicit_paddings: attr.ints([0, 0, ...pads, 0, 0]) }
  const attrs = {
    padding: attr.string(padding),
    strides: inner(strides),
    ...(isDilated && { dilations: inner(dilations) }),
    ...(padding === 'EXPLICIT' && explicit),
  }
  return { size, strides, dilations, attrs, out: [height, width] }
}

/** An image with small numbers, and a window on it. */
function windowedImage(
  draft: Draft,
  options: { isDilated: boolean; isExplicit: boolean },
): { wire: Wire; window: Window } | undefined {
  const wire = imageFor(draft, 1)
  const window = wire && windowFor(draft, wire, options)
  return wire === undefined || window === undefined ? undefined : { wire, window }
}

interface Windowed {
  inputs: readonly [Wire, ...Wire[]]
  window: Window
  span: Span | undefined
  shape: readonly number[]
}

function addWindowed(draft: Draft, op: string, { inputs, window, span, shape }: Windowed): void {
  if (span === undefined || !isSmall(shape)) return
  const { dtype } = inputs[0]
  const { low, high, grid, error } = span
  const ksize = op.endsWith('Pool') ? { ksize: inner(window.size) } : {}
  const attrs = { ...T(inputs[0]), ...window.attrs, ...ksize }
  draft.add(op, inputs, attrs, [{ dtype, shape, low, high, grid, error }])
}

/** A sum of so many products with numbers of a filter. */
function summed(wire: Wire, count: number): Span | undefined {
  const bound = boundOf(wire) * count
  const grid = wire.grid === undefined ? undefined : wire.grid + 2
  return spanOf(wire.dtype, { low: -bound, high: bound, grid, error: wire.error * count })
}

const conv2d: Drafting = (draft) => {
  const found = windowedImage(draft, { isDilated: true, isExplicit: true })
  if (found === undefined) return
  const { wire, window } = found
  const [rows = 0, , , channels = 0] = wire.shape
  const groups = channels % 2 === 0 && draft.chance(3) ? 2 : 1
  const depth = channels / groups
  const columns = draft.from([2, 1, 4]) * groups
  const filter = filterFor(draft, [...window.size, depth, columns])
  const span = summed(wire, sizeOf(window.size) * depth)
  addWindowed(draft, 'Conv2D', {
    inputs: [wire, filter],
    window,
    span,
    shape: [rows, ...window.out, columns],
  })
}

const depthwise: Drafting = (draft) => {
  const found = windowedImage(draft, { isDilated: true, isExplicit: true })
  if (found === undefined) return
  const { wire, window } = found
  const [rows = 0, , , channels = 0] = wire.shape
  const multiplier = draft.from([2, 1])
  const filter = filterFor(draft, [...window.size, channels, multiplier])
  const span = summed(wire, sizeOf(window.size))
  const shape = [rows, ...window.out, channels * multiplier]
  addWindowed(draft, 'DepthwiseConv2dNative', { inputs: [wire, filter], window, span, shape })
}

/** What would give the image if it were convolved; its size may be told by a constant alone. */
const backwards: Drafting = (draft) => {
  const wire = imageFor(draft, 1)
  if (wire === undefined) return
  const [rows = 0, height = 0, width = 0, channels = 0] = wire.shape
  const size = [draft.from([2, 3]), draft.from([2, 3])]
  const stride = draft.from([2, 1, 3])
  const isSame = draft.chance(2)
  const more = draft.below(stride)
  const sizes = [height, width].map((each, axis) =>
    isSame ? (each - 1) * stride + 1 + more : (each - 1) * stride + (size[axis] ?? 1) + more,
  )
  const columns = draft.from([2, 1])
  const shape = [rows, ...sizes, columns]
  const span = summed(wire, sizeOf(size) * channels)
  if (span === undefined || !isSmall(shape)) return
  const attrs = {
    ...T(wire),
    padding: attr.string(isSame ? 'SAME' : 'VALID'),
    strides: inner([stride, stride]),
  }
  const filter = filterFor(draft, [...size, columns, channels])
  draft.add('Conv2DBackpropInput', [draft.constant(int32(shape)), filter, wire], attrs, [
    { dtype: wire.dtype, shape, ...span },
  ])
}

/** The largest numbers of windows; none of those that may lie on padding alone. */
const maxPool: Drafting = (draft) => {
  const found = windowedImage(draft, { isDilated: false, isExplicit: true })
  if (found === undefined) return
  const { wire, window } = found
  const [rows = 0, , , channels = 0] = wire.shape
  const isExplicit = window.attrs['explicit_paddings'] !== undefined
  if (isExplicit && window.size.includes(1)) return
  const shape = [rows, ...window.out, channels]
  addWindowed(draft, 'MaxPool', { inputs: [wire], window, span: wire, shape })
}

const meanPool: Drafting = (draft) => {
  const found = windowedImage(draft, { isDilated: false, isExplicit: false })
  if (found === undefined) return
  const { wire, window } = found
  const [rows = 0, , , channels = 0] = wire.shape
  const span = spanOf(wire.dtype, { ...wire, grid: undefined })
  const shape = [rows, ...window.out, channels]
  addWindowed(draft, 'AvgPool', { inputs: [wire], window, span, shape })
}

export const windowDraftings: Readonly<Record<string, Drafting>> = {
  AvgPool: meanPool,
  Conv2D: conv2d,
  Conv2D_again: conv2d,
  Conv2DBackpropInput: backwards,
  DepthwiseConv2dNative: depthwise,
  MaxPool: maxPool,
}
