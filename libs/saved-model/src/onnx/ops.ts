// What each numeric operation of TensorFlow is in ONNX: one small function each.

import type { NodeDef } from '../graph.ts'
import { boolOf, floatOf, typeOf, untranslatable } from '../node-attrs.ts'
import { asIntegers, numbers, type Value } from '../values.ts'
import type { StaticShape } from '../static-shapes.ts'
import { unlessLarge } from './checks.ts'
import type { NumericType, NumericValue, OnnxBuilder } from './model.ts'

/** What a translation is made from. */
export interface Context {
  readonly node: NodeDef
  readonly onnx: OnnxBuilder
  /** ONNX's names of the node's inputs. */
  readonly inputs: readonly string[]
  /** The value of an input that is constant. */
  constant(index: number): Value | undefined
  /** What is known of an input's shape; no request is bound by it. */
  shape(index: number): StaticShape
  /** The same of what the node makes at its first port. */
  readonly result: StaticShape
  /** The node that makes an input; undefined where it is constant or comes with the request. */
  producer(index: number): NodeDef | undefined
  /** Whether an input is made of constants and of sizes of tensors alone. */
  isSize(index: number): boolean
}

/** Adds what a node does to the ONNX graph; the names of its ports. */
export type OnnxOp = (context: Context) => string | string[]

/** The type of numbers that a node works on. */
export function numericType(node: NodeDef, attribute = 'T', fallback?: NumericType): NumericType {
  const type = typeOf(node, attribute, fallback)
  if (type === 'DT_STRING') throw untranslatable(node, 'it works on text')
  return type
}

export function inputOf({ node, inputs }: Context, index: number): string {
  const name = inputs[index]
  if (name === undefined) throw untranslatable(node, `input ${index} is missing`)
  return name
}

/** The integers of an input that must be constant, such as an axis. */
export function integersOf(context: Context, index: number): number[] {
  const value = context.constant(index)
  if (value === undefined || (value.dtype !== 'DT_INT32' && value.dtype !== 'DT_INT64'))
    throw untranslatable(context.node, `input ${index} is not a constant of integers`)
  return asIntegers(value)
}

/** One number of this type, as a constant. */
export function scalar(dtype: NumericType, value: number): NumericValue {
  return dtype === 'DT_INT64'
    ? { dtype, shape: [], values: BigInt64Array.of(BigInt(value)) }
    : numbers(dtype, [], [value])
}

const FLOAT_MAX = 3.4028234663852886e38

/** The least finite number of a type of floats. */
export const leastOf = (dtype: NumericType): number =>
  dtype === 'DT_DOUBLE' ? -Number.MAX_VALUE : -FLOAT_MAX

/** A vector of int64 from any integers: a constant where it is one, else cast and reshaped. */
export function int64Vector(context: Context, index: number): string {
  const { onnx } = context
  if (context.constant(index) !== undefined)
    return onnx.vector(integersOf(context, index).map(BigInt))
  return onnx.op('Reshape', [onnx.cast(inputOf(context, index), 'DT_INT64'), onnx.vector([-1n])])
}

/** ONNX has the same operation under this name. */
export const plain =
  (type: string): OnnxOp =>
  ({ onnx, inputs }) =>
    onnx.op(type, inputs)

/** The same for floats alone: ONNX's is not defined for integers, or differs. */
export const ofFloats =
  (translate: OnnxOp): OnnxOp =>
  (context) => {
    const type = numericType(context.node)
    if (type !== 'DT_FLOAT' && type !== 'DT_DOUBLE')
      throw untranslatable(context.node, `it works on ${type}`)
    return translate(context)
  }

const square: OnnxOp = (context) => {
  const input = inputOf(context, 0)
  return context.onnx.op('Mul', [input, input])
}

const squaredDifference: OnnxOp = ({ onnx, inputs }) => {
  const difference = onnx.op('Sub', inputs)
  return onnx.op('Mul', [difference, difference])
}

const rsqrt: OnnxOp = ({ onnx, inputs }) => onnx.op('Reciprocal', [onnx.op('Sqrt', inputs)])

/** A constant of the type that the node works on. */
export const constantOf = ({ onnx, node }: Context, value: number): string =>
  onnx.constant(scalar(numericType(node), value))

const relu6: OnnxOp = (context) =>
  context.onnx.op('Min', [context.onnx.op('Relu', context.inputs), constantOf(context, 6)])

const notEqual: OnnxOp = ({ onnx, inputs }) => onnx.op('Not', [onnx.op('Equal', inputs)])

