// Tensors as the kernels see them: like those of requests, but strings are text.

import { sizeOf, type Tensor, type TensorOf, type TypeName } from '@drover/serving-api'
import { decodeText, encodeText } from './bytes-as-text.ts'
import type { CarriedType } from './carried/types.ts'
import { narrowed, widened } from './carried/values.ts'
import { SavedModelError } from './errors.ts'
import { longsOf, numbersOf } from './longs.ts'

/** More elements than this no kernel makes: a few bytes of a request must not take all memory. */
const ELEMENTS_MAX = 2 ** 27

export interface TextValue {
  dtype: 'DT_STRING'
  shape: readonly number[]
  /** A byte that is no UTF-8 stands as the lone surrogate U+DC00 + byte, so that none is lost. */
  values: string[]
}

/** The element types that are translated; TensorFlow runs what has others. */
export const VALUE_TYPES = [
  'DT_FLOAT',
  'DT_DOUBLE',
  'DT_INT32',
  'DT_STRING',
  'DT_INT64',
  'DT_BOOL',
] as const
export type ValueType = (typeof VALUE_TYPES)[number]

/** Whether an element type is translated. */
export const isValueType = (dtype: TypeName): dtype is ValueType =>
  VALUE_TYPES.some((each) => each === dtype)

export type IntValue = TensorOf<'DT_INT64'>
export type NumberType = Exclude<ValueType, 'DT_STRING' | 'DT_INT64'>
export type NumberValue = { [D in NumberType]: TensorOf<D> }[NumberType]
export type Value = NumberValue | IntValue | TextValue

/** As the types have it that carry others. */
export function toValue(tensor: Tensor): Value {
  if (tensor.dtype === 'DT_STRING')
    return { dtype: 'DT_STRING', shape: tensor.shape, values: tensor.values.map(decodeText) }
  return isNumeric(tensor) ? tensor : widened(tensor)
}

const isNumeric = (tensor: Tensor): tensor is NumberValue | IntValue =>
  tensor.dtype !== 'DT_STRING' && isValueType(tensor.dtype)

/** Of the type that is carried, where there is one. Texts that are equal, as labels are, have their bytes in common. */
export function toTensor(value: Value, carries?: CarriedType): Tensor {
  if (carries !== undefined) return narrowed(value, carries)
  if (value.dtype !== 'DT_STRING') return value
  const { dtype, shape, values } = value
  const known = new Map<string, Uint8Array>()
  const encode = (text: string): Uint8Array => {
    const bytes = known.get(text) ?? encodeText(text)
    known.set(text, bytes)
    return bytes
  }
  return { dtype, shape, values: values.map(values.length > 1 ? encode : encodeText) }
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
  dtype: ValueType,
  shape: readonly number[],
  values: readonly number[] | Float64Array,
): Value {
  return dtype === 'DT_INT64' ? ints(shape, longsOf(values)) : numbers('DT_INT32', shape, values)
}

/** A tensor of zeros, or of empty texts. */
export function zeros(dtype: ValueType, shape: readonly number[]): Value {
  const count = countOf(shape)
  switch (dtype) {
    case 'DT_FLOAT':
      return { dtype, shape, values: new Float32Array(count) }
    case 'DT_DOUBLE':
      return { dtype, shape, values: new Float64Array(count) }
    case 'DT_INT32':
      return { dtype, shape, values: new Int32Array(count) }
    case 'DT_BOOL':
      return { dtype, shape, values: new Uint8Array(count) }
    case 'DT_INT64':
      return { dtype, shape, values: new BigInt64Array(count) }
    case 'DT_STRING':
      return { dtype, shape, values: Array.from({ length: count }, () => '') }
  }
}

/** The elements at these positions, in a new shape. */
export function pick(from: Value, shape: readonly number[], at: ArrayLike<number>): Value {
  const picked = zeros(from.dtype, shape)
  if (from.dtype === 'DT_STRING' && picked.dtype === 'DT_STRING')
    pickInto(picked.values, from.values, at)
  else if (from.dtype === 'DT_INT64' && picked.dtype === 'DT_INT64')
    pickInto(picked.values, from.values, at)
  else if (from.dtype === 'DT_FLOAT' && picked.dtype === 'DT_FLOAT')
    pickInto(picked.values, from.values, at)
  else if (isNumber(from) && isNumber(picked)) pickInto(picked.values, from.values, at)
  return picked
}

