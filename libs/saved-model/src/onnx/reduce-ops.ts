// What makes one number of many along axes, in ONNX.

import { boolOf, typeOf, untranslatable } from '../node-attrs.ts'
import { fromFront, unless } from './checks.ts'
import type { OnnxBuilder } from './model.ts'
import {
  constantOf,
  type Context,
  inputOf,
  integersOf,
  int64Vector,
  leastOf,
  numericType,
  ofFloats,
  type OnnxOp,
  scalar,
} from './ops.ts'

function reduced(
  type: string,
  context: Context,
  isKept = boolOf(context.node, 'keep_dims', false),
): string {
  const { onnx } = context
  const input = inputOf(context, 0)
  const keepdims = isKept ? 1n : 0n
  const known = context.constant(1) === undefined ? undefined : integersOf(context, 1)
  if (known?.length === 0) return onnx.op('Identity', [input])
  const axes = axesOf(context, known)
  return onnx.op(type, [input, axes], { keepdims, noop_with_empty_axes: 1n })
}

/** The axes of a node from the front, each once: TensorFlow refuses one that is named twice, onnxruntime takes it once. */
function axesOf(context: Context, known: readonly number[] | undefined): string {
  const { node, onnx } = context
  if (new Set(known).size < (known?.length ?? 0))
    throw untranslatable(node, `its axes are ${known?.join(', ')}`)
  const axes = fromFront(onnx, inputOf(context, 0), known ?? int64Vector(context, 1))
  if (new Set(known?.map((axis) => axis < 0)).size === 1) return axes
  const [down = '', across = ''] = [0n, 1n].map((at) =>
    onnx.op('Unsqueeze', [axes, onnx.vector([at])]),
  )
  const same = onnx.cast(onnx.op('Equal', [down, across]), 'DT_INT64')
  const pairs = onnx.op('ReduceSum', [same], { keepdims: 0n })
  return unless(onnx, onnx.op('Greater', [pairs, onnx.op('Size', [axes])]), axes)
}

/** onnxruntime adds integers up as doubles, which hold those of 32 bits and halves of those of 64. */
const sum: OnnxOp = (context) => {
  const { node, onnx } = context
  const type = numericType(node)
  if (type !== 'DT_INT32' && type !== 'DT_INT64') return reduced('ReduceSum', context)
  const [input, axes] = [inputOf(context, 0), context.inputs.slice(1)]
  const summed = (part: string) => reduced('ReduceSum', { ...context, inputs: [part, ...axes] })
  if (type === 'DT_INT32') return onnx.cast(summed(onnx.cast(input, 'DT_INT64')), type)
  const { high, low, whole } = halvesOf(onnx, input)
  return whole(summed(high), summed(low))
}

/** The upper and the lower half of int64, of one sign, and what makes such halves one number again. */
function halvesOf(onnx: OnnxBuilder, input: string) {
  const half = onnx.long(2n ** 32n)
  const high = onnx.op('Div', [input, half])
  const low = onnx.op('Sub', [input, onnx.op('Mul', [high, half])])
  const whole = (upper: string, lower: string) =>
    onnx.op('Add', [onnx.op('Mul', [upper, half]), lower])
  return { high, low, whole }
}

/** The same of products, of which those of sizes alone are sure to be small. */
const product: OnnxOp = (context) => {
  const type = numericType(context.node)
  const isOfIntegers = type === 'DT_INT32' || type === 'DT_INT64'
  if (isOfIntegers && !context.isSize(0)) throw untranslatable(context.node, `it works on ${type}`)
  return reduced('ReduceProd', context)
}

/** Of floats one that is no number is the result, which onnxruntime passes over. */
const extreme =
  (type: 'ReduceMax' | 'ReduceMin'): OnnxOp =>
  (context) => {
    const { node, onnx } = context
    if (numericType(node) === 'DT_INT64' && !context.isSize(0)) return extremeLong(type, context)
    const found = reduced(type, context)
    const isOfFloats = ['DT_FLOAT', 'DT_DOUBLE'].includes(numericType(node))
    if (!isOfFloats) return found
    const isNone = anyOf(context, onnx.op('IsNaN', [inputOf(context, 0)]))
    return onnx.op('Where', [isNone, constantOf(context, NaN), found])
  }

/**
 * The largest or smallest by halves, whose order onnxruntime knows (`order.ts`): of what has the best
 * upper half the best lower one, which is compared as a double. Of nothing it is the worst of all.
 */
