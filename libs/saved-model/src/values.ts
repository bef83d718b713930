// Tensors as the kernels see them: like those of requests, but strings are text.

import { type DataType, sizeOf, type Tensor, type TensorOf } from '@drover/serving-api'
import { SavedModelError } from './errors.ts'

/** More elements than this no kernel makes: a few bytes of a request must not take all memory. */
const ELEMENTS_MAX = 2 ** 27

export interface TextValue {
  dtype: 'DT_STRING'
  shape: readonly number[]
  /** A byte that is no UTF-8 stands as the lone surrogate U+DC00 + byte, so that none is lost. */
  values: string[]
}

export type IntValue = TensorOf<'DT_INT64'>
export type NumberValue = Exclude<Tensor, TensorOf<'DT_STRING'> | IntValue>
export type NumberType = NumberValue['dtype']
export type Value = NumberValue | IntValue | TextValue

const strict = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true })
const lenient = new TextDecoder('utf-8', { ignoreBOM: true })
const encoder = new TextEncoder()
const ESCAPED = /[\uDC80-\uDCFF]/u
const ESCAPED_OR_TEXT = /[\uDC80-\uDCFF]|[^\uDC80-\uDCFF]+/gu

/** The text of bytes; what is no UTF-8 is kept byte by byte. */
export function decodeText(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes)
  } catch {
    return decodeBroken(bytes)
  }
}

/** Takes the longest valid characters; every byte that begins none is escaped. */
function decodeBroken(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length;) {
    const length = [1, 2, 3, 4].find((size) => isCharacter(bytes.subarray(at, at + size), size))
    text +=
      length === undefined
        ? String.fromCharCode(0xdc00 + (bytes[at] ?? 0))
        : strict.decode(bytes.subarray(at, at + length))
    at += length ?? 1
  }
  return text
}

function isCharacter(bytes: Uint8Array, size: number): boolean {
  if (bytes.length < size) return false
  try {
    strict.decode(bytes)
    return true
  } catch {
    return false
  }
}

/** The bytes of a text: the inverse of `decodeText`. */
export function encodeText(text: string): Uint8Array {
  if (!ESCAPED.test(text)) return encoder.encode(text)
  const parts = Array.from(text.matchAll(ESCAPED_OR_TEXT), ([part]) =>
    ESCAPED.test(part) ? Uint8Array.of(part.charCodeAt(0) - 0xdc00) : encoder.encode(part),
  )
  return Uint8Array.from(parts.flatMap((part) => [...part]))
}

/** Text with what is no UTF-8 replaced by U+FFFD, where TensorFlow does that. */
export function wellFormed(text: string): string {
  return ESCAPED.test(text) ? lenient.decode(encodeText(text)) : text
}

export function toValue(tensor: Tensor): Value {
  return tensor.dtype === 'DT_STRING'
    ? { dtype: 'DT_STRING', shape: tensor.shape, values: tensor.values.map(decodeText) }
    : tensor
}

export function toTensor(value: Value): Tensor {
  return value.dtype === 'DT_STRING'
    ? { dtype: 'DT_STRING', shape: value.shape, values: value.values.map(encodeText) }
    : value
}

/** The number of elements of a shape that is to be filled. Throws when it is over the limit. */
export function countOf(shape: readonly number[]): number {
  const count = sizeOf(shape)
  if (shape.some((size) => size < 0) || !(count <= ELEMENTS_MAX))
    throw invalid(`a tensor of shape [${shape.join(', ')}] cannot be made`)
  return count
}

export const invalid = (what: string): SavedModelError => new SavedModelError('INVALID_INPUT', what)

/** A tensor of numbers of this type: rounded or wrapped as the type has it. */
export function numbers(
  dtype: NumberType,
  shape: readonly number[],
  values: readonly number[] | NumberValue['values'],
): NumberValue {
  switch (dtype) {
    case 'DT_FLOAT':
      return {
        dtype,
        shape,
        values: values instanceof Float32Array ? values : new Float32Array(values),
      }
    case 'DT_DOUBLE':
      return { dtype, shape, values: new Float64Array(values) }
    case 'DT_INT32':
      return {
        dtype,
        shape,
        values: values instanceof Int32Array ? values : new Int32Array(values),
      }
    case 'DT_BOOL':
      return {
        dtype,
        shape,
        values: values instanceof Uint8Array ? values : new Uint8Array(values),
      }
  }
}

export function bools(shape: readonly number[], values: readonly boolean[]): NumberValue {
  return { dtype: 'DT_BOOL', shape, values: Uint8Array.from(values, Number) }
}

export function ints(
  shape: readonly number[],
  values: readonly bigint[] | BigInt64Array,
): IntValue {
  const array = values instanceof BigInt64Array ? values : BigInt64Array.from(values)
  return { dtype: 'DT_INT64', shape, values: array }
}

export function texts(shape: readonly number[], values: string[]): TextValue {
  return { dtype: 'DT_STRING', shape, values }
}

/** Integers of the type that a node asks for. */
export function integers(
  dtype: DataType,
  shape: readonly number[],
  values: readonly number[],
): Value {
  return dtype === 'DT_INT64' ? ints(shape, values.map(BigInt)) : numbers('DT_INT32', shape, values)
}

/** The elements at these positions, in a new shape. */
export function pick(from: Value, shape: readonly number[], at: readonly number[]): Value {
  switch (from.dtype) {
    case 'DT_STRING':
      return texts(
        shape,
        at.map((index) => from.values[index] ?? ''),
      )
    case 'DT_INT64':
      return ints(
        shape,
        at.map((index) => from.values[index] ?? 0n),
      )
    case 'DT_FLOAT':
    case 'DT_DOUBLE':
    case 'DT_INT32':
    case 'DT_BOOL':
      return numbers(
        from.dtype,
        shape,
        at.map((index) => from.values[index] ?? 0),
      )
  }
}

export function isSameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis])
}

/** The same elements in another shape. */
export function reshaped(value: Value, shape: readonly number[]): Value {
  return { ...value, shape }
}

/** Integers as numbers, whichever their type. Throws on another type. */
export function asIntegers(value: Value): number[] {
  if (value.dtype === 'DT_INT64') return Array.from(value.values, Number)
  if (value.dtype === 'DT_INT32') return Array.from(value.values)
  throw invalid(`${value.dtype} is no type of integers`)
}

/** The one integer of a scalar. */
export function asInteger(value: Value): number {
  const [only, ...more] = asIntegers(value)
  if (only === undefined || more.length > 0) throw invalid('one integer was expected')
  return only
}

export function asTexts(value: Value): string[] {
  if (value.dtype !== 'DT_STRING') throw invalid(`${value.dtype} is not text`)
  return value.values
}

/** An axis counted from the front. */
export function axisOf(axis: number, rank: number): number {
  const found = axis < 0 ? axis + rank : axis
  if (found < 0 || found >= rank) throw invalid(`there is no axis ${axis} in ${rank} dimensions`)
  return found
}
