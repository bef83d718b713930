// Rows of different lengths, made as long as the longest.

import { sizeOf } from '@drover/serving-api'
import { textsOf, untranslatable } from '../node-attrs.ts'
import {
  asInteger,
  asIntegers,
  countOf,
  invalid,
  numbers,
  pick,
  reshaped,
  type Value,
} from '../values.ts'
import type { Kernel } from './kernel.ts'
import { selected } from './numbers.ts'
import { splitsOf } from './splits.ts'

/** In which row each value is, and how many rows there are. */
interface Rows {
  count: number
  of: readonly number[]
}

/** One level of rows; what has several is TensorFlow's. */
const raggedToTensor: Kernel = (node) => {
  const kinds = textsOf(node, 'row_partition_types').join(' ')
  const isSplits = kinds === 'ROW_SPLITS'
  if (!isSplits && kinds !== 'FIRST_DIM_SIZE VALUE_ROWIDS')
    throw untranslatable(node, `its rows are given by ${kinds}`)
  return (inputs) => {
    const [shape, values, fallback, ...partition] = inputs
    const [first, second] = partition
    if (!shape || !values || !fallback || !first || partition.length !== (isSplits ? 1 : 2))
      throw invalid('inputs are missing')
    const count = values.shape[0] ?? 0
    const rows = isSplits || !second ? rowsOfSplits(first, count) : rowsOfIds(first, second, count)
    return [padded(values, fallback, { rows, wanted: wantedShape(shape, values) })]
  }
}

function rowsOfSplits(splits: Value, count: number): Rows {
  const ends = splitsOf(splits, count)
  const lengths = ends.slice(1).map((end, row) => end - (ends[row] ?? 0))
  return { count: lengths.length, of: lengths.flatMap((length, row) => Array(length).fill(row)) }
}

function rowsOfIds(size: Value, ids: Value, values: number): Rows {
  const [count, of] = [asInteger(size), asIntegers(ids)]
  if (of.length !== values) throw invalid(`${of.length} values of ${values} have a row`)
  if (of.some((row, index) => row < (of[index - 1] ?? 0) || row >= count))
    throw invalid('the rows of values are not in order')
  return { count, of }
}

/** The sizes that are asked for; those below zero are as large as they have to be. */
function wantedShape(shape: Value, { shape: [, ...inner] }: Value): number[] {
  const sizes = asIntegers(shape)
  if (shape.shape.length === 0) return [-1, -1, ...inner]
  const rest = sizes.slice(2)
  const fits = rest.every((size, axis) => size < 0 || size === inner[axis])
  if (sizes.length !== inner.length + 2 || !fits)
    throw invalid(`[${sizes.join(',')}] is no shape of rows of [${inner.join(',')}]`)
  return [sizes[0] ?? -1, sizes[1] ?? -1, ...inner]
}

function padded(
  values: Value,
  fallback: Value,
  { rows, wanted }: { rows: Rows; wanted: readonly number[] },
): Value {
  if (fallback.values.length !== 1 || fallback.dtype !== values.dtype)
    throw invalid('one default of the same type was expected')
  const columnOf: number[] = []
  for (const [index, row] of rows.of.entries())
    columnOf.push(row === rows.of[index - 1] ? (columnOf[index - 1] ?? 0) + 1 : 0)
  const [asked = -1, width = -1, ...inner] = wanted
  const widest = columnOf.reduce((most, column) => Math.max(most, column + 1), 0)
  const height = asked < 0 ? rows.count : asked
  const columns = width < 0 ? widest : width
  const shape = [height, columns, ...inner]
  const at = placesOf(rows, columnOf, { height, columns, each: sizeOf(inner) })
  return pickedOr(values, fallback, { shape, at })
}

/** For each element of the result, which of the values it is; -1 for none. */
function placesOf(
  rows: Rows,
  columnOf: readonly number[],
  { height, columns, each }: { height: number; columns: number; each: number },
): Int32Array {
  const at = new Int32Array(countOf([height, columns, each])).fill(-1)
  for (const [index, row] of rows.of.entries()) {
    const column = columnOf[index] ?? 0
    if (row >= height || column >= columns) continue
    for (let part = 0; part < each; part++)
      at[(row * columns + column) * each + part] = index * each + part
  }
  return at
}

/** The values at these places, and the default where a place is below zero. */
export function pickedOr(
  values: Value,
  fallback: Value,
  { shape, at }: { shape: readonly number[]; at: Int32Array },
): Value {
  const isThere = numbers(
    'DT_BOOL',
    shape,
    at.map((place) => Number(place >= 0)),
  )
  const found = pick(
    values,
    shape,
    at.map((place) => Math.max(place, 0)),
  )
  return selected(isThere, found, reshaped(fallback, []))
}

/** Operations on rows of different lengths. */
export const raggedKernels: Readonly<Record<string, Kernel>> = {
  RaggedTensorToTensor: raggedToTensor,
}
