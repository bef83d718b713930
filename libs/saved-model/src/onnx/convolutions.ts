// Convolutions. onnxruntime has them for floats of 32 bits alone.

import { atLeast, zeroIfEqual } from './checks.ts'
import type { NodeDef } from '../graph.ts'
import { textOf, untranslatable } from '../node-attrs.ts'
import {
  axesOfOnnx,
  channelAxis,
  channelsBack,
  channelsFirst,
  type Layout,
  layoutOf,
  onesFor,
  type Padding,
  paddingOf,
  spatialOf,
  weightsOf,
} from './layout.ts'
import { type Context, inputOf, integersOf, int64Vector, numericType, type OnnxOp } from './ops.ts'

interface Window {
  layout: Layout
  strides: bigint[]
  dilations: bigint[]
}

function windowOf(node: NodeDef, rank: number): Window {
  const type = numericType(node)
  if (type !== 'DT_FLOAT') throw untranslatable(node, `it works on ${type}`)
  const layout = layoutOf(node, rank)
  return {
    layout,
    strides: spatialOf(node, { name: 'strides', layout }),
    dilations: spatialOf(node, { name: 'dilations', layout, fallback: onesFor(layout) }),
  }
}

/** Without dilations, as these are in TensorFlow wherever there is no GPU. */
function plainWindow(node: NodeDef, rank: number): Window {
  const window = windowOf(node, rank)
  if (window.dilations.some((each) => each !== 1n)) throw untranslatable(node, 'it has dilations')
  return window
}

/** The sizes of a filter that come first, as far as they are known. */
function kernelOf(context: Context, { layout }: Window): bigint[] | undefined {
  const sizes = context.shape(1)?.slice(0, layout.rank - 2)
  return sizes?.every((size) => size !== undefined) === true ? sizes.map(BigInt) : undefined
}

/** onnxruntime knows no SAME with dilations; without strides it is the same for all sizes. */
function convPadding(context: Context, window: Window): Padding {
  const padding = paddingOf(context.node, window.layout)
  if (padding.auto_pad === undefined || window.dilations.every((each) => each === 1n))
    return padding
  const kernel = kernelOf(context, window)
  if (kernel === undefined || window.strides.some((each) => each !== 1n))
    throw untranslatable(context.node, 'it pads, strides and dilates at once')
  const totals = kernel.map((size, axis) => (size - 1n) * (window.dilations[axis] ?? 1n))
  return {
    pads: [...totals.map((total) => total / 2n), ...totals.map((total) => total - total / 2n)],
  }
}

/** How many groups there are follows from the channels that come and those that the filter takes. */
function groupsOf(context: Context, layout: Layout): bigint {
  const channels = context.shape(0)?.[channelAxis(layout)]
  const taken = context.shape(1)?.[layout.rank - 2]
  if (!channels || !taken)
    throw untranslatable(context.node, 'it is not known how many channels come or are taken')
  if (channels % taken !== 0)
    throw untranslatable(context.node, `it takes ${taken} of ${channels} channels`)
  return BigInt(channels / taken)
}

/** A filter's axes are the spatial ones, the channels that it takes and those that it makes. */
const permOf = ({ rank }: Layout): number[] => [
  rank - 1,
  rank - 2,
  ...Array.from({ length: rank - 2 }, (_, axis) => axis),
]

const conv =
  (rank: number): OnnxOp =>
  (context) => {
    const { node, onnx } = context
    const window = windowOf(node, rank)
    const { layout, strides, dilations } = window
    const attributes = {
      strides,
      dilations,
      group: groupsOf(context, layout),
      ...convPadding(context, window),
    }
    const weights = weightsOf(context, { index: 1, perm: permOf(layout) })
    const input = channelsFirst(onnx, inputOf(context, 0), layout)
    return channelsBack(onnx, onnx.op('Conv', [input, weights], attributes), layout)
  }

/** A group for each channel; the filter's last axis says how many it makes of each. */
const depthwiseConv: OnnxOp = (context) => {
  const { node, onnx } = context
  const window = plainWindow(node, 4)
  const { layout, strides } = window
  if (strides[0] !== strides[1])
    throw untranslatable(node, 'TensorFlow wants strides that are equal')
  const [height, width, channels, multiplier] = context.shape(1) ?? []
  if (!height || !width || !channels || !multiplier)
    throw untranslatable(node, 'the shape of its filter is not known')
  const padding = paddingOf(node, layout)
  const attributes = { strides, group: BigInt(channels), ...padding }
  const shape = [height, width, 1, channels * multiplier]
  const weights = weightsOf(context, { index: 1, perm: permOf(layout), shape })
  const input = channelsFirst(onnx, inputOf(context, 0), layout)
  return channelsBack(onnx, onnx.op('Conv', [input, weights], attributes), layout)
}

