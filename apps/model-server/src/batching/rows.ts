// Tensors of several requests as one, and back: rows are the first dimension.

import {
  bytesOf,
  bytesOfType,
  type NumericTensor,
  ServingError,
  sizeOf,
  type Tensor,
  tensorOfBuffer,
} from '@drover/serving-api'

/** Values of one request after padding; what is beyond is run by itself, as it came. */
const PADDED_MAX = 1_000_000
const NOTHING: Uint8Array = new Uint8Array()

/** The rows of these tensors, one after the other. They have one type, and one shape but for the rows. */
export function joinRows(tensors: readonly Tensor[]): Tensor {
  const [first] = tensors
  if (first === undefined) throw new RangeError('there is nothing to join')
  const rows = tensors.reduce((sum, { shape }) => sum + (shape[0] ?? 0), 0)
  const shape = [rows, ...first.shape.slice(1)]
  if (first.dtype === 'DT_STRING')
    return { dtype: 'DT_STRING', shape, values: tensors.flatMap(textValues) }
  const parts = tensors.filter(isNumeric).map(bytesOf)
  const bytes = new Uint8Array(sizeOf(shape) * bytesOfType(first.dtype))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return tensorOfBuffer(first.dtype, shape, bytes.buffer)
}

/** The rows from one on, so many. */
export function takeRows(tensor: Tensor, start: number, rows: number): Tensor {
  const shape = [rows, ...tensor.shape.slice(1)]
  const rowSize = sizeOf(tensor.shape.slice(1))
  if (tensor.dtype === 'DT_STRING')
    return {
      dtype: 'DT_STRING',
      shape,
      values: tensor.values.slice(start * rowSize, (start + rows) * rowSize),
    }
  const rowBytes = rowSize * bytesOfType(tensor.dtype)
  const bytes = Uint8Array.from(
    bytesOf(tensor).subarray(start * rowBytes, (start + rows) * rowBytes),
  )
  return tensorOfBuffer(tensor.dtype, shape, bytes.buffer)
}

/** The same rows with every other dimension brought to these sizes; what is added is zero or empty. */
export function padColumns(tensor: Tensor, sizes: readonly number[]): Tensor {
  const shape = [tensor.shape[0] ?? 0, ...sizes]
  if (sizes.every((size, index) => size === tensor.shape[index + 1])) return tensor
  if (sizeOf(shape) > PADDED_MAX)
    throw new ServingError('INVALID_ARGUMENT', `Padding would make ${sizeOf(shape)} values`)
  const places = placesIn(tensor.shape, shape)
  if (tensor.dtype === 'DT_STRING') {
    const values = Array.from({ length: sizeOf(shape) }, () => NOTHING)
    for (const [from, to] of places.entries()) values[to] = tensor.values[from] ?? NOTHING
    return { dtype: 'DT_STRING', shape, values }
  }
  const width = bytesOfType(tensor.dtype)
  const source = bytesOf(tensor)
  const bytes = new Uint8Array(sizeOf(shape) * width)
  for (const [from, to] of places.entries())
    bytes.set(source.subarray(from * width, (from + 1) * width), to * width)
  return tensorOfBuffer(tensor.dtype, shape, bytes.buffer)
}

/** Where each element of a smaller tensor is in a larger one of the same rank. */
function placesIn(from: readonly number[], to: readonly number[]): number[] {
  let places = [0]
  for (const [axis, size] of from.entries()) {
    const wide = to[axis] ?? size
    places = places.flatMap((place) =>
      Array.from({ length: size }, (_, index) => place * wide + index),
    )
  }
  return places
}

const isNumeric = (tensor: Tensor): tensor is NumericTensor => tensor.dtype !== 'DT_STRING'
const textValues = (tensor: Tensor): Uint8Array[] =>
  tensor.dtype === 'DT_STRING' ? tensor.values : []

/**
 * How many rows a request has. Throws INVALID_ARGUMENT, in upstream's words, when its inputs do not
 * have a first dimension of one size.
 */
export function rowsOf(inputs: Readonly<Record<string, Tensor>>): number {
  let rows: number | undefined
  for (const { shape } of Object.values(inputs)) {
    const [size] = shape
    if (size === undefined)
      throw new ServingError(
        'INVALID_ARGUMENT',
        'Batching session Run() input tensors must have at least one dimension',
      )
    if (rows !== undefined && rows !== size)
      throw new ServingError(
        'INVALID_ARGUMENT',
        'Batching session Run() input tensors must have equal 0th-dimension size',
      )
    rows = size
  }
  if (rows === undefined)
    throw new ServingError(
      'INVALID_ARGUMENT',
      'Batching session Run() must have at least one input tensor',
    )
  return rows
}
