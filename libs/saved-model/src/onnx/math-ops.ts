// Functions of each number that ONNX puts together from others.

import { floatOf } from '../node-attrs.ts'
import { ofShape, unless } from './checks.ts'
import {
  constantOf,
  type Context,
  inputOf,
  numericType,
  ofFloats,
  type OnnxOp,
  plain,
} from './ops.ts'

const erfc: OnnxOp = (context) =>
  context.onnx.op('Sub', [constantOf(context, 1), context.onnx.op('Erf', context.inputs)])

/** Where one plus a number, or less one, is no worse than the number. */
const FAR = 0.5

const isNear = (context: Context, x: string): string =>
  context.onnx.op('Less', [context.onnx.op('Abs', [x]), constantOf(context, FAR)])

/**
 * The logarithm of one more. Near zero the sum has lost most of the number, and the logarithm is as wrong in
 * proportion: what is made of it may be multiplied by anything (Kahan).
 */
function log1p(context: Context, x: string): string {
  const { onnx } = context
  const one = constantOf(context, 1)
  const sum = onnx.op('Add', [x, one])
  const log = onnx.op('Log', [sum])
  const kept = onnx.op('Sub', [sum, one])
  const mended = onnx.op('Mul', [log, onnx.op('Div', [x, kept])])
  const isLost = onnx.op('Equal', [kept, constantOf(context, 0)])
  const near = onnx.op('Where', [isLost, x, mended])
  return onnx.op('Where', [isNear(context, x), near, log])
}

/** One less than the power, by the same way. */
const expm1: OnnxOp = (context) => {
  const { onnx } = context
  const x = inputOf(context, 0)
  const one = constantOf(context, 1)
  const power = onnx.op('Exp', [x])
  const less = onnx.op('Sub', [power, one])
  const mended = onnx.op('Mul', [less, onnx.op('Div', [x, onnx.op('Log', [power])])])
  const near = onnx.op('Where', [onnx.op('Equal', [power, one]), x, mended])
  return onnx.op('Where', [isNear(context, x), near, less])
}

/** onnxruntime has this of floats alone; of doubles it would take the logarithm of what is infinite. */
const softplus: OnnxOp = (context) => {
  const { onnx, node } = context
  const input = inputOf(context, 0)
  if (numericType(node) !== 'DT_DOUBLE') return onnx.op('Softplus', [input])
  const small = onnx.op('Exp', [onnx.op('Neg', [onnx.op('Abs', [input])])])
  return onnx.op('Add', [onnx.op('Relu', [input]), log1p(context, small)])
}

/** Half to even; integers are whole already. */
const round: OnnxOp = ({ node, onnx, inputs }) => {
  const type = numericType(node)
  return onnx.op(type === 'DT_INT32' || type === 'DT_INT64' ? 'Identity' : 'Round', inputs)
}

/** Zero where the first operand is, whatever the other would make of it. */
const unlessZero =
  (of: (context: Context, x: string, y: string) => string): OnnxOp =>
  (context) => {
    const { onnx } = context
    const [x, y] = [inputOf(context, 0), inputOf(context, 1)]
    const zero = constantOf(context, 0)
    return onnx.op('Where', [onnx.op('Equal', [x, zero]), zero, of(context, x, y)])
  }

/** Zero where the second operand is. */
const mulNoNan: OnnxOp = (context) => {
  const { onnx } = context
  const [x, y] = [inputOf(context, 0), inputOf(context, 1)]
  const zero = constantOf(context, 0)
  return onnx.op('Where', [onnx.op('Equal', [y, zero]), zero, onnx.op('Mul', [x, y])])
}

const xlogy = unlessZero(({ onnx }, x, y) => onnx.op('Mul', [x, onnx.op('Log', [y])]))
const xdivy = unlessZero(({ onnx }, x, y) => onnx.op('Div', [x, y]))
const xlog1py = unlessZero((context, x, y) => context.onnx.op('Mul', [x, log1p(context, y)]))

/** Less than zero, of which there are two. */
function isNegative(context: Context, value: string): string {
  const { onnx } = context
  const zero = constantOf(context, 0)
  const isLess = onnx.op('Less', [value, zero])
  return onnx.op('Or', [isLess, onnx.op('Less', [onnx.op('Reciprocal', [value]), zero])])
}

/** By the arc tangent of the quotient, turned by half a circle on the left of the axis. */
const atan2: OnnxOp = (context) => {
  const { onnx } = context
  const [givenY, givenX] = [inputOf(context, 0), inputOf(context, 1)]
  const areInfinite = onnx.op('And', [onnx.op('IsInf', [givenY]), onnx.op('IsInf', [givenX])])
  const [y = '', x = ''] = [givenY, givenX].map((value) =>
    onnx.op('Where', [areInfinite, onnx.op('Sign', [value]), value]),
  )
  const zero = constantOf(context, 0)
  const areZero = onnx.op('And', [onnx.op('Equal', [y, zero]), onnx.op('Equal', [x, zero])])
  const angle = onnx.op('Where', [areZero, zero, onnx.op('Atan', [onnx.op('Div', [y, x])])])
  const [half, minusHalf] = [Math.PI, -Math.PI].map((value) => constantOf(context, value))
  const turn = onnx.op('Where', [isNegative(context, y), minusHalf ?? '', half ?? ''])
  return onnx.op('Add', [angle, onnx.op('Where', [isNegative(context, x), turn, zero])])
}

/** Of tensors of one shape; those that differ by just as much as they may are equal. */
const approximateEqual: OnnxOp = (context) => {
  const { node, onnx } = context
  const [x, y] = [inputOf(context, 0), inputOf(context, 1)]
  const tolerance = constantOf(context, floatOf(node, 'tolerance', 1e-5))
  const shapes = [onnx.op('Shape', [x]), onnx.op('Shape', [y])]
  const shape = unless(onnx, onnx.op('Not', [onnx.op('Equal', shapes)]), shapes[0] ?? '')
  const distance = onnx.op('Abs', [onnx.op('Sub', [x, ofShape(onnx, y, shape)])])
  return onnx.op('LessOrEqual', [distance, tolerance])
}

/** Of each number, by TensorFlow's name. */
export const mathOps: Readonly<Record<string, OnnxOp>> = {
  ...Object.fromEntries(
    ['Acos', 'Acosh', 'Asin', 'Asinh', 'Atan', 'Atanh', 'Cosh', 'Sinh', 'Tan'].map((op) => [
      op,
      plain(op),
    ]),
  ),
  ApproximateEqual: ofFloats(approximateEqual),
  Atan2: ofFloats(atan2),
  Erfc: ofFloats(erfc),
  Expm1: expm1,
  Inv: ofFloats(plain('Reciprocal')),
  Log1p: (context) => log1p(context, inputOf(context, 0)),
  MulNoNan: ofFloats(mulNoNan),
  Rint: ofFloats(plain('Round')),
  Round: round,
  Softplus: softplus,
  Xdivy: ofFloats(xdivy),
  Xlog1py: ofFloats(xlog1py),
  Xlogy: ofFloats(xlogy),
}

/** One number of all of them. */
export const l2Loss: OnnxOp = ofFloats((context) => {
  const { onnx, inputs } = context
  const sum = onnx.op('ReduceSumSquare', inputs, { keepdims: 0n })
  return onnx.op('Mul', [sum, constantOf(context, 0.5)])
})