function pickInto<T>(to: { [index: number]: T }, from: ArrayLike<T>, at: ArrayLike<number>): void {
  for (let index = 0; index < at.length; index++) {
    const value = from[at[index] ?? 0]
    if (value !== undefined) to[index] = value
  }
}

/** Fewer elements are copied faster one by one. */
const BLOCK_ELEMENTS = 32

/** Copies elements that are next to each other; both tensors are of one type. */
export function copyInto(
  to: { value: Value; at: number },
  from: { value: Value; at: number },
  length: number,
): void {
  const target = to.value
  const source = from.value
  if (target.dtype === 'DT_STRING' && source.dtype === 'DT_STRING')
    copyEach<string>(target.values, to.at, { values: source.values, at: from.at, length })
  else if (target.dtype === 'DT_INT64' && source.dtype === 'DT_INT64')
    if (length < BLOCK_ELEMENTS)
      copyEach<bigint>(target.values, to.at, { values: source.values, at: from.at, length })
    else target.values.set(source.values.subarray(from.at, from.at + length), to.at)
  else if (isNumber(target) && isNumber(source))
    if (length < BLOCK_ELEMENTS)
      copyEach<number>(target.values, to.at, { values: source.values, at: from.at, length })
    else target.values.set(source.values.subarray(from.at, from.at + length), to.at)
}

function copyEach<T>(
  to: { [index: number]: T },
  at: number,
  from: { values: ArrayLike<T>; at: number; length: number },
): void {
  for (let index = 0; index < from.length; index++) {
    const value = from.values[from.at + index]
    if (value !== undefined) to[at + index] = value
  }
}

/** Whether the elements are JavaScript's numbers. */
export const isNumber = (value: Value): value is NumberValue =>
  value.dtype !== 'DT_STRING' && value.dtype !== 'DT_INT64'

/** How far apart neighbours along each axis are. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides: number[] = []
  let stride = 1
  for (const size of shape.toReversed()) {
    strides.unshift(stride)
    stride *= size
  }
  return strides
}

/** Where the elements of a view are that begins at `start` and has these strides, in row-major order. */
export function positionsOf(
  shape: readonly number[],
  strides: readonly number[],
  start = 0,
): Int32Array {
  const positions = new Int32Array(countOf(shape))
  const index = shape.map(() => 0)
  let position = start
  for (let at = 0; at < positions.length; at++) {
    positions[at] = position
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const [next, stride] = [(index[axis] ?? 0) + 1, strides[axis] ?? 0]
      const size = shape[axis] ?? 1
      index[axis] = next < size ? next : 0
      position += next < size ? stride : stride * (1 - size)
      if (next < size) break
    }
  }
  return positions
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
  if (value.dtype !== 'DT_INT64' && value.dtype !== 'DT_INT32')
    throw invalid(`${value.dtype} is no type of integers`)
  if (value.dtype === 'DT_INT64') return numbersOf(value.values)
  const found: number[] = []
  for (const each of value.values) found.push(each)
  return found
}

/** The one integer of a scalar. */
export function asInteger(value: Value): number {
  const [only, ...more] = asIntegers(value)
  if (only === undefined || more.length > 0) throw invalid('one integer was expected')
  return only
}

/** The same where TensorFlow wants a scalar, and no tensor of more dimensions that has one. */
export function integerOfScalar(value: Value, name: string): number {
  const { shape } = value
  if (shape.length > 0) throw invalid(`${name} should be a scalar, not shape [${shape.join()}]`)
  return asInteger(value)
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

/** The same, its numbers in an array of their own. */
export function copied(value: Value): Value {
  switch (value.dtype) {
    case 'DT_STRING':
      return value
    case 'DT_FLOAT':
      return { ...value, values: value.values.slice() }
    case 'DT_DOUBLE':
      return { ...value, values: value.values.slice() }
    case 'DT_INT32':
      return { ...value, values: value.values.slice() }
    case 'DT_INT64':
      return { ...value, values: value.values.slice() }
    case 'DT_BOOL':
      return { ...value, values: value.values.slice() }
  }
}
