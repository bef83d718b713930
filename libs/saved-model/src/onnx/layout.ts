// Where the channels of images are: TensorFlow has them last nearly always, ONNX behind the batch. What
// works on images is put between two transposes, and onnxruntime takes those out that undo each other.

import { atLeast } from './checks.ts'
import type { NodeDef } from '../graph.ts'
import { intsOf, textOf, untranslatable } from '../node-attrs.ts'
import type { OnnxBuilder } from './model.ts'
import { type Context, inputOf } from './ops.ts'
import { turned } from './turned.ts'

/** How the dimensions of a tensor are ordered: batch and channels, and the others between or behind them. */
export interface Layout {
  rank: number
  isChannelsLast: boolean
}

/** The layout that a node says it has. */
export function layoutOf(node: NodeDef, rank: number): Layout {
  const [last, first] = rank === 5 ? ['NDHWC', 'NCDHW'] : ['NHWC', 'NCHW']
  const format = textOf(node, 'data_format', last)
  if (format !== last && format !== first) throw untranslatable(node, `its layout is ${format}`)
  return { rank, isChannelsLast: format === last }
}

export const channelAxis = ({ rank, isChannelsLast }: Layout): number =>
  isChannelsLast ? rank - 1 : 1

const counted = (count: number, first = 0): number[] =>
  Array.from({ length: count }, (_, index) => first + index)

/** Which axis of TensorFlow's each axis of ONNX's is. */
export const axesOfOnnx = ({ rank, isChannelsLast }: Layout): number[] =>
  isChannelsLast ? [0, rank - 1, ...counted(rank - 2, 1)] : counted(rank)

/** Puts the channels behind the batch. */
export function channelsFirst(onnx: OnnxBuilder, input: string, layout: Layout): string {
  if (!layout.isChannelsLast) return input
  return onnx.op('Transpose', [input], { perm: axesOfOnnx(layout).map(BigInt) })
}

/** Puts the channels back to where the node has them. */
export function channelsBack(onnx: OnnxBuilder, output: string, layout: Layout): string {
  if (!layout.isChannelsLast) return output
  const perm = [0, ...counted(layout.rank - 2, 2), 1]
  return onnx.op('Transpose', [output], { perm: perm.map(BigInt) })
}

/** The spatial part of an attribute that has a number for each dimension; for the others it must be 1. */
export function spatialOf(
  node: NodeDef,
  { name, layout, fallback }: { name: string; layout: Layout; fallback?: bigint[] },
): bigint[] {
  const all = intsOf(node, name, fallback)
  if (all.length !== layout.rank) throw untranslatable(node, `${name} is of another rank`)
  const [batch, channels, ...spatial] = axesOfOnnx(layout).map((axis) => all[axis] ?? 1n)
  if (batch !== 1n || channels !== 1n || spatial.some((each) => each < 1n))
    throw untranslatable(node, `${name} is [${all.join(', ')}]`)
  return spatial
}

export const onesFor = ({ rank }: Layout): bigint[] => counted(rank).map(() => 1n)

/** ONNX's attributes of a window's padding; none where there is no padding. */
export type Padding = { auto_pad?: 'SAME_UPPER'; pads?: bigint[] }

/** What a node pads: SAME_UPPER is what TensorFlow means by SAME. */
export function paddingOf(node: NodeDef, layout: Layout): Padding {
  const padding = textOf(node, 'padding')
  if (padding === 'VALID') return {}
  if (padding === 'SAME') return { auto_pad: 'SAME_UPPER' }
  const all = intsOf(node, 'explicit_paddings', [])
  if (padding !== 'EXPLICIT' || all.length !== 2 * layout.rank || all.some((each) => each < 0n))
    throw untranslatable(node, `its padding is ${padding} [${all.join(', ')}]`)
  const pairs = axesOfOnnx(layout).map((axis) => [all[2 * axis] ?? 0n, all[2 * axis + 1] ?? 0n])
  if (pairs.slice(0, 2).some(([before, after]) => before !== 0n || after !== 0n))
    throw untranslatable(node, 'it pads the batch or the channels')
  const spatial = pairs.slice(2)
  return { pads: [0, 1].flatMap((side) => spatial.map((pair) => pair[side] ?? 0n)) }
}

/** A tensor of weights with its axes in another order, and as `shape` before that if it is given. */
export function weightsOf(
  context: Context,
  { index, perm, shape }: { index: number; perm: readonly number[]; shape?: readonly number[] },
): string {
  const { onnx } = context
  const value = context.constant(index)
  if (value?.dtype === 'DT_FLOAT') {
    if (value.shape.length !== perm.length)
      throw untranslatable(context.node, `input ${index} is of rank ${value.shape.length}`)
    if (value.values.length === 0) throw untranslatable(context.node, 'it has no weights')
    return onnx.constant(turned(shape === undefined ? value : { ...value, shape }, perm))
  }
  const input = inputOf(context, index)
  // onnxruntime never ends where a filter is empty.
  const given =
    shape === undefined
      ? atLeast(
          onnx,
          input,
          perm.map(() => 1n),
        )
      : onnx.op('Reshape', [input, onnx.vector(shape.map(BigInt))])
  return onnx.op('Transpose', [given], { perm: perm.map(BigInt) })
}
