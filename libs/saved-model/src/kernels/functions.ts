// More functions of numbers, of numeric graphs alone.

import { floatOf } from '../node-attrs.ts'
import { invalid, isNumber, isSameShape, numbers, type Value } from '../values.ts'
import { mapFloats } from './elementwise.ts'
import { type Kernel, withOne, withTwo } from './kernel.ts'
import { arithmetic } from './numbers.ts'

const ofFloats =
  (change: (value: number) => number): Kernel =>
  () =>
    withOne((input) => mapFloats(input, change))

const ofTwo = (ofNumbers: (a: number, b: number) => number): Kernel =>
  arithmetic({
    ofNumbers,
    ofInts: () => {
      throw invalid('floats were expected')
    },
    ofLongs: () => {
      throw invalid('floats were expected')
    },
  })

/** Half to even. */
function rounded(value: number): number {
  const near = Math.round(value)
  return near - value === 0.5 && near % 2 !== 0 ? near - 1 : near
}

const round: Kernel = () =>
  withOne((input) =>
    input.dtype === 'DT_INT32' || input.dtype === 'DT_INT64' ? input : mapFloats(input, rounded),
  )

const approximateEqual: Kernel = (node) => {
  const tolerance = floatOf(node, 'tolerance', 1e-5)
  return withTwo((a, b): Value => {
    if (!isNumber(a) || !isNumber(b) || a.dtype !== b.dtype) throw invalid('floats were expected')
    if (!isSameShape(a.shape, b.shape)) throw invalid('two tensors of one shape were expected')
    const [x, y] = [a.values, b.values]
    const narrowed = a.dtype === 'DT_FLOAT' ? Math.fround : Number
    const found = Uint8Array.from(x, (value, index) =>
      Math.abs(narrowed(value - (y[index] ?? 0))) <= tolerance ? 1 : 0,
    )
    return numbers('DT_BOOL', a.shape, found)
  })
}

const l2Loss: Kernel = () =>
  withOne((input) => {
    if (input.dtype !== 'DT_FLOAT' && input.dtype !== 'DT_DOUBLE')
      throw invalid(`${input.dtype} is no type of floats`)
    let sum = 0
    for (const value of input.values) sum += value * value
    return numbers(input.dtype, [], [sum / 2])
  })

/** Functions of each number by itself, or of two side by side. */
export const functionKernels: Readonly<Record<string, Kernel>> = {
  Acos: ofFloats(Math.acos),
  Acosh: ofFloats(Math.acosh),
  ApproximateEqual: approximateEqual,
  Asin: ofFloats(Math.asin),
  Asinh: ofFloats(Math.asinh),
  Atan: ofFloats(Math.atan),
  Atan2: ofTwo(Math.atan2),
  Atanh: ofFloats(Math.atanh),
  Cosh: ofFloats(Math.cosh),
  Inv: ofFloats((value) => 1 / value),
  MulNoNan: ofTwo((x, y) => (y === 0 ? 0 : x * y)),
  Rint: ofFloats(rounded),
  Round: round,
  Sinh: ofFloats(Math.sinh),
  Tan: ofFloats(Math.tan),
  Xdivy: ofTwo((x, y) => (x === 0 ? 0 : x / y)),
  Xlog1py: ofTwo((x, y) => (x === 0 ? 0 : x * Math.log1p(y))),
  Xlogy: ofTwo((x, y) => (x === 0 ? 0 : x * Math.log(y))),
}

/** One number of all. */
export const lossKernels: Readonly<Record<string, Kernel>> = { L2Loss: l2Loss }
