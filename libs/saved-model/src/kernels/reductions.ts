// Operations that make one number of many along an axis.

import { sizeOf } from '@drover/serving-api'
import { boolOf, typeOf, untranslatable } from '../node-attrs.ts'
import {
  asInteger,
  asIntegers,
  axisOf,
  integers,
  ints,
  invalid,
  isNumber,
  numbers,
  type Value,
} from '../values.ts'
import { rowSums } from './float-loops.ts'
import { type Kernel, withOne, withTwo } from './kernel.ts'

/** The largest finite number of 32 bits. */
export const FLOAT_MAX = 3.4028234663852886e38

/** What is done along one axis: `outer` blocks of `size` rows of `inner` elements each. */
interface Block {
  outer: number
  size: number
  inner: number
}

const blockAt = (shape: readonly number[], axis: number): Block => ({
  outer: sizeOf(shape.slice(0, axis)),
  size: shape[axis] ?? 1,
  inner: sizeOf(shape.slice(axis + 1)),
})

/** Folds the elements along one axis, each from `zero` on. */
function foldAxis<T>(
  to: { [index: number]: T },
  from: ArrayLike<T>,
  { outer, size, inner, zero, add }: Block & { zero: T; add: (sum: T, value: T) => T },
): void {
  for (let block = 0; block < outer; block++)
    for (let column = 0; column < inner; column++) {
      let sum = zero
      for (let row = 0; row < size; row++)
        sum = add(sum, from[(block * size + row) * inner + column] ?? zero)
      to[block * inner + column] = sum
    }
}

/** An operation that makes one number of many. */
interface Reduction {
  zero: number
  add: (sum: number, value: number) => number
  /** For int32 where its products would lose bits. */
  addInts?: (sum: number, value: number) => number
  zeroLong: bigint
  addLongs: (sum: bigint, value: bigint) => bigint
}

const LONG = 2n ** 63n
const reductions = {
  Max: {
    zero: -Infinity,
    add: Math.max,
    zeroLong: -LONG,
    addLongs: (sum, value) => (value > sum ? value : sum),
  },
  Mean: { zero: 0, add: (sum, value) => sum + value, zeroLong: 0n, addLongs: (sum) => sum },
  Min: {
    zero: Infinity,
    add: Math.min,
    zeroLong: LONG - 1n,
    addLongs: (sum, value) => (value < sum ? value : sum),
  },
  Prod: {
    zero: 1,
    add: (sum, value) => sum * value,
    addInts: Math.imul,
    zeroLong: 1n,
    addLongs: (sum, value) => BigInt.asIntN(64, sum * value),
  },
  Sum: {
    zero: 0,
    add: (sum, value) => sum + value,
    zeroLong: 0n,
    addLongs: (sum, value) => BigInt.asIntN(64, sum + value),
  },
} as const satisfies Record<string, Reduction>

const withinInt = (value: number): number => Math.min(Math.max(value, -(2 ** 31)), 2 ** 31 - 1)

function axesOf(axes: Value, rank: number): number[] {
  const found = asIntegers(axes).map((axis) => axisOf(axis, rank))
  if (new Set(found).size < found.length)
    throw invalid('Invalid reduction arguments: Axes contains duplicate dimension')
  return found.toSorted((a, b) => b - a)
}

const reduce =
  (reduction: Reduction): Kernel =>
  (node) => {
    const isKept = boolOf(node, 'keep_dims', false)
    const isMean = node.op === 'Mean'
    const type = typeOf(node, 'T')
    if (isMean && type !== 'DT_FLOAT' && type !== 'DT_DOUBLE')
      throw untranslatable(node, `it works on ${type}`)
    return withTwo((input, axes) => {
      const dropped = axesOf(axes, input.shape.length)
      const shape = dropped.reduce((left, axis) => left.with(axis, 1), [...input.shape])
      const kept = isKept ? shape : shape.filter((_, axis) => !dropped.includes(axis))
      if (input.dtype === 'DT_INT64') return ints(kept, reduceLongs(input.values, input, dropped))
      if (!isNumber(input)) throw invalid('text has no sum')
      const zero = input.dtype === 'DT_INT32' ? withinInt(reduction.zero) : reduction.zero
      const sums =
        rowSumsOf(node.op, input, dropped) ??
        reduceNumbers(input.values, input.shape, { dropped, type, ...reduction, zero })
      const count = dropped.reduce((product, axis) => product * (input.shape[axis] ?? 1), 1)
      return numbers(input.dtype, kept, isMean ? sums.map((sum) => sum / count) : sums)
    })

    function reduceLongs(
      values: BigInt64Array,
      { shape }: { shape: readonly number[] },
      dropped: readonly number[],
    ): BigInt64Array {
      let [found, left] = [values, shape]
      for (const axis of dropped) {
        const block = blockAt(left, axis)
        const next = new BigInt64Array(block.outer * block.inner)
        foldAxis(next, found, { ...block, zero: reduction.zeroLong, add: reduction.addLongs })
        found = next
        left = left.with(axis, 1)
      }
      return found
    }
  }

