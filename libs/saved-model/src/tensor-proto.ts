// TensorProto and TensorShapeProto: constants and shapes inside a graph.

import {
  bytesOf,
  bytesOfType,
  type DataType,
  isDataType,
  numberOfType,
  type NumericType,
  partsOf,
  RANK_MAX,
  sizeOf,
  type Tensor,
  tensorOfBuffer,
  typeOfNumber,
} from '@drover/serving-api'
import type { Budget } from './budget.ts'
import { SavedModelError } from './errors.ts'
import { FIELDS } from './generated/fields.ts'
import { fieldsOf, type Message, readerOf, WireWriter } from './wire.ts'

/** What a text takes beside its bytes, and its place among others. */
const [TEXT_BYTES, PLACE_BYTES] = [128, 8]
const { TensorProto: TENSOR, TensorShapeProto: SHAPE } = FIELDS
const { size: SIZE } = FIELDS.TensorShapeProto_Dim

/** TensorFlow's name of an element type; undefined when no tensor of it is carried. */
export function dataTypeOf(number: bigint): DataType | undefined {
  const name = typeOfNumber(Number(number))
  return isDataType(name) ? name : undefined
}

export function writeShape(shape: readonly number[] | undefined): WireWriter {
  const writer = new WireWriter()
  if (shape === undefined) return writer.varint(SHAPE.unknown_rank, 1)
  for (const size of shape) writer.message(SHAPE.dim, new WireWriter().varint(SIZE, size))
  return writer
}

/** Undefined for an unknown rank. */
export function readShape(message: Message): number[] | undefined {
  const shape: number[] = []
  let isKnown = true
  const field = readerOf(message)
  while (field.next()) {
    if (field.number === SHAPE.unknown_rank) isKnown = field.int === 0n
    if (field.number === SHAPE.dim) shape.push(readDimension(field))
    if (shape.length > RANK_MAX)
      throw new SavedModelError('TOO_LARGE', `a shape has more than ${RANK_MAX} dimensions`)
  }
  return isKnown ? shape : undefined
}

function readDimension(message: Message): number {
  let size = 0
  const field = readerOf(message)
  while (field.next()) if (field.number === SIZE) size = Number(field.int)
  return size
}

export function writeTensor(tensor: Tensor): WireWriter {
  const writer = new WireWriter().varint(TENSOR.dtype, numberOfType(tensor.dtype))
  writer.message(TENSOR.tensor_shape, writeShape(tensor.shape))
  if (tensor.dtype !== 'DT_STRING') return writer.bytes(TENSOR.tensor_content, bytesOf(tensor))
  for (const value of tensor.values) writer.bytes(TENSOR.string_val, value)
  return writer
}

/** Whether a tensor can have it. Each dimension by itself too: TensorFlow refuses [2 ** 62, 2 ** 62, 0]. */
export function isCountable(shape: readonly number[]): boolean {
  let count = 1
  for (const size of shape) {
    count *= size
    if (size < 0 || !Number.isSafeInteger(size) || !Number.isSafeInteger(count)) return false
  }
  return true
}

/** What a tensor is, without its values one by one. */
interface Head {
  dtype: DataType | undefined
  shape: number[] | undefined
  content: Uint8Array | undefined
}

function readHead(message: Message): Head {
  const head: Head = { dtype: undefined, shape: [], content: undefined }
  const field = readerOf(message)
  while (field.next()) {
    if (field.number === TENSOR.dtype) head.dtype = dataTypeOf(field.int)
    if (field.number === TENSOR.tensor_shape) head.shape = readShape(field)
    if (field.number === TENSOR.tensor_content) head.content = field.bytes
  }
  return head
}

/** Undefined when the element type is not carried. `what` names whose value it is. */
export function readTensor(
  message: Message,
  budget: Budget,
  what: () => string,
): Tensor | undefined {
  const { dtype, shape, content } = readHead(message)
  if (dtype === undefined) return undefined
  if (shape === undefined || !isCountable(shape))
    throw unfit(what, `no shape that a tensor can have: ${shape ? textOfShape(shape) : 'unknown'}`)
  const count = sizeOf(shape)
  budget.take(count * (dtype === 'DT_STRING' ? PLACE_BYTES : bytesOfType(dtype)), what)
  if (dtype === 'DT_STRING') {
    budget.take(countTexts(message) * TEXT_BYTES, what)
    return { dtype, shape, values: readTexts(message, shape, what) }
  }
  if (content === undefined || content.length === 0) return fromFields(message, dtype, shape, what)
  if (content.length !== count * bytesOfType(dtype))
    throw unfit(what, `a value that does not fill its shape ${textOfShape(shape)}`)
  // A copy, since typed arrays need an aligned start.
  return tensorOfBuffer(dtype, shape, new Uint8Array(content).buffer)
}

