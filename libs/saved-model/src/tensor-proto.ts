// TensorProto and TensorShapeProto: constants and shapes inside a graph.

import {
  bytesOf,
  bytesOfType,
  type DataType,
  isDataType,
  numberOfType,
  type NumericType,
  partsOf,
  sizeOf,
  type Tensor,
  tensorOfBuffer,
  typeOfNumber,
} from '@drover/serving-api'
import { SavedModelError } from './errors.ts'
import { readFields, type WireField, WireWriter } from './wire.ts'

/** What an empty text takes. */
const TEXT_BYTES = 16
/** TensorFlow's own limit. */
const RANK_MAX = 254

/** TensorFlow's name of an element type; undefined when no tensor of it is carried. */
export function dataTypeOf(number: bigint): DataType | undefined {
  const name = typeOfNumber(Number(number))
  return isDataType(name) ? name : undefined
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
  const writer = new WireWriter().varint(1, numberOfType(tensor.dtype))
  writer.message(2, writeShape(tensor.shape))
  if (tensor.dtype !== 'DT_STRING') return writer.bytes(4, bytesOf(tensor))
  for (const value of tensor.values) writer.bytes(8, value)
  return writer
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
  budget.take(sizeOf(shape) * (dtype === 'DT_STRING' ? TEXT_BYTES : bytesOfType(dtype)))
  if (dtype === 'DT_STRING') {
    const given = valuesOf(fields, 8, (field) => [new Uint8Array(field.bytes)])
    return { dtype, shape, values: fill(shape, given, [new Uint8Array()]) }
  }
  const content = fields.findLast((field) => field.number === 4)?.bytes
  return content !== undefined && content.length > 0
    ? fromContent(dtype, shape, content)
    : fromFields(dtype, shape, fields)
}

function fromContent(dtype: NumericType, shape: readonly number[], content: Uint8Array): Tensor {
  if (content.length !== sizeOf(shape) * bytesOfType(dtype))
    throw new SavedModelError(
      'NOT_A_SAVED_MODEL',
      `a constant does not fill its shape [${shape.join(', ')}]`,
    )
  // A copy, since typed arrays need an aligned start.
  return tensorOfBuffer(dtype, shape, new Uint8Array(content).buffer)
}

/** Values one by one; the last one stands for all that are left out. A value may have several parts. */
function fill<T>(shape: readonly number[], given: readonly T[], none: readonly T[]): T[] {
  const parts = none.length
  const size = sizeOf(shape) * parts
  if (given.length > size)
    throw new SavedModelError(
      'NOT_A_SAVED_MODEL',
      `a constant overfills its shape [${shape.join(', ')}]`,
    )
  const last = given.length < parts ? none : given.slice(-parts)
  const values = given.slice()
  while (values.length < size) values.push(...last)
  return values
}

function valuesOf<T>(
  fields: readonly WireField[],
  number: number,
  read: (field: WireField) => T[],
): T[] {
  return fields.flatMap((field) => (field.number === number ? read(field) : []))
}

/** The field of TensorProto that has the values of a type. */
const VALUE_FIELDS: Readonly<Record<NumericType, number>> = {
  DT_FLOAT: 5,
  DT_DOUBLE: 6,
  DT_INT32: 7,
  DT_INT16: 7,
  DT_INT8: 7,
  DT_UINT8: 7,
  DT_UINT16: 7,
  DT_COMPLEX64: 9,
  DT_INT64: 10,
  DT_BOOL: 11,
  DT_COMPLEX128: 12,
  DT_HALF: 13,
  DT_BFLOAT16: 13,
  DT_UINT32: 16,
  DT_UINT64: 17,
}

function fromFields(
  dtype: NumericType,
  shape: readonly number[],
  fields: readonly WireField[],
): Tensor {
  const tensor = tensorOfBuffer(dtype, shape, new ArrayBuffer(sizeOf(shape) * bytesOfType(dtype)))
  const number = VALUE_FIELDS[dtype]
  if (tensor.dtype === 'DT_INT64' || tensor.dtype === 'DT_UINT64')
    tensor.values.set(
      fill(
        shape,
        valuesOf(fields, number, ({ ints }) => ints),
        [0n],
      ),
    )
  else {
    const none = Array.from({ length: partsOf(dtype) }, () => 0)
    tensor.values.set(fill(shape, valuesOf(fields, number, numbersOf(dtype)), none))
  }
  return tensor
}

function numbersOf(dtype: NumericType): (field: WireField) => number[] {
  if (dtype === 'DT_FLOAT' || dtype === 'DT_COMPLEX64') return ({ floats }) => floats
  if (dtype === 'DT_DOUBLE' || dtype === 'DT_COMPLEX128') return ({ doubles }) => doubles
  return ({ ints }) => ints.map(Number)
}
