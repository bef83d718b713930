// Operations on numbers that string operations need before or after them. Only these run in
// TypeScript; all others are translated to ONNX.

import type { DataType } from '@drover/serving-api'
import { typeOf, untranslatable } from '../node-attrs.ts'
import {
  bools,
  countOf,
  ints,
  invalid,
  isSameShape,
  numbers,
  type NumberValue,
  pick,
  type TextValue,
  type Value,
} from '../values.ts'
import { type Kernel, withOne, withThree, withTwo } from './kernel.ts'

/** Brings two tensors to one shape, by repeating along dimensions of size 1. */
export function broadcast(a: Value, b: Value): [Value, Value] {
  if (isSameShape(a.shape, b.shape)) return [a, b]
  const rank = Math.max(a.shape.length, b.shape.length)
  const padded = (of: Value) => [
    ...Array.from({ length: rank - of.shape.length }, () => 1),
    ...of.shape,
  ]
  const [left, right] = [padded(a), padded(b)]
  const shape = left.map((size, axis) => {
    const other = right[axis] ?? 1
    if (size !== other && size !== 1 && other !== 1)
      throw invalid(`[${a.shape.join(', ')}] and [${b.shape.join(', ')}] do not fit together`)
    return size === 1 ? other : size
  })
  countOf(shape)
  return [expand(a, left, shape), expand(b, right, shape)]
}

function expand(value: Value, from: readonly number[], shape: readonly number[]): Value {
  let picked = [0]
  for (const [axis, size] of shape.entries()) {
    const own = from[axis] ?? 1
    const steps = Array.from({ length: size }, (_, index) => (own === 1 ? 0 : index))
    picked = picked.flatMap((base) => steps.map((step) => base * own + step))
  }
  return pick(value, shape, picked)
}

interface Arithmetic {
  ofNumbers: (a: number, b: number) => number
  ofInts: (a: bigint, b: bigint) => bigint
}

const arithmetic =
  ({ ofNumbers, ofInts }: Arithmetic): Kernel =>
  () =>
    withTwo((left, right) => {
      const [a, b] = broadcast(left, right)
      if (a.dtype === 'DT_INT64' && b.dtype === 'DT_INT64')
        return ints(
          a.shape,
          a.values.map((value, index) => ofInts(value, b.values[index] ?? 0n)),
        )
      if (isNumber(a) && isNumber(b) && a.dtype === b.dtype)
        return numbers(
          a.dtype,
          a.shape,
          Array.from(a.values, (value, index) => ofNumbers(value, b.values[index] ?? 0)),
        )
      throw invalid(`${a.dtype} and ${b.dtype} cannot be calculated with`)
    })

/** Whether the elements are JavaScript's numbers. */
export const isNumber = (value: Value): value is NumberValue =>
  value.dtype !== 'DT_STRING' && value.dtype !== 'DT_INT64'

type Scalar = number | bigint | string

const comparison =
  (holds: (a: Scalar, b: Scalar) => boolean): Kernel =>
  () =>
    withTwo((left, right) => {
      if (left.dtype !== right.dtype)
        throw invalid(`${left.dtype} and ${right.dtype} cannot be compared`)
      const [a, b] = broadcast(left, right)
      const others: ArrayLike<Scalar> = b.values
      const found = Array.from<Scalar, boolean>(a.values, (value, index) =>
        holds(value, others[index] ?? 0),
      )
      return bools(a.shape, found)
    })

const isSame = comparison((a, b) => a === b)

/** Equality; texts that are looked up in a vocabulary, as a category is, cost one look each. */
const equal: Kernel = (node) => {
  const inFull = isSame(node)
  const known = new WeakMap<TextValue, Map<string, number[]>>()
  const placesOf = (vocabulary: TextValue): Map<string, number[]> => {
    const places = known.get(vocabulary) ?? placesIn(vocabulary.values)
    known.set(vocabulary, places)
    return places
  }
  return (inputs) => {
    const [rows, vocabulary] = inputs
    if (rows?.dtype !== 'DT_STRING' || vocabulary?.dtype !== 'DT_STRING') return inFull(inputs)
    const isLookup = rows.shape.at(-1) === 1 && isRow(vocabulary.shape, rows.shape.length)
    return isLookup ? [lookUp(rows, vocabulary, placesOf(vocabulary))] : inFull(inputs)
  }
}

/** Whether only the last of at most so many dimensions has more than one element. */
const isRow = (shape: readonly number[], rank: number): boolean =>
  shape.length > 0 && shape.length <= rank && shape.slice(0, -1).every((size) => size === 1)

function placesIn(texts: readonly string[]): Map<string, number[]> {
  const places = new Map<string, number[]>()
  for (const [place, text] of texts.entries()) {
    const same = places.get(text)
    if (same === undefined) places.set(text, [place])
    else same.push(place)
  }
  return places
}