const unfit = (what: () => string, has: string): SavedModelError =>
  new SavedModelError('NOT_A_SAVED_MODEL', `${what()} has ${has}`)

const overfull = (what: () => string, shape: readonly number[]): SavedModelError =>
  unfit(what, `a value that overfills its shape ${textOfShape(shape)}`)

const textOfShape = (shape: readonly number[]): string => `[${shape.join(', ')}]`

function countTexts(message: Message): number {
  let count = 0
  const field = readerOf(message)
  while (field.next()) if (field.number === TENSOR.string_val) count++
  return count
}

/** Texts one by one; the last one stands for all that are left out. */
function readTexts(message: Message, shape: readonly number[], what: () => string): Uint8Array[] {
  const values = Array.from({ length: sizeOf(shape) }, () => NO_TEXT)
  const given = put(values, texts(message))
  if (given > values.length) throw overfull(what, shape)
  return given > 0 ? values.fill(values[given - 1] ?? NO_TEXT, given) : values
}

const NO_TEXT = new Uint8Array()

function* texts(message: Message): Generator<Uint8Array> {
  for (const field of fieldsOf(message, TENSOR.string_val)) yield new Uint8Array(field.bytes)
}

/** Places values one by one, until there is no place left; gives how many there are, or one more. */
function put<T>(places: { readonly length: number; [at: number]: T }, given: Iterable<T>): number {
  let at = 0
  for (const value of given) {
    if (at === places.length) return at + 1
    places[at++] = value
  }
  return at
}

/** The field of TensorProto that has the values of a type. */
const VALUE_FIELDS: Readonly<Record<NumericType, number>> = {
  DT_FLOAT: TENSOR.float_val,
  DT_DOUBLE: TENSOR.double_val,
  DT_INT32: TENSOR.int_val,
  DT_INT16: TENSOR.int_val,
  DT_INT8: TENSOR.int_val,
  DT_UINT8: TENSOR.int_val,
  DT_UINT16: TENSOR.int_val,
  DT_COMPLEX64: TENSOR.scomplex_val,
  DT_INT64: TENSOR.int64_val,
  DT_BOOL: TENSOR.bool_val,
  DT_COMPLEX128: TENSOR.dcomplex_val,
  DT_HALF: TENSOR.half_val,
  DT_BFLOAT16: TENSOR.half_val,
  DT_UINT32: TENSOR.uint32_val,
  DT_UINT64: TENSOR.uint64_val,
}

/** Values one by one; the last one stands for all that are left out. A value may have several parts. */
function fromFields(
  message: Message,
  dtype: NumericType,
  shape: readonly number[],
  what: () => string,
): Tensor {
  const parts = partsOf(dtype)
  const empty = () =>
    tensorOfBuffer(dtype, shape, new ArrayBuffer(sizeOf(shape) * bytesOfType(dtype)))
  const tensor = empty()
  const { values } = tensor
  const isLong = tensor.dtype === 'DT_INT64' || tensor.dtype === 'DT_UINT64'
  const given = isLong
    ? put(tensor.values, longsIn(message, dtype))
    : put(tensor.values, numbersIn(message, dtype))
  if (given > values.length) throw overfull(what, shape)
  // A value of which only a part is there is none, as for TensorFlow.
  const whole = given - (given % parts)
  if (whole === 0) return empty()
  for (let at = whole; at < values.length; at++) values[at] = values[at - parts] ?? 0
  return tensor
}

function* longsIn(message: Message, dtype: NumericType): Generator<bigint> {
  for (const field of fieldsOf(message, VALUE_FIELDS[dtype])) yield* field.ints()
}

function* numbersIn(message: Message, dtype: NumericType): Generator<number> {
  for (const field of fieldsOf(message, VALUE_FIELDS[dtype])) {
    if (dtype === 'DT_FLOAT' || dtype === 'DT_COMPLEX64') yield* field.floats()
    else if (dtype === 'DT_DOUBLE' || dtype === 'DT_COMPLEX128') yield* field.doubles()
    else if (dtype === 'DT_BOOL') for (const value of field.ints()) yield value === 0n ? 0 : 1
    else for (const value of field.ints()) yield Number(value)
  }
}
