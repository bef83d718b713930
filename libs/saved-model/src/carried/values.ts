// Tensors of carried types, on their way in, on their way out, and after each operation.

import { type DataType, type NumericTensor, typeText } from '@drover/serving-api'
import { SavedModelError } from '../errors.ts'
import type { IntValue, NumberValue, Value } from '../values.ts'
import { bfloat16sOf, floatsOfBfloat16s, floatsOfHalves, halvesOf } from './sixteen-bits.ts'
import {
  type CarriedType,
  carriedShape,
  type ComplexType,
  isCarriedType,
  isComplexType,
} from './types.ts'

/** Types whose numbers a carrier may leave. */
export type NarrowType = Exclude<CarriedType, ComplexType | 'DT_UINT64'>

/** Whether a carried type is one of them. */
export const isNarrow = (type: CarriedType): type is NarrowType =>
  type !== 'DT_UINT64' && !isComplexType(type)

type ShortType = 'DT_INT8' | 'DT_INT16' | 'DT_UINT8' | 'DT_UINT16'

const SHORTS: ReadonlySet<CarriedType> = new Set<ShortType>([
  'DT_INT8',
  'DT_INT16',
  'DT_UINT8',
  'DT_UINT16',
])

type Widenable = Extract<NumericTensor, { dtype: CarriedType }>

/** A tensor of a carried type as its carrier has it. */
export function widened(tensor: Widenable): NumberValue | IntValue {
  const { shape } = tensor
  switch (tensor.dtype) {
    case 'DT_HALF':
      return { dtype: 'DT_FLOAT', shape, values: floatsOfHalves(tensor.values) }
    case 'DT_BFLOAT16':
      return { dtype: 'DT_FLOAT', shape, values: floatsOfBfloat16s(tensor.values) }
    case 'DT_INT8':
    case 'DT_INT16':
    case 'DT_UINT8':
    case 'DT_UINT16':
      return { dtype: 'DT_INT32', shape, values: new Int32Array(tensor.values) }
    case 'DT_UINT32':
      return { dtype: 'DT_INT64', shape, values: longsOf(tensor.values) }
    case 'DT_UINT64': {
      const { buffer, byteOffset, length } = tensor.values
      return { dtype: 'DT_INT64', shape, values: new BigInt64Array(buffer, byteOffset, length) }
    }
    case 'DT_COMPLEX64':
      return {
        dtype: 'DT_FLOAT',
        shape: carriedShape(tensor.dtype, shape),
        values: tensor.values,
      }
    case 'DT_COMPLEX128':
      return {
        dtype: 'DT_DOUBLE',
        shape: carriedShape(tensor.dtype, shape),
        values: tensor.values,
      }
  }
}

/** What a carrier has, as a tensor of the type that it carries. */
export function narrowed(value: Value, dtype: CarriedType): NumericTensor {
  if (value.dtype === 'DT_FLOAT') return floatsAs(value, dtype)
  if (value.dtype === 'DT_INT32' && isShort(dtype)) return shortsOf(value, dtype)
  if (value.dtype === 'DT_INT64') return longsAs(value, dtype)
  if (value.dtype === 'DT_DOUBLE' && dtype === 'DT_COMPLEX128')
    return { dtype, shape: value.shape.slice(0, -1), values: value.values }
  throw uncarried(value, dtype)
}

const uncarried = (value: Value, dtype: CarriedType): SavedModelError =>
  new SavedModelError('NOT_A_SAVED_MODEL', `${value.dtype} does not carry ${typeText(dtype)}`)

const isShort = (dtype: CarriedType): dtype is ShortType => SHORTS.has(dtype)

type Floats = Extract<NumberValue, { dtype: 'DT_FLOAT' }>
type Ints = Extract<NumberValue, { dtype: 'DT_INT32' }>

function floatsAs(value: Floats, dtype: CarriedType): NumericTensor {
  const { shape, values } = value
  if (dtype === 'DT_HALF') return { dtype, shape, values: halvesOf(values) }
  if (dtype === 'DT_BFLOAT16') return { dtype, shape, values: bfloat16sOf(values) }
  if (dtype === 'DT_COMPLEX64') return { dtype, shape: shape.slice(0, -1), values }
  throw uncarried(value, dtype)
}

/** Arrays of integers take the lower bits of what they are given. */
function shortsOf({ shape, values }: Ints, dtype: ShortType): NumericTensor {
  switch (dtype) {
    case 'DT_INT8':
      return { dtype, shape, values: new Int8Array(values) }
    case 'DT_INT16':
      return { dtype, shape, values: new Int16Array(values) }
    case 'DT_UINT8':
      return { dtype, shape, values: new Uint8Array(values) }
    case 'DT_UINT16':
      return { dtype, shape, values: new Uint16Array(values) }
  }
}

function longsAs(value: IntValue, dtype: CarriedType): NumericTensor {
  const { shape, values } = value
  if (dtype === 'DT_UINT32') return { dtype, shape, values: lowerHalves(values) }
  const { buffer, byteOffset, length } = values
  if (dtype === 'DT_UINT64')
    return { dtype, shape, values: new BigUint64Array(buffer, byteOffset, length) }
  throw uncarried(value, dtype)
}

/** By halves: each BigInt that is made takes longer than all the rest. */
function lowerHalves({ buffer, byteOffset, length }: BigInt64Array): Uint32Array {
  const halves = new Uint32Array(buffer, byteOffset, 2 * length)
  const lower = new Uint32Array(length)
  for (let at = 0; at < length; at++) lower[at] = halves[2 * at] ?? 0
  return lower
}

function longsOf(lower: Uint32Array): BigInt64Array<ArrayBuffer> {
  const longs = new BigInt64Array(lower.length)
  const halves = new Uint32Array(longs.buffer)
  for (let at = 0; at < lower.length; at++) halves[2 * at] = lower[at] ?? 0
  return longs
}

/** Whether a tensor is of a type that another one carries. */
export const isWidenable = (tensor: { dtype: DataType }): tensor is Widenable =>
  isCarriedType(tensor.dtype)

/** A carrier's numbers brought back to what the type can hold: rounded, or without the bits over its own. */
export function rounded(value: Value, dtype: NarrowType): Value {
  const narrow = narrowed(value, dtype)
  if (!isWidenable(narrow)) throw uncarried(value, dtype)
  return widened(narrow)
}
