// Matrices in the last two dimensions, in ONNX, and tensors that are made by numbers.

import { boolOf, typeOf, untranslatable } from '../node-attrs.ts'
import { ofShape, unless } from './checks.ts'
import { counting } from './index-ops.ts'
import type { OnnxBuilder } from './model.ts'
import {
  type Context,
  inputOf,
  integersOf,
  int64Vector,
  numericType,
  type OnnxOp,
  scalar,
} from './ops.ts'

const [ROWS, COLUMNS] = [-2n, -1n]

/** A factor with its last two dimensions exchanged when the flag says so. */
function factor(context: Context, index: number, flag: string): string {
  const { node, onnx } = context
  const input = inputOf(context, index)
  if (!boolOf(node, flag, false)) return input
  const rank = context.constant(index)?.shape.length ?? 0
  if (rank < 2) return onnx.op('Einsum', [input], { equation: '...ij->...ji' })
  const order = Array.from({ length: rank }, (_, axis) => BigInt(axis))
  const perm = [...order.slice(0, -2), BigInt(rank - 1), BigInt(rank - 2)]
  return onnx.op('Transpose', [input], { perm })
}

const batchMatMul: OnnxOp = (context) =>
  context.onnx.op('MatMul', [factor(context, 0, 'adj_x'), factor(context, 1, 'adj_y')])

/** 0, 1, ... along one of the last two dimensions, to be compared with the other. */
function numbersAlong(onnx: OnnxBuilder, size: string, axis: bigint): string {
  const [zero, one] = [0n, 1n].map((value) => onnx.long(value))
  const numbers = onnx.op('Range', [zero ?? '', size, one ?? ''])
  return axis === ROWS ? onnx.op('Unsqueeze', [numbers, onnx.vector([1n])]) : numbers
}

function sizeAlong(onnx: OnnxBuilder, tensor: string, axis: bigint): string {
  const at = onnx.long(axis)
  return onnx.op('Gather', [onnx.op('Shape', [tensor]), at], { axis: 0n })
}

const sidesOf = (onnx: OnnxBuilder, tensor: string): [rows: string, columns: string] => [
  numbersAlong(onnx, sizeAlong(onnx, tensor, ROWS), ROWS),
  numbersAlong(onnx, sizeAlong(onnx, tensor, COLUMNS), COLUMNS),
]

/** What is left of a tensor where the mask holds: elsewhere zeros. */
function masked({ node, onnx }: Context, mask: string, tensor: string): string {
  const type = numericType(node)
  if (type === 'DT_BOOL') return onnx.op('And', [mask, tensor])
  return onnx.op('Where', [mask, tensor, onnx.constant(scalar(type, 0))])
}

/** The diagonals around the main one: so many below and above it, or all where it is negative. */
const bandPart: OnnxOp = (context) => {
  const { onnx } = context
  const input = inputOf(context, 0)
  const [rows, columns] = sidesOf(onnx, input)
  const below = onnx.op('Sub', [rows, columns])
  const zero = onnx.long(0n)
  const isWithin = (distance: string, index: number) => {
    const given = onnx.cast(inputOf(context, index), 'DT_INT64')
    const size = sizeAlong(onnx, input, index === 1 ? ROWS : COLUMNS)
    const most = unless(onnx, onnx.op('Greater', [given, size]), given)
    const isAny = onnx.op('Less', [most, zero])
    return onnx.op('Or', [isAny, onnx.op('LessOrEqual', [distance, most])])
  }
  const isBelow = isWithin(below, 1)
  const isAbove = isWithin(onnx.op('Neg', [below]), 2)
  return masked(context, onnx.op('And', [isBelow, isAbove]), input)
}

/** Refuses all diagonals but the main one. */
function mainOnly(context: Context, first: number): void {
  const diagonals = integersOf(context, first)
  if (diagonals.some((each) => each !== 0))
    throw untranslatable(context.node, 'it is not of the main diagonal')
}

const diagonal: OnnxOp = (context) => {
  mainOnly(context, 1)
  const sizes = [2, 3].map((index) => integersOf(context, index)[0])
  if (sizes.some((size) => size !== -1)) throw untranslatable(context.node, 'its size is given')
  const { onnx } = context
  const input = inputOf(context, 0)
  const size = sizeAlong(onnx, input, COLUMNS)
  const sides = [ROWS, COLUMNS].map((axis) => numbersAlong(onnx, size, axis))
  const row = onnx.op('Unsqueeze', [input, onnx.vector([-1n])])
  return onnx.op('Where', [onnx.op('Equal', sides), row, inputOf(context, 4)])
}

