// Operations on numbers side by side that string operations need before or after them.

import { typeOf, untranslatable } from '../node-attrs.ts'
import {
  countOf,
  ints,
  invalid,
  isNumber,
  numbers,
  type NumberValue,
  type TextValue,
  type Value,
  type ValueType,
  zeros,
} from '../values.ts'
import { commonShape, type Walk, walkOf } from './broadcast.ts'
import { filledKernels } from './elementwise.ts'
import { type FloatLoop, type FloatLoopBy, multiply, multiplyBy } from './float-loops.ts'
import { type Kernel, withOne, withThree, withTwo } from './kernel.ts'
import { scaleNonZero } from './sparse.ts'

type Scalar = number | bigint | string

interface Arithmetic {
  ofNumbers: (a: number, b: number) => number
  /** Where it is worth it, the same for many floats; `few` for rows that are nearly all zero. */
  ofFloats?: { each: FloatLoop; by: FloatLoopBy; few: typeof scaleNonZero }
  /** Where int32 needs it otherwise, as products do that would lose bits. */
  ofInts?: (a: number, b: number) => number
  ofLongs: (a: bigint, b: bigint) => bigint
}

/** An operation on two numbers of one type. */
export const arithmetic =
  ({ ofNumbers, ofFloats, ofInts = ofNumbers, ofLongs }: Arithmetic): Kernel =>
  () =>
    withTwo((a, b) => {
      const shape = commonShape(a.shape, b.shape)
      if (a.dtype === 'DT_FLOAT' && b.dtype === 'DT_FLOAT') {
        const values = zipFloats([a, b], shape, { ofNumbers, ofFloats })
        return { dtype: 'DT_FLOAT', shape, values }
      }
      const found = zeros(a.dtype, shape)
      if (found.dtype === 'DT_INT64' && a.dtype === 'DT_INT64' && b.dtype === 'DT_INT64')
        zip(found.values, [walkOf(a, shape), walkOf(b, shape)], ofLongs)
      else if (isNumber(found) && isNumber(a) && isNumber(b) && a.dtype === b.dtype)
        zip(
          found.values,
          [walkOf(a, shape), walkOf(b, shape)],
          a.dtype === 'DT_INT32' ? ofInts : ofNumbers,
        )
      else throw invalid(`${a.dtype} and ${b.dtype} cannot be calculated with`)
      return found
    })

type Elements<V extends Value> = V['values'][number]

/** Goes through two tensors in step. */
function zip<V extends Value, T extends Scalar>(
  to: { readonly length: number; [index: number]: T },
  [a, b]: readonly [Walk<V>, Walk<V>],
  of: (a: Elements<V>, b: Elements<V>) => T,
): void {
  const [left, right] = [a.start(), b.start()]
  for (let index = 0; index < to.length; index++) {
    const x: Elements<V> | undefined = a.value.values[left.next()]
    const y: Elements<V> | undefined = b.value.values[right.next()]
    if (x !== undefined && y !== undefined) to[index] = of(x, y)
  }
}

type Floats = Extract<NumberValue, { dtype: 'DT_FLOAT' }>
type FloatWalks = readonly [Walk<Floats>, Walk<Floats>]

function zipFloats(
  [a, b]: readonly [Floats, Floats],
  shape: readonly number[],
  {
    ofNumbers,
    ofFloats,
  }: Pick<Arithmetic, 'ofNumbers'> & { ofFloats: Arithmetic['ofFloats'] | undefined },
): Float32Array {
  const few = ofFloats?.few(a, b, shape)
  if (few !== undefined) return few
  const to = new Float32Array(countOf(shape))
  const walks = [walkOf(a, shape), walkOf(b, shape)] as const
  if (ofFloats === undefined || !zipByLoop(to, walks, ofFloats)) zipEach(to, walks, ofNumbers)
  return to
}

/** As `zip`, once more for the most frequent type, which is faster when it is by itself. */
function zipEach(to: Float32Array, [a, b]: FloatWalks, of: Arithmetic['ofNumbers']): void {
  const [x, y] = [a.value.values, b.value.values]
  if (a.isWhole && b.isWhole) {
    for (let index = 0; index < to.length; index++) to[index] = of(x[index] ?? 0, y[index] ?? 0)
    return
  }
  const [left, right] = [a.start(), b.start()]
  for (let index = 0; index < to.length; index++)
    to[index] = of(x[left.next()] ?? 0, y[right.next()] ?? 0)
}

/** By the operation's own loop, where the second tensor is like the first or has one number for each row of it. */
function zipByLoop(
  to: Float32Array,
  [a, b]: FloatWalks,
  { each, by }: { each: FloatLoop; by: FloatLoopBy },
): boolean {
  const [x, y] = [a.value.values, b.value.values]
  if (!a.isWhole || (!b.isWhole && y.length * b.each !== to.length)) return false
  if (b.isWhole) each(to, x, y)
  else
    for (const [row, value] of y.entries())
      by(to, x, value, { from: row * b.each, end: (row + 1) * b.each })
  return true
}

