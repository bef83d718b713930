// Tensors of different shapes, walked side by side: dimensions of size 1 are repeated.

import { invalid, isSameShape, pick, positionsOf, stridesOf, type Value } from '../values.ts'

/** The shape that both can be repeated to. Throws when there is none. */
export function commonShape(a: readonly number[], b: readonly number[]): readonly number[] {
  if (isSameShape(a, b)) return a
  const rank = Math.max(a.length, b.length)
  const [left, right] = [padded(a, rank), padded(b, rank)]
  return left.map((size, axis) => {
    const other = right[axis] ?? 1
    if (size !== other && size !== 1 && other !== 1)
      throw invalid(`Incompatible shapes: [${a.join(',')}] vs. [${b.join(',')}]`)
    return size === 1 ? other : size
  })
}

const padded = (shape: readonly number[], rank: number): number[] => [
  ...Array.from({ length: rank - shape.length }, () => 1),
  ...shape,
]

/**
 * Goes through a tensor as if it were repeated: each element `each` times in a row, and from the
 * start again after the last.
 */
export class Cursor {
  readonly #count: number
  readonly #each: number
  #at = 0
  #left: number

  constructor(count: number, each: number) {
    this.#count = count
    this.#each = each
    this.#left = each
  }

  /** The position of the next element. */
  next(): number {
    const at = this.#at
    if (--this.#left === 0) {
      this.#left = this.#each
      this.#at = at + 1 === this.#count ? 0 : at + 1
    }
    return at
  }
}

/** A tensor, and how to go through it in step with others of the shape. */
export interface Walk<V extends Value = Value> {
  value: V
  /** Whether it is not repeated at all. */
  isWhole: boolean
  /** How often each element is repeated before the next one comes. */
  each: number
  start: () => Cursor
}

/** How a tensor is walked as one of this shape, to which it must be repeatable. */
export function walkOf<V extends Value>(value: V, shape: readonly number[]): Walk<V> {
  const count = value.values.length
  if (isSameShape(value.shape, shape))
    return { value, isWhole: true, each: 1, start: () => new Cursor(count, 1) }
  const own = padded(value.shape, shape.length)
  const first = own.findIndex((size) => size !== 1)
  const last = own.findLastIndex((size) => size !== 1)
  const isOneRun = own.slice(first, last + 1).every((size, index) => size === shape[first + index])
  if (first >= 0 && !isOneRun) return walkOf(repeated(value, shape), shape)
  const each = shape.slice(first < 0 ? 0 : last + 1).reduce((product, size) => product * size, 1)
  return { value, isWhole: false, each, start: () => new Cursor(count, each) }
}

/** The tensor with its elements written out as often as they are repeated. */
export function repeated<V extends Value>(value: V, shape: readonly number[]): V {
  if (isSameShape(value.shape, shape)) return value
  const own = padded(value.shape, shape.length)
  const strides = stridesOf(own).map((stride, axis) => (own[axis] === 1 ? 0 : stride))
  const whole = pick(value, shape, positionsOf(shape, strides))
  return isLike(whole, value) ? whole : value
}

const isLike = <V extends Value>(value: Value, like: V): value is V => value.dtype === like.dtype
