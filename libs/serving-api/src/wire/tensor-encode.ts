// TensorProto into its bytes, as TensorFlow's `AsProtoField` and `AsProtoTensorContent` make them.

import { numberOfType } from '../element-types.ts'
import { bytesOf, sizeOf, type Tensor, type TensorOf } from '../tensor.ts'
import { WireType } from './reader.ts'
import { LAYOUTS, TensorField } from './tensor-fields.ts'
import { fieldSize, int64Size, varintSize, WireWriter } from './writer.ts'

/** A TensorProto by itself, its values as lists. */
export function encodeTensorProto(tensor: Tensor): Uint8Array {
  const measured = measureTensor(tensor, false)
  const writer = new WireWriter(measured.size)
  writeTensor(writer, measured)
  return writer.bytes
}

/** A tensor whose size as a message has been counted. */
export interface MeasuredTensor {
  tensor: Tensor
  asContent: boolean
  /** The bytes of the whole TensorProto, and of its shape and its values in it. */
  size: number
  shapeSize: number
  valuesSize: number
}

/** Counts the bytes of a TensorProto; with `asContent` its values are one piece of bytes. */
export function measureTensor(tensor: Tensor, asContent: boolean): MeasuredTensor {
  let shapeSize = 0
  for (const size of tensor.shape) shapeSize += fieldSize(2, dimensionSize(size))
  const valuesSize = asContent ? contentSize(tensor) : listSize(tensor)
  const size =
    1 +
    varintSize(numberOfType(tensor.dtype)) +
    fieldSize(TensorField.SHAPE, shapeSize) +
    wholeSize(tensor, valuesSize, asContent)
  return { tensor, asContent, size, shapeSize, valuesSize }
}

/** Of the field or the fields that hold the values. */
function wholeSize({ dtype, shape }: Tensor, valuesSize: number, asContent: boolean): number {
  if (sizeOf(shape) === 0) return 0
  if (asContent) return fieldSize(TensorField.CONTENT, valuesSize)
  // Strings are a field each, heads included.
  return dtype === 'DT_STRING' ? valuesSize : fieldSize(LAYOUTS[dtype].field, valuesSize)
}

const dimensionSize = (size: number): number => (size === 0 ? 0 : 1 + varintSize(size))

/** Writes the fields of a TensorProto. */
export function writeTensor(writer: WireWriter, measured: MeasuredTensor): void {
  const { tensor, asContent, shapeSize, valuesSize } = measured
  writer.tag(TensorField.DTYPE, WireType.VARINT)
  writer.varint(numberOfType(tensor.dtype))
  writer.head(TensorField.SHAPE, shapeSize)
  for (const size of tensor.shape) {
    writer.head(2, dimensionSize(size))
    if (size === 0) continue
    writer.tag(1, WireType.VARINT)
    writer.varint(size)
  }
  if (sizeOf(tensor.shape) === 0) return
  if (asContent) {
    writer.head(TensorField.CONTENT, valuesSize)
    writeContent(writer, tensor)
  } else writeList(writer, tensor, valuesSize)
}

function contentSize(tensor: Tensor): number {
  if (tensor.dtype !== 'DT_STRING') return tensor.values.byteLength
  return tensor.values.reduce((sum, { length }) => sum + varintSize(length) + length, 0)
}

function writeContent(writer: WireWriter, tensor: Tensor): void {
  if (tensor.dtype !== 'DT_STRING') return writer.raw(bytesOf(tensor))
  for (const { length } of tensor.values) writer.varint(length)
  for (const text of tensor.values) writer.raw(text)
}

function listSize(tensor: Tensor): number {
  if (tensor.dtype === 'DT_STRING')
    return tensor.values.reduce((sum, { length }) => sum + fieldSize(TensorField.STRING, length), 0)
  if (LAYOUTS[tensor.dtype].kind === 'fixed') return tensor.values.byteLength
  let size = 0
  for (const value of tensor.values) size += int64Size(value)
  return size
}

function writeList(writer: WireWriter, tensor: Tensor, size: number): void {
  if (tensor.dtype === 'DT_STRING') return writeTexts(writer, tensor)
  const { field, kind } = LAYOUTS[tensor.dtype]
  writer.head(field, size)
  if (kind === 'fixed') writer.raw(bytesOf(tensor))
  else for (const value of tensor.values) writer.int64(value)
}

function writeTexts(writer: WireWriter, { values }: TensorOf<'DT_STRING'>): void {
  for (const text of values) {
    writer.head(TensorField.STRING, text.length)
    writer.raw(text)
  }
}