function lookUp(
  rows: TextValue,
  vocabulary: TextValue,
  places: ReadonlyMap<string, readonly number[]>,
): Value {
  const width = vocabulary.values.length
  const shape = [...rows.shape.slice(0, -1), width]
  const found = new Uint8Array(countOf(shape))
  for (const [row, text] of rows.values.entries())
    for (const place of places.get(text) ?? []) found[row * width + place] = 1
  return numbers('DT_BOOL', shape, found)
}

const logical = (holds: (a: number, b: number) => boolean): Kernel =>
  arithmetic({
    ofNumbers: (a, b) => Number(holds(a, b)),
    ofInts: () => {
      throw invalid('an int64 is no truth value')
    },
  })

const logicalNot: Kernel = () =>
  withOne((input) => {
    if (input.dtype !== 'DT_BOOL') throw invalid(`${input.dtype} is no truth value`)
    return numbers(
      'DT_BOOL',
      input.shape,
      input.values.map((value) => 1 - value),
    )
  })

const cast: Kernel = (node) => {
  const type = typeOf(node, 'DstT')
  if (type === 'DT_STRING') throw untranslatable(node, 'it makes text')
  return withOne((input) => castTo(type, input))
}

function castTo(type: Exclude<DataType, 'DT_STRING'>, input: Value): Value {
  if (input.dtype === 'DT_STRING') throw invalid('text cannot be cast')
  if (input.dtype === type) return input
  const given = Array.from<number | bigint, number>(input.values, Number)
  if (type === 'DT_BOOL')
    return bools(
      input.shape,
      given.map((value) => value !== 0),
    )
  if (type !== 'DT_INT64') return numbers(type, input.shape, given)
  return ints(
    input.shape,
    given.map((value) => BigInt(Number.isFinite(value) ? Math.trunc(value) : 0)),
  )
}

const same =
  (fill: 0 | 1): Kernel =>
  () =>
    withOne((input) => {
      if (input.dtype === 'DT_STRING') throw invalid('text has no zero')
      if (input.dtype === 'DT_INT64')
        return ints(
          input.shape,
          input.values.map(() => BigInt(fill)),
        )
      return numbers(
        input.dtype,
        input.shape,
        input.values.map(() => fill),
      )
    })

const select: Kernel = () =>
  withThree((condition, yes, no) => {
    if (condition.dtype !== 'DT_BOOL' || yes.dtype !== no.dtype)
      throw invalid('a selection needs truth values and two tensors of one type')
    const [left, right] = broadcast(yes, no)
    const [which, whole] = broadcast(condition, left)
    const [, other] = broadcast(condition, right)
    const both = joined(whole, other)
    const offset = whole.values.length
    const picked = Array.from<number | bigint | string, number>(which.values, (flag, index) =>
      Number(flag) !== 0 ? index : offset + index,
    )
    return pick(both, whole.shape, picked)
  })

function joined(a: Value, b: Value): Value {
  if (a.dtype === 'DT_STRING' && b.dtype === 'DT_STRING')
    return { ...a, values: [...a.values, ...b.values] }
  if (a.dtype === 'DT_INT64' && b.dtype === 'DT_INT64')
    return ints(a.shape, [...a.values, ...b.values])
  if (isNumber(a) && isNumber(b)) return numbers(a.dtype, a.shape, [...a.values, ...b.values])
  throw invalid(`${a.dtype} and ${b.dtype} are not of one type`)
}

const add = arithmetic({ ofNumbers: (a, b) => a + b, ofInts: (a, b) => a + b })

/** Operations on numbers. */
export const numberKernels: Readonly<Record<string, Kernel>> = {
  Add: add,
  AddV2: add,
  Cast: cast,
  Equal: equal,
  Greater: comparison((a, b) => a > b),
  GreaterEqual: comparison((a, b) => a >= b),
  Less: comparison((a, b) => a < b),
  LessEqual: comparison((a, b) => a <= b),
  LogicalAnd: logical((a, b) => a !== 0 && b !== 0),
  LogicalNot: logicalNot,
  LogicalOr: logical((a, b) => a !== 0 || b !== 0),
  Maximum: arithmetic({ ofNumbers: Math.max, ofInts: (a, b) => (a > b ? a : b) }),
  Minimum: arithmetic({ ofNumbers: Math.min, ofInts: (a, b) => (a < b ? a : b) }),
  Mul: arithmetic({ ofNumbers: (a, b) => a * b, ofInts: (a, b) => a * b }),
  NotEqual: comparison((a, b) => a !== b),
  OnesLike: same(1),
  SelectV2: select,
  Sub: arithmetic({ ofNumbers: (a, b) => a - b, ofInts: (a, b) => a - b }),
  ZerosLike: same(0),
}