/** The most frequent of all: what floats along the last axis add up to. */
function rowSumsOf(op: string, input: Value, dropped: readonly number[]): Float64Array | undefined {
  const { dtype, shape, values } = input
  if (op !== 'Sum' || dtype !== 'DT_FLOAT' || dropped.length !== 1) return undefined
  const [axis] = dropped
  if (axis !== shape.length - 1) return undefined
  return rowSums(values, sizeOf(shape.slice(0, -1)), shape[axis] ?? 1)
}

/** In doubles, which are rounded only once. */
function reduceNumbers(
  values: ArrayLike<number>,
  shape: readonly number[],
  {
    dropped,
    type,
    zero,
    add,
    addInts = add,
  }: { dropped: readonly number[]; type: string } & Pick<Reduction, 'zero' | 'add' | 'addInts'>,
): Float64Array {
  let left = shape
  let found: ArrayLike<number> = values
  for (const axis of dropped) {
    const block = blockAt(left, axis)
    const next = new Float64Array(block.outer * block.inner)
    foldAxis(next, found, { ...block, zero, add: type === 'DT_INT32' ? addInts : add })
    found = next
    left = left.with(axis, 1)
  }
  return Float64Array.from(found)
}

const reduceTruths =
  (zero: 0 | 1): Kernel =>
  (node) => {
    const isKept = boolOf(node, 'keep_dims', false)
    return withTwo((input, axes) => {
      if (input.dtype !== 'DT_BOOL') throw invalid(`${input.dtype} is no truth value`)
      const dropped = axesOf(axes, input.shape.length)
      const shape = dropped.reduce((left, axis) => left.with(axis, 1), [...input.shape])
      const add = zero === 0 ? Math.max : Math.min
      const found = reduceNumbers(input.values, input.shape, {
        dropped,
        type: 'DT_BOOL',
        zero,
        add,
      })
      const kept = isKept ? shape : shape.filter((_, axis) => !dropped.includes(axis))
      return numbers('DT_BOOL', kept, found)
    })
  }

/** TensorFlow begins at the worst finite number and goes on where one is better, which a NaN never is. */
const argOf =
  (isBetter: (value: number, best: number) => boolean, sign: 1 | -1): Kernel =>
  (node) => {
    const type = typeOf(node, 'output_type', 'DT_INT64')
    return withTwo((input, dimension) => {
      if (!isNumber(input)) throw invalid(`${input.dtype} has no order here`)
      const axis = axisOf(asInteger(dimension), input.shape.length)
      const { outer, size, inner } = blockAt(input.shape, axis)
      const worst = -sign * (input.dtype === 'DT_FLOAT' ? FLOAT_MAX : Number.MAX_VALUE)
      if (size === 0) throw invalid(`Reduction axis ${axis} is empty`)
      const found: number[] = []
      for (let block = 0; block < outer; block++)
        for (let column = 0; column < inner; column++) {
          const at = (row: number) => input.values[(block * size + row) * inner + column] ?? 0
          let [place, best] = [0, worst]
          for (let row = 0; row < size; row++) {
            const value = at(row)
            if (isBetter(value, best)) [place, best] = [row, value]
          }
          found.push(place)
        }
      return integers(type, input.shape.toSpliced(axis, 1), found)
    })
  }

/** Over the last axis: shares that add up to one, or their logarithms. */
const softmax =
  (isLog: boolean): Kernel =>
  () =>
    withOne((input) => {
      if (input.dtype !== 'DT_FLOAT' && input.dtype !== 'DT_DOUBLE')
        throw invalid(`${input.dtype} is no type of floats`)
      const width = input.shape.at(-1)
      if (width === undefined) throw invalid('logits must have >= 1 dimension, got []')
      const values = input.values.slice()
      const powers = new Float64Array(width)
      for (let start = 0; start < values.length; start += width)
        toShares(values, { start, powers, isLog })
      return numbers(input.dtype, input.shape, values)
    })

/** Of one row, in place; `powers` is room of the same width. */
function toShares(
  values: Float32Array | Float64Array,
  { start, powers, isLog }: { start: number; powers: Float64Array; isLog: boolean },
): void {
  let most = -Infinity
  for (let at = 0; at < powers.length; at++) most = Math.max(most, values[start + at] ?? 0)
  let sum = 0
  for (let at = 0; at < powers.length; at++)
    sum += powers[at] = Math.exp((values[start + at] ?? 0) - most)
  const log = Math.log(sum)
  for (let at = 0; at < powers.length; at++)
    values[start + at] = isLog ? (values[start + at] ?? 0) - most - log : (powers[at] ?? 0) / sum
}

/** Operations along an axis. */
export const reductionKernels: Readonly<Record<string, Kernel>> = {
  ...Object.fromEntries(
    Object.entries(reductions).map(([op, reduction]) => [op, reduce(reduction)]),
  ),
  All: reduceTruths(1),
  Any: reduceTruths(0),
  ArgMax: argOf((value, best) => value > best, 1),
  ArgMin: argOf((value, best) => value < best, -1),
  LogSoftmax: softmax(true),
  Softmax: softmax(false),
}