const comparison =
  (holds: (a: Scalar, b: Scalar) => boolean): Kernel =>
  () =>
    withTwo((a, b) => {
      if (a.dtype !== b.dtype) throw invalid(`${a.dtype} and ${b.dtype} cannot be compared`)
      const shape = commonShape(a.shape, b.shape)
      const values = new Uint8Array(countOf(shape))
      zip<Value, number>(values, [walkOf(a, shape), walkOf(b, shape)], (x, y) =>
        Number(holds(x, y)),
      )
      return { dtype: 'DT_BOOL', shape, values }
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
    ofLongs: () => {
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

function castTo(type: Exclude<ValueType, 'DT_STRING'>, input: Value): Value {
  if (input.dtype === 'DT_STRING') throw invalid('text cannot be cast')
  if (input.dtype === type) return input
  const { shape } = input
  if (type === 'DT_BOOL')
    return numbers(type, shape, Uint8Array.from<number | bigint>(input.values, isTruth))
  if (input.dtype !== 'DT_INT64')
    return type === 'DT_INT64'
      ? ints(shape, mapped(new BigInt64Array(input.values.length), input.values, toLong))
      : numbers(
          type,
          shape,
          type === 'DT_INT32'
            ? mapped(new Int32Array(input.values.length), input.values, toInt)
            : input.values,
        )
  const short = type === 'DT_INT32' ? lowBits : Number
  const found = mapped(new Float64Array(input.values.length), input.values, short)
  return type === 'DT_INT64' ? input : numbers(type, shape, found)
}

/** Goes through numbers faster than `from` with a function. */
function mapped<From, To, Into extends { [index: number]: To; readonly length: number }>(
  to: Into,
  from: ArrayLike<From>,
  change: (value: From) => To,
): Into {
  for (let index = 0; index < to.length; index++) {
    const value = from[index]
    if (value !== undefined) to[index] = change(value)
  }
  return to
}

const lowBits = (value: bigint): number => Number(BigInt.asIntN(32, value))

const isTruth = (value: number | bigint): number => (Number(value) === 0 ? 0 : 1)
/** What does not fit becomes the smallest, as the processor has it. */
const toInt = (value: number): number =>
  value > -(2 ** 31) - 1 && value < 2 ** 31 ? value : -(2 ** 31)
const toLong = (value: number): bigint =>
  value >= -(2 ** 63) && value < 2 ** 63 ? BigInt(Math.trunc(value)) : -(2n ** 63n)

/** Chooses between two tensors of one type, element by element. */
export function selected(condition: Value, yes: Value, no: Value): Value {
  if (condition.dtype !== 'DT_BOOL' || yes.dtype !== no.dtype)
    throw invalid('a selection needs truth values and two tensors of one type')
  const shape = commonShape(condition.shape, commonShape(yes.shape, no.shape))
  const found = zeros(yes.dtype, shape)
  const flags = walkOf(condition, shape).start()
  const choose = <T>(to: { [index: number]: T }, left: Walk, right: Walk, of: Pair<T>): void => {
    const [atYes, atNo] = [left.start(), right.start()]
    for (let index = 0; index < found.values.length; index++) {
      const [one, other] = [of[0][atYes.next()], of[1][atNo.next()]]
      const value = condition.values[flags.next()] === 0 ? other : one
      if (value !== undefined) to[index] = value
    }
  }
  const [left, right] = [walkOf(yes, shape), walkOf(no, shape)]
  const [a, b] = [left.value, right.value]
  if (found.dtype === 'DT_STRING' && a.dtype === 'DT_STRING' && b.dtype === 'DT_STRING')
    choose(found.values, left, right, [a.values, b.values])
  else if (found.dtype === 'DT_INT64' && a.dtype === 'DT_INT64' && b.dtype === 'DT_INT64')
    choose(found.values, left, right, [a.values, b.values])
  else if (isNumber(found) && isNumber(a) && isNumber(b))
    choose(found.values, left, right, [a.values, b.values])
  return found
}

type Pair<T> = readonly [ArrayLike<T>, ArrayLike<T>]

const add = arithmetic({ ofNumbers: (a, b) => a + b, ofLongs: (a, b) => a + b })

/** Operations on numbers. */
export const numberKernels: Readonly<Record<string, Kernel>> = {
  ...filledKernels,
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
  Maximum: arithmetic({ ofNumbers: Math.max, ofLongs: (a, b) => (a > b ? a : b) }),
  Minimum: arithmetic({ ofNumbers: Math.min, ofLongs: (a, b) => (a < b ? a : b) }),
  Mul: arithmetic({
    ofFloats: { each: multiply, by: multiplyBy, few: scaleNonZero },
    ofNumbers: (a, b) => a * b,
    ofInts: Math.imul,
    ofLongs: (a, b) => a * b,
  }),
  NotEqual: comparison((a, b) => a !== b),
  SelectV2: () => withThree(selected),
  Sub: arithmetic({ ofNumbers: (a, b) => a - b, ofLongs: (a, b) => a - b }),
}
