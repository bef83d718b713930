// Operations on shapes and positions, in ONNX.

import { intOf, intsOf, typeOf } from '../node-attrs.ts'
import { joined, unlessLarge } from './checks.ts'
import type { OnnxBuilder } from './model.ts'
import {
  type Context,
  inputOf,
  int64Vector,
  integersOf,
  numericType,
  type OnnxOp,
  scalar,
} from './ops.ts'

const IMAGE_RANK = 4

const identity: OnnxOp = ({ onnx, inputs }) => onnx.op('Identity', inputs)

const reshape: OnnxOp = (context) =>
  context.onnx.op('Reshape', [inputOf(context, 0), int64Vector(context, 1)], { allowzero: 1n })

const expandDims: OnnxOp = (context) =>
  context.onnx.op('Unsqueeze', [inputOf(context, 0), int64Vector(context, 1)])

const squeeze: OnnxOp = (context) => {
  const axes = intsOf(context.node, 'squeeze_dims', [])
  const inputs = [inputOf(context, 0)]
  return context.onnx.op(
    'Squeeze',
    axes.length === 0 ? inputs : [...inputs, context.onnx.vector(axes)],
  )
}

/** What a tensor of sizes is put together from is never empty where another is not. */
function joinedUnlessSizes(context: Context, parts: readonly string[], axis: bigint): string {
  const areSizes = parts.every((_, index) => context.isSize(index))
  if (areSizes) return context.onnx.op('Concat', parts, { axis })
  const [rank = 0, ...ranks] = parts.map((_, index) => context.shape(index)?.length)
  // Images are of their rank by what makes them, and are joined without another look.
  const areOfOneRank = rank >= IMAGE_RANK && ranks.every((each) => each === rank)
  return joined(context.onnx, parts, { axis, areOfOneRank })
}

const concat: OnnxOp = (context) => {
  const [axis = 0] = integersOf(context, context.inputs.length - 1)
  return joinedUnlessSizes(context, context.inputs.slice(0, -1), BigInt(axis))
}

const pack: OnnxOp = (context) => {
  const { node, onnx, inputs } = context
  const axis = BigInt(intOf(node, 'axis', 0))
  const axes = onnx.vector([axis])
  const parts = inputs.map((input) => onnx.op('Unsqueeze', [input, axes]))
  return joinedUnlessSizes(context, parts, axis)
}

/** ONNX counts in int64 where TensorFlow's default is int32. */
const counted = ({ node, onnx }: Context, count: string): string =>
  typeOf(node, 'out_type', 'DT_INT32') === 'DT_INT32' ? onnx.cast(count, 'DT_INT32') : count

const shape: OnnxOp = (context) => counted(context, context.onnx.op('Shape', context.inputs))
const size: OnnxOp = (context) => counted(context, context.onnx.op('Size', context.inputs))
const rank: OnnxOp = (context) =>
  counted(context, context.onnx.op('Size', [context.onnx.op('Shape', context.inputs)]))

const filledLike =
  (value: number): OnnxOp =>
  ({ node, onnx, inputs }) => {
    const like = scalar(numericType(node), value)
    const dims = onnx.op('Shape', inputs)
    return onnx.op('ConstantOfShape', [dims], { value: { ...like, shape: [1] } })
  }

const tile: OnnxOp = (context) =>
  context.onnx.op('Tile', [inputOf(context, 0), int64Vector(context, 1)])

const transpose: OnnxOp = (context) =>
  context.onnx.op('Transpose', [inputOf(context, 0)], {
    perm: integersOf(context, 1).map(BigInt),
  })

/** Parts of one size; onnxruntime would make the last one smaller. */
const split: OnnxOp = (context) => {
  const { onnx } = context
  const [axis = 0] = integersOf(context, 0)
  const outputs = intOf(context.node, 'num_split')
  const attributes = { axis: BigInt(axis), num_outputs: BigInt(outputs) }
  const known = context.shape(1)?.at(axis)
  const isKnown = known !== undefined && known % outputs === 0
  const input = inputOf(context, 1)
  const even = isKnown ? input : unlessLarge(onnx, restOf(onnx, input, attributes), input)
  return onnx.ops('Split', [even], { outputs, attributes })
}

/** What is left over where an axis is parted: true where there is something. */
function restOf(
  onnx: OnnxBuilder,
  tensor: string,
  { axis, num_outputs }: { axis: bigint; num_outputs: bigint },
): string {
  const sizes = onnx.op('Shape', [tensor])
  const along = onnx.op('Gather', [sizes, onnx.vector([axis])], { axis: 0n })
  return onnx.cast(onnx.op('Mod', [along, onnx.vector([num_outputs])]), 'DT_BOOL')
}

const unpack: OnnxOp = (context) => {
  const { node, onnx, inputs } = context
  const axis = BigInt(intOf(node, 'axis', 0))
  const outputs = intOf(node, 'num')
  const attributes = { axis, num_outputs: BigInt(outputs) }
  const axes = onnx.vector([axis])
  return onnx
    .ops('Split', inputs, { outputs, attributes })
    .map((part) => onnx.op('Squeeze', [part, axes]))
}

/** Operations on shapes and positions, by TensorFlow's name. */
export const shapeOps: Readonly<Record<string, OnnxOp>> = {
  ConcatV2: concat,
  ExpandDims: expandDims,
  Identity: identity,
  IdentityN: ({ onnx, inputs }) => inputs.map((input) => onnx.op('Identity', [input])),
  OnesLike: filledLike(1),
  Pack: pack,
  PlaceholderWithDefault: identity,
  Rank: rank,
  Reshape: reshape,
  Shape: shape,
  Size: size,
  Snapshot: identity,
  Split: split,
  Squeeze: squeeze,
  StopGradient: identity,
  Tile: tile,
  Transpose: transpose,
  Unpack: unpack,
  ZerosLike: filledLike(0),
}
