// The fast way from JSON to a tensor: one pass, no tree, values straight into a typed array. It only
// says that something does not fit; `predict-misfit.ts` looks again and says what.

import { ARRAYS, isJsonDataType, isNumericType, type TypeName, typeText } from './element-types.ts'
import { invalid, ServingError } from './errors.ts'
import { Char } from './json-chars.ts'
import type { JsonCursor } from './json-read.ts'
import { SCALAR_READERS } from './json-scalars.ts'
import { sizeOf, type Tensor, tensorOfBuffer } from './tensor.ts'

/** TensorFlow's own limit. */
export const RANK_MAX = 254
const CAPACITY_FIRST = 64
/** How many values are read between two looks. */
const VALUES_A_LOOK = 50_000

/** How many values a request may bring, over all its inputs: reading them holds the event loop. */
export class Budget {
  readonly #valuesMax: number
  readonly #look: () => void
  #spent = 0

  /** `look` is called now and then while values are read; what it throws ends the reading. */
  constructor(valuesMax: number, look: () => void = () => {}) {
    this.#valuesMax = valuesMax
    this.#look = look
  }

  /** Takes one value; throws INVALID_ARGUMENT where none is left. */
  spend(): void {
    if (++this.#spent % VALUES_A_LOOK === 0) this.#look()
    if (this.#spent > this.#valuesMax)
      throw invalid(
        `A request may bring ${this.#valuesMax} values over all its inputs: send fewer rows at a time`,
      )
  }
}

/** Gathers values of one element type and one shape each. */
export class TensorFiller {
  readonly #values: Values
  readonly #budget: Budget
  /** The shape of each value, as far as it is known from the first one. */
  #shape: number[] = []
  #rank = -1

  constructor(dtype: TypeName, budget: Budget) {
    this.#values = makeValues(dtype)
    this.#budget = budget
  }

  /** Adds the value at the cursor; false if it is of another type or shape than the ones before. */
  add(cursor: JsonCursor): boolean {
    return this.#add(cursor, 0)
  }

  /** Forgets the value that was added last; there was one before it. */
  dropLast(): void {
    this.#values.drop(sizeOf(this.#shape))
  }

  /** All that was added; `batch` is a first dimension to put before, if there is one. */
  finish(batch?: number): Tensor {
    const shape = [...(batch === undefined ? [] : [batch]), ...this.#shape]
    return this.#values.finish(shape)
  }

  #add(cursor: JsonCursor, level: number): boolean {
    if (cursor.bytes[cursor.at] !== Char.OPEN_LIST) {
      this.#budget.spend()
      if (this.#rank < 0) this.#rank = level
      return this.#rank === level && this.#values.add(cursor)
    }
    if (level === this.#rank || level === RANK_MAX) return false
    let size = 0
    if (cursor.enter()) {
      do {
        if (!this.#add(cursor, level + 1)) return false
        size++
      } while (cursor.next())
    }
    // A list without members is as deep as it gets.
    if (this.#rank < 0) this.#rank = level + 1
    this.#shape[level] ??= size
    return this.#shape[level] === size
  }
}

/** An array that grows. */
interface Values {
  /** Adds the scalar at the cursor; false if it is of another type. */
  add: (cursor: JsonCursor) => boolean
  /** Takes so many of the last ones away. */
  drop: (count: number) => void
  finish: (shape: readonly number[]) => Tensor
}

type LongType = 'DT_INT64' | 'DT_UINT64'
type NumberType = Exclude<keyof typeof SCALAR_READERS, LongType | 'DT_STRING'>

function makeValues(dtype: TypeName): Values {
  if (!isJsonDataType(dtype)) return nothingOf(dtype)
  if (dtype === 'DT_STRING') return strings()
  return dtype === 'DT_INT64' || dtype === 'DT_UINT64' ? longsOf(dtype) : numbersOf(dtype)
}

function numbersOf(dtype: NumberType): Values {
  const ArrayType = ARRAYS[dtype]
  const read = SCALAR_READERS[dtype]
  let values = new ArrayType(CAPACITY_FIRST)
  let size = 0
  return {
    add(cursor) {
      const value = read(cursor)
      if (value === undefined) return false
      if (size === values.length) {
        const more = new ArrayType(size * 2)
        more.set(values)
        values = more
      }
      values[size++] = value
      return true
    },
    drop: (count) => {
      size -= count
    },
    finish: (shape) => tensorOfBuffer(dtype, shape, values.slice(0, size).buffer),
  }
}

function longsOf(dtype: LongType): Values {
  const ArrayType = ARRAYS[dtype]
  const read = SCALAR_READERS[dtype]
  let values = new ArrayType(CAPACITY_FIRST)
  let size = 0
  return {
    add(cursor) {
      const value = read(cursor)
      if (value === undefined) return false
      if (size === values.length) {
        const more = new ArrayType(size * 2)
        more.set(values)
        values = more
      }
      values[size++] = value
      return true
    },
    drop: (count) => {
      size -= count
    },
    finish: (shape) => tensorOfBuffer(dtype, shape, values.slice(0, size).buffer),
  }
}

function strings(): Values {
  const values: Uint8Array[] = []
  return {
    add: (cursor) => keep(values, SCALAR_READERS.DT_STRING(cursor)),
    drop: (count) => void values.splice(values.length - count),
    finish: (shape) => ({ dtype: 'DT_STRING', shape, values }),
  }
}

/** A type that JSON has no form for: only a tensor without elements is one of it. */
function nothingOf(dtype: TypeName): Values {
  return {
    add: () => false,
    drop: () => {},
    finish(shape) {
      if (!isNumericType(dtype))
        throw new ServingError('UNIMPLEMENTED', `No tensor of ${typeText(dtype)} can be read`)
      return tensorOfBuffer(dtype, shape, new ArrayBuffer(0))
    },
  }
}

function keep<T>(values: T[], value: T | undefined): boolean {
  if (value === undefined) return false
  values.push(value)
  return true
}
