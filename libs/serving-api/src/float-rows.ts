// The answers of most models: one output of floats, in rows. They are written as bytes, with no text
// in between.

import { invalid } from './errors.ts'
import { FLOAT_BYTES_MAX, putFloat } from './number-text.ts'
import type { TensorOf } from './tensor.ts'

const HEAD = Buffer.from('{\n    "predictions": [')
const TAIL = Buffer.from('\n    ]\n}')
const TAIL_OF_NONE = Buffer.from(']\n}')
const COMMA_BYTES = 2

/** The body of an answer in rows whose only output has floats. Throws INVALID_ARGUMENT for a scalar. */
export function writeFloatRows(alias: string, { shape, values }: TensorOf<'DT_FLOAT'>): Buffer {
  const [rows] = shape
  if (rows === undefined) throw invalid(`Tensor name: ${alias} has no shape information `)
  const bytes = Buffer.allocUnsafe(
    HEAD.length + TAIL.length + values.length * (FLOAT_BYTES_MAX + COMMA_BYTES) + listBytes(shape),
  )
  bytes.set(HEAD)
  const writer = { bytes, shape, values, next: 0 }
  const end = putLists(writer, HEAD.length, 0)
  const tail = rows > 0 ? TAIL : TAIL_OF_NONE
  bytes.set(tail, end)
  return bytes.subarray(0, end + tail.length)
}

/** What brackets and the commas between lists take at most. */
function listBytes(shape: readonly number[]): number {
  let lists = 1
  let bytes = 0
  for (const size of shape.slice(0, -1)) {
    lists *= size
    bytes += lists * (2 + COMMA_BYTES)
  }
  return bytes
}

interface Writer {
  bytes: Uint8Array
  shape: readonly number[]
  values: Float32Array
  /** The value that is written next. */
  next: number
}

/** Writes the members of one list; where they end. */
function putLists(writer: Writer, from: number, dimension: number): number {
  const { bytes, shape, values } = writer
  const size = shape[dimension] ?? 0
  const isLast = dimension === shape.length - 1
  let at = from
  for (let index = 0; index < size; index++) {
    if (index > 0) {
      bytes[at++] = 0x2c
      bytes[at++] = 0x20
    }
    if (isLast) at = putFloat(bytes, at, values[writer.next++] ?? NaN)
    else {
      bytes[at++] = 0x5b
      at = putLists(writer, at, dimension + 1)
      bytes[at++] = 0x5d
    }
  }
  return at
}
