// The answers of most models: one output of floats, in rows. They are written as bytes, with no text
// in between.

import { invalid } from './errors.ts'
import { FLOAT_BYTES_MAX, putFloat } from './number-text.ts'
import type { TensorOf } from './tensor.ts'
import type { Steps } from './steps.ts'

const HEAD = Buffer.from('{\n    "predictions": [')
const TAIL = Buffer.from('\n    ]\n}')
const TAIL_OF_NONE = Buffer.from(']\n}')
const COMMA_BYTES = 2
/** Values that are written between two pauses; one row is written at once. */
const VALUES_A_STEP = 2_000

/** The body of an answer in rows whose only output has floats. Throws INVALID_ARGUMENT for a scalar. */
export function writeFloatRows(alias: string, tensor: TensorOf<'DT_FLOAT'>): Buffer {
  const writer = writerOf(alias, tensor)
  return tailed(writer, putLists(writer, HEAD.length, 0))
}

/** Writes it with pauses. */
export function* floatRowsSteps(alias: string, tensor: TensorOf<'DT_FLOAT'>): Steps<Buffer> {
  const writer = writerOf(alias, tensor)
  const [rows = 0] = tensor.shape
  const stride = Math.ceil((VALUES_A_STEP * rows) / Math.max(VALUES_A_STEP, tensor.values.length))
  let end = HEAD.length
  for (let first = 0; first < rows; first += stride) {
    end = putLists(writer, end, 0, first, Math.min(first + stride, rows))
    yield
  }
  return tailed(writer, end)
}

function writerOf(alias: string, { shape, values }: TensorOf<'DT_FLOAT'>): Writer {
  if (shape[0] === undefined) throw invalid(`Tensor name: ${alias} has no shape information `)
  const bytes = Buffer.allocUnsafe(
    HEAD.length + TAIL.length + values.length * (FLOAT_BYTES_MAX + COMMA_BYTES) + listBytes(shape),
  )
  bytes.set(HEAD)
  return { bytes, shape, values, next: 0 }
}

function tailed({ bytes, shape }: Writer, end: number): Buffer {
  const tail = shape[0] === 0 ? TAIL_OF_NONE : TAIL
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
  bytes: Buffer
  shape: readonly number[]
  values: Float32Array
  /** The value that is written next. */
  next: number
}

/** Writes members of one list, all unless told which; where they end. */
function putLists(
  writer: Writer,
  from: number,
  dimension: number,
  first = 0,
  last = writer.shape[dimension] ?? 0,
): number {
  const { bytes, shape, values } = writer
  const isLast = dimension === shape.length - 1
  let at = from
  for (let index = first; index < last; index++) {
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
