// Operations that go by positions, in ONNX. There, a negative position counts from the end; TensorFlow
// refuses it.

import { boolOf, floatsOf, intOf, typeOf, untranslatable } from '../node-attrs.ts'
import { sumOfRows, unless, unlessLarge } from './checks.ts'
import {
  type Context,
  inputOf,
  integersOf,
  int64Vector,
  numericType,
  type OnnxOp,
  scalar,
} from './ops.ts'

const BEYOND = 2n ** 62n

/** Positions as int64; negative ones are out of all bounds. */
function positions(context: Context, index: number): string {
  const { onnx } = context
  const constant = context.constant(index)
  const given = onnx.cast(inputOf(context, index), 'DT_INT64')
  if (constant !== undefined && integersOf(context, index).every((each) => each >= 0)) return given
  const isNegative = onnx.op('Less', [given, onnx.long(0n)])
  return onnx.op('Where', [isNegative, onnx.long(BEYOND), given])
}

/** Along dimensions that both have, each row takes of its own. */
const gather: OnnxOp = (context) => {
  const { node, onnx } = context
  const [axis = 0] = integersOf(context, 2)
  const [params, at] = [inputOf(context, 0), positions(context, 1)]
  const batch = intOf(node, 'batch_dims', 0)
  if (batch === 0) return onnx.op('Gather', [params, at], { axis: BigInt(axis) })
  if (batch < 0 || axis !== batch)
    throw untranslatable(node, 'its axis does not follow its batch dimensions')
  const rows = onnx.op('Unsqueeze', [at, onnx.vector([-1n])])
  return onnx.op('GatherND', [params, rows], { batch_dims: BigInt(batch) })
}

/** From nothing TensorFlow takes nothing, not even slices that are empty. */
const gatherNd: OnnxOp = (context) => {
  const { onnx } = context
  const [params, at] = [inputOf(context, 0), positions(context, 1)]
  const none = onnx.long(0n)
  const isEmpty = onnx.op('Equal', [onnx.op('Size', [params]), none])
  const outer = onnx.op('Slice', [onnx.op('Shape', [at]), onnx.vector([0n]), onnx.vector([-1n])])
  const rows = onnx.op('ReduceProd', [outer], { keepdims: 0n })
  const isFault = onnx.op('And', [isEmpty, onnx.op('Greater', [rows, none])])
  return onnx.op('GatherND', [params, unlessLarge(onnx, isFault, at)])
}

function zerosOf({ node, onnx }: Context, shape: string): string {
  const zero = scalar(numericType(node), 0)
  return onnx.op('ConstantOfShape', [shape], { value: { ...zero, shape: [1] } })
}

const scatterNd: OnnxOp = (context) => {
  const zeros = zerosOf(context, int64Vector(context, 2))
  const inputs = [zeros, positions(context, 0), inputOf(context, 1)]
  return context.onnx.op('ScatterND', inputs, { reduction: 'add' })
}

const scatterInto =
  (reduction: string): OnnxOp =>
  (context) => {
    const inputs = [inputOf(context, 0), positions(context, 1), inputOf(context, 2)]
    return context.onnx.op('ScatterND', inputs, { reduction })
  }

/** The places of what is true, or not zero. */
const where: OnnxOp = (context) => {
  const { onnx } = context
  const [rank = 0, input] = [context.shape(0)?.length, inputOf(context, 0)]
  // One value by itself has no place: TensorFlow refuses it.
  const isOne = () =>
    onnx.op('Equal', [onnx.op('Shape', [onnx.op('Shape', [input])]), onnx.vector([0n])])
  const checked = rank > 0 ? input : unlessLarge(onnx, isOne(), input)
  return onnx.op('Transpose', [onnx.op('NonZero', [checked])], { perm: [1n, 0n] })
}

/** Rows of the last axis, and one of zeros where there are none: that would end the process. */
function rowsOf({ onnx }: Context, tensor: string, size: string): string {
  const isEmpty = onnx.op('Equal', [onnx.op('Size', [tensor]), onnx.long(0n)])
  const missing = onnx.op('Where', [isEmpty, size, onnx.vector([0n])])
  const zeros = onnx.op('CastLike', [onnx.op('ConstantOfShape', [missing]), tensor])
  const flat = onnx.op('Reshape', [tensor, onnx.vector([-1n])])
  const all = onnx.op('Concat', [flat, zeros], { axis: 0n })
  return onnx.op('Reshape', [all, onnx.op('Concat', [onnx.vector([-1n]), size], { axis: 0n })])
}

/** What is to be sorted; where a NaN belongs depends in TensorFlow on how much of it is wanted. */
function ordered(context: Context): string {
  const { node, onnx } = context
  const [input, type] = [inputOf(context, 0), numericType(node)]
  const isOfFloats = type === 'DT_FLOAT' || type === 'DT_DOUBLE'
  return isOfFloats ? unlessLarge(onnx, onnx.op('IsNaN', [input]), input) : input
}

