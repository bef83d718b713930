// Operations on shapes and positions, in ONNX.

import { boolOf, intOf, intsOf, typeOf, untranslatable } from '../node-attrs.ts'
import {
  type Context,
  inputOf,
  int64Vector,
  integersOf,
  numericType,
  type OnnxOp,
  scalar,
} from './ops.ts'

const LAST = 2n ** 63n - 1n
const FIRST = -LAST

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

const concat: OnnxOp = (context) => {
  const [axis = 0] = integersOf(context, context.inputs.length - 1)
  return context.onnx.op('Concat', context.inputs.slice(0, -1), { axis: BigInt(axis) })
}

const pack: OnnxOp = ({ node, onnx, inputs }) => {
  const axis = BigInt(intOf(node, 'axis', 0))
  const axes = onnx.vector([axis])
  const parts = inputs.map((input) => onnx.op('Unsqueeze', [input, axes]))
  return onnx.op('Concat', parts, { axis })
}

const gather: OnnxOp = (context) => {
  if (intOf(context.node, 'batch_dims', 0) !== 0)
    throw untranslatable(context.node, 'it has batch dimensions')
  const [axis = 0] = integersOf(context, 2)
  return context.onnx.op('Gather', context.inputs.slice(0, 2), { axis: BigInt(axis) })
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

const fill: OnnxOp = (context) =>
  context.onnx.op('Expand', [inputOf(context, 1), int64Vector(context, 0)])

const tile: OnnxOp = (context) =>
  context.onnx.op('Tile', [inputOf(context, 0), int64Vector(context, 1)])

const transpose: OnnxOp = (context) =>
  context.onnx.op('Transpose', [inputOf(context, 0)], {
    perm: integersOf(context, 1).map(BigInt),
  })

const cumsum: OnnxOp = ({ node, onnx, inputs }) => {
  const flag = (name: string) => (boolOf(node, name, false) ? 1n : 0n)
  return onnx.op('CumSum', inputs, { exclusive: flag('exclusive'), reverse: flag('reverse') })
}

const split: OnnxOp = (context) => {
  const [axis = 0] = integersOf(context, 0)
  const outputs = intOf(context.node, 'num_split')
  const attributes = { axis: BigInt(axis), num_outputs: BigInt(outputs) }
  return context.onnx.ops('Split', [inputOf(context, 1)], { outputs, attributes })
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

const stridedSlice: OnnxOp = (context) => {
  const { node, onnx } = context
  const bits = (name: string) => intOf(node, name, 0)
  const has = (name: string, axis: number) => (bits(name) & (1 << axis)) !== 0
  if (bits('ellipsis_mask') !== 0 || bits('new_axis_mask') !== 0)
    throw untranslatable(node, 'it has an ellipsis or a new axis')
  const [begin, end, strides] = [1, 2, 3].map((index) => integersOf(context, index))
  const axes = begin?.map((_, axis) => axis) ?? []
  const isShrunk = (axis: number) => has('shrink_axis_mask', axis)
  const stepOf = (axis: number) => (isShrunk(axis) ? 1 : (strides?.[axis] ?? 1))
  const starts = axes.map((axis) => {
    if (isShrunk(axis) || !has('begin_mask', axis)) return BigInt(begin?.[axis] ?? 0)
    return stepOf(axis) > 0 ? 0n : LAST
  })
  const ends = axes.map((axis) => {
    if (isShrunk(axis)) return begin?.[axis] === -1 ? LAST : BigInt((begin?.[axis] ?? 0) + 1)
    if (!has('end_mask', axis)) return BigInt(end?.[axis] ?? 0)
    return stepOf(axis) > 0 ? LAST : FIRST
  })
  const steps = axes.map((axis) => BigInt(stepOf(axis)))
  const vectors = [starts, ends, axes.map(BigInt), steps].map((each) => onnx.vector(each))
  const sliced = onnx.op('Slice', [inputOf(context, 0), ...vectors])
  const dropped = axes.filter(isShrunk).map(BigInt)
  return dropped.length === 0 ? sliced : onnx.op('Squeeze', [sliced, onnx.vector(dropped)])
}

/** The last axis alone: each index becomes a row with one place on, or none when it is outside. */
const oneHot: OnnxOp = (context) => {
  const { node, onnx } = context
  if (intOf(node, 'axis', -1) !== -1) throw untranslatable(node, 'its axis is not the last')
  const [depth = 0] = integersOf(context, 1)
  const places = onnx.vector(Array.from({ length: depth }, (_, index) => BigInt(index)))
  const indices = onnx.cast(inputOf(context, 0), 'DT_INT64')
  const isOn = onnx.op('Equal', [onnx.op('Unsqueeze', [indices, onnx.vector([-1n])]), places])
  return onnx.op('Where', [isOn, inputOf(context, 2), inputOf(context, 3)])
}

/** Operations on shapes and positions, by TensorFlow's name. */
export const shapeOps: Readonly<Record<string, OnnxOp>> = {
  ConcatV2: concat,
  Cumsum: cumsum,
  ExpandDims: expandDims,
  Fill: fill,
  GatherV2: gather,
  Identity: identity,
  IdentityN: ({ onnx, inputs }) => inputs.map((input) => onnx.op('Identity', [input])),
  OneHot: oneHot,
  OnesLike: filledLike(1),
  Pack: pack,
  PlaceholderWithDefault: identity,
  Range: ({ onnx, inputs }) => onnx.op('Range', inputs),
  Rank: rank,
  Reshape: reshape,
  Shape: shape,
  Size: size,
  Snapshot: identity,
  Split: split,
  Squeeze: squeeze,
  StopGradient: identity,
  StridedSlice: stridedSlice,
  Tile: tile,
  Transpose: transpose,
  Unpack: unpack,
  ZerosLike: filledLike(0),
}