/** ONNX's Sum is of floats alone. */
const addN: OnnxOp = (context) => {
  const { onnx, inputs } = context
  const [first, ...more] = inputs
  if (first === undefined || more.length === 0) return onnx.op('Identity', inputs)
  // TensorFlow adds tensors of one shape alone.
  const end = onnx.vector([-1n])
  const shapeOf = (input: string) =>
    onnx.op('Concat', [onnx.op('Shape', [input]), end], { axis: 0n })
  const shape = shapeOf(first)
  const checked = more.map((input) => {
    const isOther = onnx.op('Not', [onnx.op('Equal', [shapeOf(input), shape])])
    return unlessLarge(onnx, isOther, input)
  })
  return checked.reduce((sum, input) => onnx.op('Add', [sum, input]), first)
}

/** Neither infinite nor a NaN, for which no comparison holds. */
const isFinite: OnnxOp = (context) => {
  const { onnx, inputs } = context
  return onnx.op('Less', [onnx.op('Abs', inputs), constantOf(context, Infinity)])
}

const divNoNan: OnnxOp = (context) => {
  const { onnx, inputs } = context
  const zero = constantOf(context, 0)
  const isZero = onnx.op('Equal', [inputOf(context, 1), zero])
  return onnx.op('Where', [isZero, zero, onnx.op('Div', inputs)])
}

const cast: OnnxOp = (context) =>
  context.onnx.cast(inputOf(context, 0), numericType(context.node, 'DstT'))

const matMul: OnnxOp = (context) => {
  const { node, onnx } = context
  const side = (index: number, flag: string) =>
    boolOf(node, flag, false)
      ? onnx.op('Transpose', [inputOf(context, index)], { perm: [1n, 0n] })
      : inputOf(context, index)
  return onnx.op('MatMul', [side(0, 'transpose_a'), side(1, 'transpose_b')])
}

const withAlpha =
  (type: string, fallback: number): OnnxOp =>
  ({ node, onnx, inputs }) =>
    onnx.op(type, inputs, { alpha: floatOf(node, 'alpha', fallback) })

/** ONNX's Where is not of truth values. */
const chosen = ({ node, onnx, inputs: [condition = '', yes = '', no = ''] }: Context): string => {
  if (numericType(node) !== 'DT_BOOL') return onnx.op('Where', [condition, yes, no])
  const isYes = onnx.op('And', [condition, yes])
  return onnx.op('Or', [isYes, onnx.op('And', [onnx.op('Not', [condition]), no])])
}

/** The first kind of Select takes a vector of conditions for whole rows; trailing ones do that. */
const select: OnnxOp = (context) => {
  const { onnx } = context
  const condition = inputOf(context, 0)
  const yes = inputOf(context, 1)
  const shape = onnx.op('Shape', [condition])
  const more = onnx.op('Sub', [
    onnx.op('Size', [onnx.op('Shape', [yes])]),
    onnx.op('Size', [shape]),
  ])
  const ones = onnx.op('ConstantOfShape', [onnx.op('Reshape', [more, onnx.vector([1n])])], {
    value: { dtype: 'DT_INT64', shape: [1], values: BigInt64Array.of(1n) },
  })
  const target = onnx.op('Concat', [shape, ones], { axis: 0n })
  const inputs = [onnx.op('Reshape', [condition, target]), yes, inputOf(context, 2)]
  return chosen({ ...context, inputs })
}

/** Numeric operations, by TensorFlow's name. */
export const arithmeticOps: Readonly<Record<string, OnnxOp>> = {
  Abs: plain('Abs'),
  Add: plain('Add'),
  AddN: addN,
  AddV2: plain('Add'),
  Cast: cast,
  Ceil: plain('Ceil'),
  Cos: plain('Cos'),
  DivNoNan: divNoNan,
  Elu: plain('Elu'),
  Equal: plain('Equal'),
  Erf: plain('Erf'),
  Exp: plain('Exp'),
  Floor: plain('Floor'),
  Greater: plain('Greater'),
  GreaterEqual: plain('GreaterOrEqual'),
  IsFinite: isFinite,
  IsInf: plain('IsInf'),
  IsNan: plain('IsNaN'),
  LeakyRelu: withAlpha('LeakyRelu', 0.2),
  Less: plain('Less'),
  LessEqual: plain('LessOrEqual'),
  Log: plain('Log'),
  LogicalAnd: plain('And'),
  LogicalNot: plain('Not'),
  LogicalOr: plain('Or'),
  MatMul: matMul,
  Mul: plain('Mul'),
  Neg: plain('Neg'),
  NotEqual: notEqual,
  RealDiv: ofFloats(plain('Div')),
  Reciprocal: plain('Reciprocal'),
  Relu6: relu6,
  Rsqrt: rsqrt,
  Select: select,
  SelectV2: chosen,
  Sigmoid: plain('Sigmoid'),
  Sin: plain('Sin'),
  Softmax: ({ onnx, inputs }) => onnx.op('Softmax', inputs, { axis: -1n }),
  Softsign: plain('Softsign'),
  Sqrt: plain('Sqrt'),
  Square: square,
  SquaredDifference: squaredDifference,
  Sub: plain('Sub'),
  Tanh: plain('Tanh'),
}
