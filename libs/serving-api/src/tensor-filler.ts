// The fast way from JSON to a tensor: one pass, no tree, values straight into a typed array. It only
// says that something does not fit; `predict-misfit.ts` looks again and says what.

import type { JsonCursor } from './json-read.ts'
import { invalid } from './errors.ts'
import { Char } from './json-chars.ts'
import type { DataType, Tensor } from './tensor.ts'

/** TensorFlow's own limit. */
export const RANK_MAX = 254
const CAPACITY_FIRST = 64
const INT32_MIN = -(2 ** 31)
const INT32_MAX = 2 ** 31 - 1
const INT64_MIN = -(2n ** 63n)
const INT64_MAX = 2n ** 63n - 1n

/** How many values a request may bring, over all its inputs: reading them holds the event loop. */
export class Budget {
  readonly #valuesMax: number
  #left: number

  constructor(valuesMax: number) {
    this.#valuesMax = valuesMax
    this.#left = valuesMax
  }

  /** Takes one value; throws INVALID_ARGUMENT where none is left. */
  spend(): void {
    if (--this.#left < 0)
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

  constructor(dtype: DataType, budget: Budget) {
    this.#values = makeValues(dtype)
    this.#budget = budget
  }

  /** Adds the value at the cursor; false if it is of another type or shape than the ones before. */
  add(cursor: JsonCursor): boolean {
    return this.#add(cursor, 0)
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

/** A typed array that grows. */
interface Values {
  /** Adds the scalar at the cursor; false if it is of another type. */
  add: (cursor: JsonCursor) => boolean
  finish: (shape: readonly number[]) => Tensor
}

function makeValues(dtype: DataType): Values {
  switch (dtype) {
    case 'DT_FLOAT':
      return floats()
    case 'DT_DOUBLE':
      return doubles()
    case 'DT_INT32':
      return ints()
    case 'DT_INT64':
      return longs()
    case 'DT_BOOL':
      return bools()
    case 'DT_STRING':
      return strings()
  }
}

function floats(): Values {
  let values = new Float32Array(CAPACITY_FIRST)
  let size = 0
  return {
    add(cursor) {
      if (!startsNumber(cursor)) return false
      if (size === values.length) values = grow(values, new Float32Array(size * 2))
      values[size++] = cursor.readNumber()
      return true
    },
    finish: (shape) => ({ dtype: 'DT_FLOAT', shape, values: values.slice(0, size) }),
  }
}

function doubles(): Values {
  let values = new Float64Array(CAPACITY_FIRST)
  let size = 0
  return {
    add(cursor) {
      if (!startsNumber(cursor)) return false
      if (size === values.length) values = grow(values, new Float64Array(size * 2))
      values[size++] = cursor.readNumber()
      return true
    },
    finish: (shape) => ({ dtype: 'DT_DOUBLE', shape, values: values.slice(0, size) }),
  }
}

function ints(): Values {
  const values: number[] = []
  return {
    add: (cursor) => keep(values, readInt32(cursor)),
    finish: (shape) => ({ dtype: 'DT_INT32', shape, values: Int32Array.from(values) }),
  }
}

function longs(): Values {
  const values: bigint[] = []
  return {
    add: (cursor) => keep(values, readInt64(cursor)),
    finish: (shape) => ({ dtype: 'DT_INT64', shape, values: BigInt64Array.from(values) }),
  }
}

function bools(): Values {
  const values: number[] = []
  return {
    add: (cursor) => keep(values, readBool(cursor)),
    finish: (shape) => ({ dtype: 'DT_BOOL', shape, values: Uint8Array.from(values) }),
  }
}

function strings(): Values {
  const values: Uint8Array[] = []
  return {
    add: (cursor) => keep(values, readString(cursor)),
    finish: (shape) => ({ dtype: 'DT_STRING', shape, values }),
  }
}

function keep<T>(values: T[], value: T | undefined): boolean {
  if (value === undefined) return false
  values.push(value)
  return true
}

/** Goes behind a scalar of a type; false, and anywhere, if there is none of it. */
export function skipScalar(cursor: JsonCursor, dtype: DataType): boolean {
  switch (dtype) {
    case 'DT_FLOAT':
    case 'DT_DOUBLE':
      if (!startsNumber(cursor)) return false
      cursor.readNumber()
      return true
    case 'DT_INT32':
      return readInt32(cursor) !== undefined
    case 'DT_INT64':
      return readInt64(cursor) !== undefined
    case 'DT_BOOL':
      return readBool(cursor) !== undefined
    case 'DT_STRING':
      return readString(cursor) !== undefined
  }
}

function readInt32(cursor: JsonCursor): number | undefined {
  if (!startsNumber(cursor)) return undefined
  const value = cursor.readNumber()
  return cursor.isInteger && value >= INT32_MIN && value <= INT32_MAX ? value : undefined
}

function readInt64(cursor: JsonCursor): bigint | undefined {
  if (!startsNumber(cursor)) return undefined
  const near = cursor.readNumber()
  if (!cursor.isInteger) return undefined
  const value = BigInt(Number.isSafeInteger(near) ? near : cursor.numberText())
  return value >= INT64_MIN && value <= INT64_MAX ? value : undefined
}

function readBool(cursor: JsonCursor): number | undefined {
  const type = cursor.typeOf()
  if (type !== 'True' && type !== 'False') return undefined
  cursor.skip()
  return type === 'True' ? 1 : 0
}

const readString = (cursor: JsonCursor): Uint8Array | undefined =>
  cursor.typeOf() === 'String' ? cursor.readBytes() : readBase64(cursor)

function startsNumber(cursor: JsonCursor): boolean {
  const code = cursor.bytes[cursor.at] ?? 0
  return (
    (code >= Char.ZERO && code <= Char.NINE) || code === Char.MINUS || cursor.typeOf() === 'Number'
  )
}

function grow<T extends Float32Array | Float64Array>(from: T, to: T): T {
  to.set(from)
  return to
}

/** Whether an object is `{"b64": "..."}`. Stays where it is. */
export function isBase64(cursor: JsonCursor): boolean {
  const start = cursor.at
  const isIt =
    cursor.typeOf() === 'Object' &&
    cursor.count() === 1 &&
    cursor.enter() &&
    cursor.readKey() === 'b64' &&
    cursor.typeOf() === 'String'
  cursor.at = start
  return isIt
}

/** The bytes of `{"b64": "..."}`; undefined, and anywhere, if it is none or does not decode. */
export function readBase64(cursor: JsonCursor): Uint8Array | undefined {
  if (!isBase64(cursor)) return undefined
  cursor.enter()
  cursor.readKey()
  const bytes = decodeBase64(cursor.readText())
  cursor.next()
  return bytes
}

/** White space is skipped; the padding may be missing but not be wrong. */
function decodeBase64(text: string): Uint8Array | undefined {
  const dense = text.replaceAll(/\s/g, '')
  const [, digits = '', padding = ''] = /^([A-Za-z0-9+/]*)([=.]*)$/.exec(dense) ?? []
  const isPadded = padding === '' || (padding.length <= 2 && dense.length % 4 === 0)
  if (digits.length + padding.length !== dense.length || !isPadded) return undefined
  return digits.length % 4 === 1 ? undefined : Uint8Array.from(Buffer.from(digits, 'base64'))
}