function extremeLong(type: 'ReduceMax' | 'ReduceMin', context: Context): string {
  const { onnx } = context
  const [input, axes] = [inputOf(context, 0), context.inputs.slice(1)]
  const worst = type === 'ReduceMax' ? -(2n ** 63n) : 2n ** 63n - 1n
  const least = onnx.long(worst)
  const { high, low, whole } = halvesOf(onnx, input)
  const ofHigh = { ...context, inputs: [high, ...axes] }
  const isBest = onnx.op('Equal', [high, reduced(type, ofHigh, true)])
  const none = onnx.constant(scalar('DT_DOUBLE', Number(worst)))
  const among = onnx.op('Where', [isBest, onnx.cast(low, 'DT_DOUBLE'), none])
  const best = reduced(type, ofHigh)
  // No upper half is so small or large; said by an order, which is told ahead.
  const isNone =
    type === 'ReduceMax'
      ? onnx.op('Less', [best, onnx.long(-(2n ** 32n))])
      : onnx.op('Greater', [best, onnx.long(2n ** 32n)])
  const rest = onnx.cast(reduced(type, { ...context, inputs: [among, ...axes] }), 'DT_INT64')
  return onnx.op('Where', [isNone, least, whole(best, rest)])
}

/** Of nothing it is no number, where onnxruntime has 0. */
const mean: OnnxOp = (context) => {
  const { onnx } = context
  const none = onnx.long(0n)
  const isEmpty = onnx.op('Equal', [onnx.op('Size', [inputOf(context, 0)]), none])
  return onnx.op('Where', [isEmpty, constantOf(context, NaN), reduced('ReduceMean', context)])
}

/** Truth values are counted, also where there are none. */
function anyOf(context: Context, truths: string): string {
  const inputs = [context.onnx.cast(truths, 'DT_INT32'), ...context.inputs.slice(1)]
  return context.onnx.cast(reduced('ReduceSum', { ...context, inputs }), 'DT_BOOL')
}

const any: OnnxOp = (context) => anyOf(context, inputOf(context, 0))

const all: OnnxOp = (context) => {
  const { onnx } = context
  return onnx.op('Not', [anyOf(context, onnx.op('Not', [inputOf(context, 0)]))])
}

const argOf =
  (type: string): OnnxOp =>
  (context) => {
    const { node, onnx } = context
    const [axis = 0] = integersOf(context, 1)
    const input = inputOf(context, 0)
    const compared = withinFinite(context, input, type)
    const found = onnx.op(type, [compared], { axis: BigInt(axis), keepdims: 0n })
    const wanted = typeOf(node, 'output_type', 'DT_INT64')
    const short = wanted === 'DT_INT32' ? onnx.cast(found, wanted) : found
    return axis < 0
      ? onnx.op('Reshape', [short, shapeWithout(onnx, input, axis)], { allowzero: 1n })
      : short
  }

/** TensorFlow begins at the worst finite number and goes on where one is better, which a NaN never is. */
function withinFinite({ node, onnx }: Context, input: string, type: string): string {
  const dtype = numericType(node)
  if (dtype !== 'DT_FLOAT' && dtype !== 'DT_DOUBLE') return input
  const [worst, comparison] =
    type === 'ArgMax' ? [leastOf(dtype), 'Greater'] : [-leastOf(dtype), 'Less']
  const first = onnx.constant(scalar(dtype, worst))
  return onnx.op('Where', [onnx.op(comparison, [input, first]), input, first])
}

/** The shape without an axis that is counted from the back, which onnxruntime keeps when there is nothing. */
function shapeWithout(onnx: OnnxBuilder, input: string, axis: number): string {
  const shape = onnx.op('Shape', [input])
  const [first, last] = [onnx.vector([0n]), onnx.vector([BigInt(axis)])]
  const before = onnx.op('Slice', [shape, first, last])
  if (axis === -1) return before
  const after = onnx.op('Slice', [shape, onnx.vector([BigInt(axis + 1)]), onnx.vector([2n ** 62n])])
  return onnx.op('Concat', [before, after], { axis: 0n })
}

/** onnxruntime's own knows rows with something infinite for floats alone. */
const logSoftmax: OnnxOp = (context) => {
  const { node, onnx } = context
  const input = inputOf(context, 0)
  if (numericType(node) !== 'DT_DOUBLE') return onnx.op('LogSoftmax', [input], { axis: -1n })
  const axes = fromFront(onnx, input, [-1])
  const shifted = onnx.op('Sub', [input, onnx.op('ReduceMax', [input, axes])])
  const sums = onnx.op('ReduceSum', [onnx.op('Exp', [shifted]), axes])
  return onnx.op('Sub', [shifted, onnx.op('Log', [sums])])
}

/** Operations along axes, by TensorFlow's name. */
export const reduceOps: Readonly<Record<string, OnnxOp>> = {
  All: all,
  Any: any,
  ArgMax: argOf('ArgMax'),
  ArgMin: argOf('ArgMin'),
  LogSoftmax: logSoftmax,
  Max: extreme('ReduceMax'),
  Mean: ofFloats(mean),
  Min: extreme('ReduceMin'),
  Prod: product,
  Sum: sum,
}