/** As long as the shorter side: of all numbers of a matrix those that are a row and a column apart. */
const diagonalPart: OnnxOp = (context) => {
  mainOnly(context, 1)
  const { onnx } = context
  const input = inputOf(context, 0)
  const shape = onnx.op('Shape', [input])
  const [rows, columns] = [ROWS, COLUMNS].map((axis) => sizeAlong(onnx, input, axis))
  const one = onnx.long(1n)
  const shorter = onnx.op('Min', [rows ?? '', columns ?? ''])
  const numbers = onnx.op('Range', [onnx.long(0n), shorter, one])
  const places = onnx.op('Mul', [numbers, onnx.op('Add', [columns ?? '', one])])
  const outer = onnx.op('Slice', [shape, onnx.vector([0n]), onnx.vector([ROWS])])
  const whole = onnx.op('Reshape', [onnx.op('Mul', [rows ?? '', columns ?? '']), onnx.vector([1n])])
  const flat = onnx.op('Concat', [outer, whole], { axis: 0n })
  return onnx.op('Gather', [onnx.op('Reshape', [input, flat], { allowzero: 1n }), places], {
    axis: -1n,
  })
}

/** Repeats to just this shape, where ONNX takes a larger tensor as well. */
const broadcastTo: OnnxOp = (context) => {
  const { onnx } = context
  const shape = int64Vector(context, 1)
  return ofShape(onnx, onnx.op('Expand', [inputOf(context, 0), shape]), shape)
}

/** The shape to which tensors of two shapes are repeated together. */
const broadcastArgs: OnnxOp = (context) => {
  const { node, onnx } = context
  const shapes = [int64Vector(context, 0), int64Vector(context, 1)]
  const sizes = shapes.map((shape) => onnx.op('Size', [shape]))
  const most = onnx.op('Max', sizes)
  const one = onnx.vector([1n])
  const ones = { value: { dtype: 'DT_INT64' as const, shape: [1], values: BigInt64Array.of(1n) } }
  const [a = '', b = ''] = shapes.map((shape, index) => {
    const missing = onnx.op('Reshape', [onnx.op('Sub', [most, sizes[index] ?? '']), one])
    return onnx.op('Concat', [onnx.op('ConstantOfShape', [missing], ones), shape], { axis: 0n })
  })
  const [isOne, isOtherOne] = [a, b].map((shape) => onnx.op('Equal', [shape, one]))
  const isRepeated = onnx.op('Or', [isOne ?? '', isOtherOne ?? ''])
  const fits = onnx.op('Or', [isRepeated, onnx.op('Equal', [a, b])])
  const found = unless(onnx, onnx.op('Not', [fits]), onnx.op('Where', [isOne ?? '', b, a]))
  const isLong = typeOf(node, 'T', 'DT_INT32') === 'DT_INT64'
  return isLong ? found : onnx.cast(found, 'DT_INT32')
}

const fill: OnnxOp = (context) =>
  context.onnx.op('Expand', [inputOf(context, 1), int64Vector(context, 0)])

/** Going the wrong way is refused, where ONNX finds nothing to count. */
const range: OnnxOp = (context) => {
  const { node, onnx, inputs } = context
  const type = typeOf(node, 'Tidx', 'DT_INT32')
  if (type === 'DT_STRING') throw untranslatable(node, 'it works on text')
  if ([0, 1, 2].every((index) => context.constant(index) !== undefined))
    return onnx.op('Range', inputs)
  const [start = '', limit = '', delta = ''] = inputs
  const zero = onnx.constant(scalar(type, 0))
  const way = onnx.op('Sign', [onnx.op('Sub', [limit, start])])
  const isWrong = onnx.op('Less', [onnx.op('Mul', [way, onnx.op('Sign', [delta])]), zero])
  return onnx.op('Range', [start, limit, unless(onnx, isWrong, delta)])
}

/** From the first number to the last one, both of which are met exactly. */
const linSpace: OnnxOp = (context) => {
  const { node, onnx } = context
  const type = numericType(node)
  const [start, stop] = [inputOf(context, 0), inputOf(context, 1)]
  const numbers = counting(context, 2, 1)
  const one = onnx.long(1n)
  const last = onnx.op('Sub', [onnx.op('Size', [numbers]), one])
  const steps = onnx.cast(onnx.op('Max', [last, one]), type)
  const step = onnx.op('Div', [onnx.op('Sub', [stop, start]), steps])
  const found = onnx.op('Add', [start, onnx.op('Mul', [onnx.cast(numbers, type), step])])
  const isLast = onnx.op('And', [
    onnx.op('Equal', [numbers, last]),
    onnx.op('Greater', [numbers, onnx.long(0n)]),
  ])
  const isFirst = onnx.op('Equal', [numbers, onnx.long(0n)])
  const others = onnx.op('Where', [isLast, stop, found])
  return onnx.op('Where', [isFirst, start, others])
}

/** Matrices, and tensors that are made by numbers, by TensorFlow's name. */
export const matrixOps: Readonly<Record<string, OnnxOp>> = {
  BatchMatMulV2: batchMatMul,
  BroadcastArgs: broadcastArgs,
  BroadcastTo: broadcastTo,
  Fill: fill,
  LinSpace: linSpace,
  MatrixBandPart: bandPart,
  MatrixDiagPartV3: diagonalPart,
  MatrixDiagV3: diagonal,
  Range: range,
}