/** Refuses to make other channels than the filter has: they would be made in groups. */
function checkGroups(context: Context, layout: Layout): void {
  const sizes = context.constant(0) === undefined ? context.result : integersOf(context, 0)
  const made = context.shape(1)?.[layout.rank - 2]
  if (made === undefined || sizes?.[channelAxis(layout)] !== made)
    throw untranslatable(context.node, 'it may make its channels in groups')
}

/**
 * TensorFlow says how large the result is to be, which may only be known when it runs. So all of it is
 * made, without padding, and what is padding is cut off.
 */
const transposedConv =
  (rank: number): OnnxOp =>
  (context) => {
    const { node, onnx } = context
    const window = plainWindow(node, rank)
    const { layout, strides } = window
    checkGroups(context, layout)
    const padding = paddingOf(node, layout)
    const kernel = kernelOf(context, window)
    const isFull =
      padding.auto_pad !== undefined &&
      kernel?.every((size, axis) => size >= (strides[axis] ?? 1n)) === true
    // Room for what is wanted beyond what any input reaches.
    const room = strides.map((stride) => (isFull ? 0n : stride - 1n))
    const weights = weightsOf(context, { index: 1, perm: permOf(layout) })
    // Of an empty image onnxruntime ends the process; a batch may be empty.
    const least = [0n, ...onesFor(layout).slice(1)]
    const input = atLeast(onnx, channelsFirst(onnx, inputOf(context, 2), layout), least)
    const attributes = { strides, output_padding: room }
    const whole = onnx.op('ConvTranspose', [input, weights], attributes)
    const cut = cutOut(context, { window, padding, input, whole, room })
    return channelsBack(onnx, cut, layout)
  }

interface Made {
  window: Window
  padding: Padding
  /** What the convolution was given, and all that it made of it. */
  input: string
  whole: string
  /** By how much that is larger than what the input reaches. */
  room: bigint[]
}

/** The part of the size that the first input asks for; fails for a size that no convolution has. */
function cutOut(context: Context, { window, padding, input, whole, room }: Made): string {
  const { onnx } = context
  const axes = onnx.vector(room.map((_, axis) => BigInt(axis + 2)))
  const part = (shape: string, from: bigint, to: bigint) =>
    onnx.op('Slice', [shape, onnx.vector([from]), onnx.vector([to])])
  const rank = BigInt(window.layout.rank)
  const wanted = onnx.op('Gather', [
    int64Vector(context, 0),
    onnx.vector(axesOfOnnx(window.layout).map(BigInt)),
  ])
  const size = part(wanted, 2n, rank)
  const shape = onnx.op('Shape', [whole])
  const reached = onnx.op('Sub', [part(shape, 2n, rank), onnx.vector(room)])
  const strides = onnx.vector(window.strides)
  const { before, rest } = edges(context, { window, padding, input, size, reached })
  const zero = zeroIfEqual(
    onnx,
    onnx.op('Concat', [part(wanted, 0n, 2n), rest], { axis: 0n }),
    onnx.op('Concat', [part(shape, 0n, 2n), onnx.op('Mod', [rest, strides])], { axis: 0n }),
  )
  const start = onnx.op('Add', [before, zero])
  return onnx.op('Slice', [whole, start, onnx.op('Add', [start, size]), axes])
}

/** What is cut off in front, and what has to be from 0 to below the strides. */
function edges(
  context: Context,
  {
    window,
    padding,
    input,
    size,
    reached,
  }: Pick<Made, 'window' | 'padding' | 'input'> & { size: string; reached: string },
): { before: string; rest: string } {
  const { onnx, node } = context
  if (textOf(node, 'padding') === 'SAME') {
    const zero = onnx.vector([0n])
    const total = onnx.op('Max', [onnx.op('Sub', [reached, size]), zero])
    const given = onnx.op('Slice', [
      onnx.op('Shape', [input]),
      onnx.vector([2n]),
      onnx.vector([BigInt(window.layout.rank)]),
    ])
    const most = onnx.op('Mul', [given, onnx.vector(window.strides)])
    return {
      before: onnx.op('Div', [total, onnx.vector([2n])]),
      rest: onnx.op('Sub', [most, size]),
    }
  }
  const count = window.strides.length
  const pads = padding.pads ?? window.strides.flatMap(() => [0n, 0n])
  const both = pads.slice(0, count).map((pad, axis) => pad + (pads[count + axis] ?? 0n))
  const padded = onnx.op('Add', [size, onnx.vector(both)])
  return { before: onnx.vector(pads.slice(0, count)), rest: onnx.op('Sub', [padded, reached]) }
}

/** Convolutions, by TensorFlow's name. */
export const convolutions: Readonly<Record<string, OnnxOp>> = {
  Conv2D: conv(4),
  Conv2DBackpropInput: transposedConv(4),
  Conv3D: conv(5),
  Conv3DBackpropInputV2: transposedConv(5),
  DepthwiseConv2dNative: depthwiseConv,
}
