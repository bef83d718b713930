// Arithmetic of numeric graphs alone, and products of matrices that no dense layer covers.

import { sizeOf } from '@drover/serving-api'
import { boolOf, textOf, typeOf, untranslatable } from '../node-attrs.ts'
import { countOf, invalid, isSameShape, type NumberValue, numbers, type Value } from '../values.ts'
import { commonShape, repeated } from './broadcast.ts'
import { type Kernel, type Run, withThree, withTwo } from './kernel.ts'
import { arithmetic, numberKernels } from './numbers.ts'

const ofFloats =
  (ofNumbers: (a: number, b: number) => number): Kernel =>
  (node) => {
    const type = typeOf(node, 'T')
    if (type !== 'DT_FLOAT' && type !== 'DT_DOUBLE')
      throw untranslatable(node, `it works on ${type}`)
    return arithmetic({ ofNumbers, ofLongs: (a) => a })(node)
  }

const run = (op: string, node: Parameters<Kernel>[0]): Run => {
  const kernel = numberKernels[op]
  if (kernel === undefined) throw untranslatable(node, `it needs ${op}`)
  return kernel(node)
}

/** Of tensors of one shape alone. */
const addN: Kernel = (node) => {
  const add = run('AddV2', node)
  return (inputs) => [
    inputs.reduce((sum, input) => {
      if (!isSameShape(sum.shape, input.shape)) throw invalid('tensors of one shape were expected')
      return add([sum, input])[0] ?? sum
    }),
  ]
}

const clip: Kernel = (node) => {
  const [max, min] = [run('Maximum', node), run('Minimum', node)]
  return withThree((input, low, high) => max([...min([input, high]), low]))
}

/** The bias of each channel, which are the last dimension. */
const biasAdd: Kernel = (node) => {
  if (textOf(node, 'data_format', 'NHWC') !== 'NHWC')
    throw untranslatable(node, 'its channels are not last')
  const add = run('AddV2', node)
  return withTwo((input, bias) => {
    const isFitting = bias.shape.length === 1 && bias.shape[0] === input.shape.at(-1)
    if (input.shape.length < 2 || !isFitting)
      throw invalid(`a bias of [${bias.shape.join(', ')}] for [${input.shape.join(', ')}]`)
    return add([input, bias])
  })
}

type Floats = Extract<NumberValue, { dtype: 'DT_FLOAT' | 'DT_DOUBLE' | 'DT_INT32' }>

function isFactor(value: Value): value is Floats {
  return value.dtype === 'DT_FLOAT' || value.dtype === 'DT_DOUBLE' || value.dtype === 'DT_INT32'
}

/** A matrix in a row of them, as it is multiplied: its own steps, whichever way it is turned. */
interface Factor {
  values: Floats['values']
  rowStep: number
  columnStep: number
}

/** [rows, depth] by [depth, columns], for each of so many matrices. */
function multiply(
  to: Float64Array,
  [a, b]: readonly [Factor, Factor],
  size: { count: number; rows: number; depth: number; columns: number },
): void {
  const { count, rows, depth, columns } = size
  for (let matrix = 0; matrix < count; matrix++)
    for (let row = 0; row < rows; row++)
      for (let inner = 0; inner < depth; inner++) {
        const left = a.values[matrix * rows * depth + row * a.rowStep + inner * a.columnStep] ?? 0
        const from = matrix * depth * columns + inner * b.rowStep
        const target = (matrix * rows + row) * columns
        for (let column = 0; column < columns; column++)
          to[target + column] =
            (to[target + column] ?? 0) + left * (b.values[from + column * b.columnStep] ?? 0)
      }
}

function checked(node: Parameters<Kernel>[0]): void {
  const type = typeOf(node, 'T')
  if (type !== 'DT_FLOAT' && type !== 'DT_DOUBLE' && type !== 'DT_INT32')
    throw untranslatable(node, `it works on ${type}`)
}

/** The matrices of a product by their numbers: rows, what is summed over, columns. */
function sizesOf(
  [left, right]: readonly [readonly number[], readonly number[]],
  turned: { a: boolean; b: boolean },
): { rows: number; depth: number; columns: number } {
  const [a, b] = [left.slice(-2), right.slice(-2)]
  const [rows = 0, depth = 0] = turned.a ? a.toReversed() : a
  const [depthToo, columns = 0] = turned.b ? b.toReversed() : b
  if (a.length < 2 || b.length < 2 || depth !== depthToo)
    throw invalid(
      `Matrix size-incompatible: In[0]: [${left.join(',')}], In[1]: [${right.join(',')}]`,
    )
  return { rows, depth, columns }
}

function product(a: Value, b: Value, turned: { a: boolean; b: boolean }): Value {
  const { rows, depth, columns } = sizesOf([a.shape, b.shape], turned)
  if (!isFactor(a) || !isFactor(b) || a.dtype !== b.dtype)
    throw invalid('two matrices of one type were expected')
  const batch = commonShape(a.shape.slice(0, -2), b.shape.slice(0, -2))
  const shape = [...batch, rows, columns]
  const sums = new Float64Array(countOf(shape))
  const left: Factor = {
    values: repeated(a, [...batch, ...a.shape.slice(-2)]).values,
    rowStep: turned.a ? 1 : depth,
    columnStep: turned.a ? rows : 1,
  }
  const right: Factor = {
    values: repeated(b, [...batch, ...b.shape.slice(-2)]).values,
    rowStep: turned.b ? 1 : columns,
    columnStep: turned.b ? depth : 1,
  }
  multiply(sums, [left, right], { count: sizeOf(batch), rows, depth, columns })
  return numbers(a.dtype, shape, sums)
}

const matMul: Kernel = (node) => {
  checked(node)
  const turned = { a: boolOf(node, 'transpose_a', false), b: boolOf(node, 'transpose_b', false) }
  return withTwo((a, b) => {
    if (a.shape.length !== 2 || b.shape.length !== 2) throw invalid('two matrices were expected')
    return product(a, b, turned)
  })
}

const batchMatMul: Kernel = (node) => {
  checked(node)
  const turned = { a: boolOf(node, 'adj_x', false), b: boolOf(node, 'adj_y', false) }
  return withTwo((a, b) => product(a, b, turned))
}

/** Arithmetic and products. */
export const productKernels: Readonly<Record<string, Kernel>> = {
  AddN: addN,
  BatchMatMulV2: batchMatMul,
  BiasAdd: biasAdd,
  ClipByValue: clip,
  DivNoNan: ofFloats((a, b) => (b === 0 ? 0 : a / b)),
  MatMul: matMul,
  RealDiv: ofFloats((a, b) => a / b),
  SquaredDifference: arithmetic({
    ofNumbers: (a, b) => (a - b) * (a - b),
    ofInts: (a, b) => Math.imul(a - b, a - b),
    ofLongs: (a, b) => (a - b) * (a - b),
  }),
}
