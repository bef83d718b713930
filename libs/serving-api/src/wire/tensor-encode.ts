// TensorProto into its bytes, as TensorFlow's `AsProtoField` and `AsProtoTensorContent` make them.

import { numberOfType } from '../element-types.ts'
import { atOnce, type Steps } from '../steps.ts'
import { bytesOf, type NumericTensor, sizeOf, type Tensor, type TensorOf } from '../tensor.ts'
import { NOTHING, WireType } from './reader.ts'
import { LAYOUTS, TensorField } from './tensor-fields.ts'
import { fieldSize, halvesSize, varintSize, WireWriter } from './writer.ts'

/** What is done between two places where others may have their turn. */
const VALUES_A_STEP = 2_048
const BYTES_A_STEP = 128 * 1024

/** A TensorProto by itself, its values as lists. */
export function encodeTensorProto(tensor: Tensor): Uint8Array {
  const measured = atOnce(measureTensor(tensor, false))
  const writer = new WireWriter(measured.size)
  atOnce(writeTensor(writer, measured))
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
export function* measureTensor(tensor: Tensor, asContent: boolean): Steps<MeasuredTensor> {
  let shapeSize = 0
  for (const size of tensor.shape) shapeSize += fieldSize(2, dimensionSize(size))
  const valuesSize = yield* measureValues(tensor, asContent)
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
export function* writeTensor(writer: WireWriter, measured: MeasuredTensor): Steps<void> {
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
  if (tensor.dtype === 'DT_STRING') return yield* writeTexts(writer, tensor, measured)
  const { field, kind } = LAYOUTS[tensor.dtype]
  writer.head(asContent ? TensorField.CONTENT : field, valuesSize)
  if (asContent || kind === 'fixed') yield* writeBytes(writer, bytesOf(tensor))
  else yield* writeNumbers(writer, tensor)
}

function* measureValues(tensor: Tensor, asContent: boolean): Steps<number> {
  if (tensor.dtype === 'DT_STRING') return yield* measureTexts(tensor, asContent)
  const isFixed = asContent || LAYOUTS[tensor.dtype].kind === 'fixed'
  return isFixed ? tensor.values.byteLength : yield* measureNumbers(tensor)
}

function* measureTexts({ values }: TensorOf<'DT_STRING'>, asContent: boolean): Steps<number> {
  let size = 0
  for (let index = 0; index < values.length; index++) {
    if (index % VALUES_A_STEP === VALUES_A_STEP - 1) yield
    const { length } = values[index] ?? NOTHING
    size += asContent ? varintSize(length) + length : fieldSize(TensorField.STRING, length)
  }
  return size
}

function* writeTexts(
  writer: WireWriter,
  { values }: TensorOf<'DT_STRING'>,
  { asContent, valuesSize }: MeasuredTensor,
): Steps<void> {
  if (asContent) {
    writer.head(TensorField.CONTENT, valuesSize)
    yield* writeLengths(writer, values)
  }
  for (let index = 0; index < values.length; index++) {
    if (index % VALUES_A_STEP === VALUES_A_STEP - 1) yield
    const text = values[index] ?? NOTHING
    if (!asContent) writer.head(TensorField.STRING, text.length)
    if (text.length <= BYTES_A_STEP) writer.raw(text)
    else yield* writeBytes(writer, text)
  }
}

function* writeLengths(writer: WireWriter, texts: readonly Uint8Array[]): Steps<void> {
  for (let index = 0; index < texts.length; index++) {
    if (index % VALUES_A_STEP === VALUES_A_STEP - 1) yield
    writer.varint(texts[index]?.length ?? 0)
  }
}

function* writeBytes(writer: WireWriter, bytes: Uint8Array): Steps<void> {
  if (bytes.length <= BYTES_A_STEP) return writer.raw(bytes)
  for (let at = 0; at < bytes.length; at += BYTES_A_STEP) {
    writer.raw(bytes.subarray(at, at + BYTES_A_STEP))
    yield
  }
}

/** The lower halves of whole numbers of 64 bits, each before its upper half. */
const halvesOf = ({ buffer, byteOffset, length }: BigInt64Array | BigUint64Array): Uint32Array =>
  new Uint32Array(buffer, byteOffset, length * 2)

const isLong = (values: NumericTensor['values']): values is BigInt64Array | BigUint64Array =>
  values instanceof BigInt64Array || values instanceof BigUint64Array

/** What stands above a whole number of 32 bits. */
const signOf = (value: number): number => (value < 0 ? 2 ** 32 - 1 : 0)

function* measureNumbers({ values }: NumericTensor): Steps<number> {
  let size = 0
  if (isLong(values)) {
    const halves = halvesOf(values)
    for (let index = 0; index < halves.length; index += 2) {
      if (index % VALUES_A_STEP === 0 && index > 0) yield
      size += halvesSize(halves[index] ?? 0, halves[index + 1] ?? 0)
    }
    return size
  }
  for (let index = 0; index < values.length; index++) {
    if (index % VALUES_A_STEP === VALUES_A_STEP - 1) yield
    const value = values[index] ?? 0
    size += halvesSize(value, signOf(value))
  }
  return size
}

function* writeNumbers(writer: WireWriter, { values }: NumericTensor): Steps<void> {
  if (isLong(values)) {
    const halves = halvesOf(values)
    for (let index = 0; index < halves.length; index += 2) {
      if (index % VALUES_A_STEP === 0 && index > 0) yield
      writer.halves(halves[index] ?? 0, halves[index + 1] ?? 0)
    }
    return
  }
  for (let index = 0; index < values.length; index++) {
    if (index % VALUES_A_STEP === VALUES_A_STEP - 1) yield
    const value = values[index] ?? 0
    writer.halves(value, signOf(value))
  }
}
