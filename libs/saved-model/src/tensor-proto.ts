// TensorProto and TensorShapeProto: constants and shapes inside a graph.

import { DataType, sizeOf, type Tensor } from '@drover/serving-api'
import { SavedModelError } from './errors.ts'
import { readFields, type WireField, WireWriter } from './wire.ts'

const BYTES_PER_VALUE: Record<DataType, number> = {
  DT_FLOAT: 4,
  DT_DOUBLE: 8,
  DT_INT32: 4,
  DT_STRING: 16,
  DT_INT64: 8,
  DT_BOOL: 1,
}
const RANK_MAX = 32
const DATA_TYPES = [
  'DT_FLOAT',
  'DT_DOUBLE',
  'DT_INT32',
  'DT_STRING',
  'DT_INT64',
  'DT_BOOL',
] as const satisfies DataType[]

/** TensorFlow's name of an element type; undefined when it is not carried. */
export function dataTypeOf(number: bigint): DataType | undefined {
  return DATA_TYPES.find((name) => BigInt(DataType[name]) === number)
}

/** What constants may take in memory beyond their own bytes: a repeated value takes few in the file. */
export class Budget {
  #left: number

  constructor(bytes: number) {
    this.#left = bytes
  }

  take(bytes: number): void {
    this.#left -= bytes
    if (!(this.#left >= 0))
      throw new SavedModelError('TOO_LARGE', 'the constants of the graph do not fit in memory')
  }
}

export function writeShape(shape: readonly number[] | undefined): WireWriter {
  const writer = new WireWriter()
  if (shape === undefined) return writer.varint(3, 1)
  for (const size of shape) writer.message(2, new WireWriter().varint(1, size))
  return writer
}

/** Undefined for an unknown rank. */
export function readShape(bytes: Uint8Array): number[] | undefined {
  const shape: number[] = []
  let isKnown = true
  for (const field of readFields(bytes)) {
    if (field.number === 3) isKnown = field.int === 0n
    if (field.number === 2) shape.push(readDimension(field.bytes))
    if (shape.length > RANK_MAX)
      throw new SavedModelError('TOO_LARGE', `a shape has more than ${RANK_MAX} dimensions`)
  }
  return isKnown ? shape : undefined
}

function readDimension(bytes: Uint8Array): number {
  let size = 0
  for (const field of readFields(bytes)) if (field.number === 1) size = Number(field.int)
  return size
}

export function writeTensor(tensor: Tensor): WireWriter {
  const writer = new WireWriter().varint(1, DataType[tensor.dtype])
  writer.message(2, writeShape(tensor.shape))
  if (tensor.dtype === 'DT_STRING') {
    for (const value of tensor.values) writer.bytes(8, value)
    return writer
  }
  const { buffer, byteOffset, byteLength } = tensor.values
  return writer.bytes(4, new Uint8Array(buffer, byteOffset, byteLength))
}

/** Undefined when the element type is not carried. */
export function readTensor(bytes: Uint8Array, budget: Budget): Tensor | undefined {
  const fields = [...readFields(bytes)]
  const dtype = dataTypeOf(fields.findLast((field) => field.number === 1)?.int ?? 0n)
  if (dtype === undefined) return undefined
  const shapeField = fields.findLast((field) => field.number === 2)
  const shape = shapeField === undefined ? [] : readShape(shapeField.bytes)
  if (shape === undefined || shape.some((size) => size < 0 || !Number.isSafeInteger(size)))
    throw new SavedModelError('NOT_A_SAVED_MODEL', 'a constant has no definite shape')
  const size = sizeOf(shape)
  budget.take(size * BYTES_PER_VALUE[dtype])
  const content = fields.findLast((field) => field.number === 4)?.bytes
  return content !== undefined && content.length > 0 && dtype !== 'DT_STRING'
    ? fromContent(dtype, shape, content)
    : fromFields(dtype, shape, fields)
}

function fromContent(
  dtype: Exclude<DataType, 'DT_STRING'>,
  shape: readonly number[],
  content: Uint8Array,
): Tensor {
  if (content.length !== sizeOf(shape) * BYTES_PER_VALUE[dtype])
    throw new SavedModelError(
      'NOT_A_SAVED_MODEL',
      `a constant does not fill its shape [${shape.join(', ')}]`,
    )
  // A copy, since typed arrays need an aligned start.
  const { buffer } = Uint8Array.from(content)
  switch (dtype) {
    case 'DT_FLOAT':
      return { dtype, shape, values: new Float32Array(buffer) }
    case 'DT_DOUBLE':
      return { dtype, shape, values: new Float64Array(buffer) }
    case 'DT_INT32':
      return { dtype, shape, values: new Int32Array(buffer) }
    case 'DT_INT64':
      return { dtype, shape, values: new BigInt64Array(buffer) }
    case 'DT_BOOL':
      return { dtype, shape, values: new Uint8Array(buffer) }
  }
}

/** Values one by one; the last one stands for all that are left out. */
function fill<T>(shape: readonly number[], given: readonly T[], none: T): T[] {
  const size = sizeOf(shape)
  if (given.length > size)
    throw new SavedModelError(
      'NOT_A_SAVED_MODEL',
      `a constant overfills its shape [${shape.join(', ')}]`,
    )
  return Array.from({ length: size }, (_, index) => given[index] ?? given.at(-1) ?? none)
}

function fromFields(
  dtype: DataType,
  shape: readonly number[],
  fields: readonly WireField[],
): Tensor {
  const valuesOf = <T>(number: number, read: (field: WireField) => T[]): T[] =>
    fields.flatMap((field) => (field.number === number ? read(field) : []))
  const intsOf = (number: number): bigint[] => valuesOf(number, (field) => field.ints)
  switch (dtype) {
    case 'DT_FLOAT': {
      const given = valuesOf(5, (field) => field.floats)
      return { dtype, shape, values: Float32Array.from(fill(shape, given, 0)) }
    }
    case 'DT_DOUBLE': {
      const given = valuesOf(6, (field) => field.doubles)
      return { dtype, shape, values: Float64Array.from(fill(shape, given, 0)) }
    }
    case 'DT_INT32':
      return { dtype, shape, values: Int32Array.from(fill(shape, intsOf(7).map(Number), 0)) }
    case 'DT_INT64':
      return { dtype, shape, values: BigInt64Array.from(fill(shape, intsOf(10), 0n)) }
    case 'DT_BOOL':
      return { dtype, shape, values: Uint8Array.from(fill(shape, intsOf(11).map(Number), 0)) }
    case 'DT_STRING': {
      const given = valuesOf(8, (field) => [Uint8Array.from(field.bytes)])
      return { dtype, shape, values: fill(shape, given, new Uint8Array()) }
    }
  }
}