const topK: OnnxOp = (context) => {
  const { node, onnx } = context
  if (!boolOf(node, 'sorted', true)) throw untranslatable(node, 'it does not sort')
  const input = ordered(context)
  const shape = onnx.op('Shape', [input])
  const [none, last] = [onnx.vector([0n]), onnx.vector([-1n])]
  const size = onnx.op('Gather', [shape, last], { axis: 0n })
  const wantedCount = int64Vector(context, 1)
  const count = unless(onnx, onnx.op('Less', [size, wantedCount]), wantedCount)
  const rows = rowsOf(context, input, onnx.op('Max', [size, onnx.vector([1n])]))
  const found = onnx.ops('TopK', [rows, count], {
    outputs: 2,
    attributes: { axis: -1n, largest: 1n, sorted: 1n },
  })
  const outer = onnx.op('Slice', [shape, none, last])
  const wanted = onnx.op('Concat', [outer, count], { axis: 0n })
  // Of none at all nothing is left.
  const isThere = onnx.op('Sign', [onnx.op('Size', [input])])
  const [values = '', indices = ''] = found.map((each) => {
    const kept = onnx.op('Slice', [
      each,
      none,
      onnx.op('Reshape', [onnx.op('Mul', [isThere, onnx.long(BEYOND)]), onnx.vector([1n])]),
    ])
    return onnx.op('Reshape', [kept, wanted], { allowzero: 1n })
  })
  const isShort = typeOf(node, 'index_type', 'DT_INT32') === 'DT_INT32'
  return [values, isShort ? onnx.cast(indices, 'DT_INT32') : indices]
}

/** 0, 1, ... as int64; the count is one of any integers. */
export function counting(context: Context, index: number, least = 0): string {
  const { node, onnx } = context
  if (context.constant(index) !== undefined) {
    const [count = 0] = integersOf(context, index)
    if (count < least) throw untranslatable(node, `it is to count to ${count}`)
    return onnx.op('Range', [onnx.long(0n), onnx.long(BigInt(count)), onnx.long(1n)])
  }
  const given = onnx.cast(inputOf(context, index), 'DT_INT64')
  const count = unless(onnx, onnx.op('Less', [given, onnx.long(BigInt(least))]), given)
  return onnx.op('Range', [onnx.long(0n), count, onnx.long(1n)])
}

/** Each index becomes a row with one place on, or none when it is outside. */
const oneHot: OnnxOp = (context) => {
  const { node, onnx } = context
  const axis = intOf(node, 'axis', -1)
  if (axis < -1) throw untranslatable(node, `its axis is ${axis}`)
  const indices = onnx.cast(inputOf(context, 0), 'DT_INT64')
  const spread = onnx.op('Unsqueeze', [indices, onnx.vector([BigInt(axis)])])
  let places = counting(context, 1)
  if (axis >= 0) {
    // As many ones behind as there are dimensions behind the axis.
    const behind = onnx.op('Slice', [
      onnx.op('Shape', [spread]),
      onnx.vector([BigInt(axis + 1)]),
      onnx.vector([BEYOND]),
    ])
    const ones = onnx.op('Div', [
      onnx.op('Add', [behind, onnx.long(1n)]),
      onnx.op('Add', [behind, onnx.long(1n)]),
    ])
    places = onnx.op('Reshape', [
      places,
      onnx.op('Concat', [onnx.vector([-1n]), ones], { axis: 0n }),
    ])
  }
  return onnx.op('Where', [
    onnx.op('Equal', [spread, places]),
    inputOf(context, 2),
    inputOf(context, 3),
  ])
}

/** Counts the boundaries that a number has reached; one that is none has reached all. */
const bucketize: OnnxOp = (context) => {
  const { node, onnx } = context
  const boundaries = floatsOf(node, 'boundaries')
  const type = numericType(node) === 'DT_DOUBLE' ? 'DT_DOUBLE' : 'DT_FLOAT'
  const all = { dtype: type, shape: [boundaries.length] }
  const edges =
    type === 'DT_DOUBLE'
      ? onnx.constant({ ...all, dtype: 'DT_DOUBLE', values: Float64Array.from(boundaries) })
      : onnx.constant({ ...all, dtype: 'DT_FLOAT', values: Float32Array.from(boundaries) })
  const column = onnx.op('Unsqueeze', [onnx.cast(inputOf(context, 0), type), onnx.vector([-1n])])
  const isReached = onnx.op('Not', [onnx.op('Less', [column, edges])])
  return sumOfRows(onnx, onnx.cast(isReached, 'DT_INT32'))
}

/** Operations that go by positions, by TensorFlow's name. */
export const indexOps: Readonly<Record<string, OnnxOp>> = {
  Bucketize: bucketize,
  GatherNd: gatherNd,
  GatherV2: gather,
  OneHot: oneHot,
  ScatterNd: scatterNd,
  TensorScatterAdd: scatterInto('add'),
  TensorScatterMax: scatterInto('max'),
  TensorScatterMin: scatterInto('min'),
  TensorScatterUpdate: scatterInto('none'),
  TopKV2: topK,
  Where: where,
}
