// Tensors that are told by the places of what is not zero in them: [place, dimension] of integers, the values there,
// and the shape of the whole.

import { sizeOf } from '@drover/serving-api'
import { boolOf, typeOf, untranslatable } from '../node-attrs.ts'
import {
  asIntegers,
  axisOf,
  copyInto,
  countOf,
  integers,
  invalid,
  numbers,
  pick,
  reshaped,
  stridesOf,
  type Value,
} from '../values.ts'
import { type Kernel, withFour, withThree } from './kernel.ts'
import { pickedOr } from './ragged.ts'
import { matrixOf, scatter } from './segments.ts'

/** Places in a shape, each a row of so many indices. */
interface Places {
  indices: readonly number[]
  shape: readonly number[]
}

/** Where each place is when the tensor lies in memory row by row. Throws INVALID_INPUT, as TensorFlow does. */
function flatPlaces({ indices, shape }: Places): Float64Array {
  const strides = stridesOf(shape)
  const rank = shape.length
  const found = new Float64Array(rank === 0 ? 0 : indices.length / rank)
  for (let at = 0; at < found.length; at++) {
    let place = 0
    for (let axis = 0; axis < rank; axis++) {
      const index = indices[at * rank + axis] ?? 0
      if (!(index >= 0 && index < (shape[axis] ?? 0))) throw outOfBounds(indices, rank, at)
      place += index * (strides[axis] ?? 1)
    }
    found[at] = place
  }
  return found
}

const textOfPlace = (indices: readonly number[], rank: number, at: number): string =>
  `indices[${at}] = [${indices.slice(at * rank, (at + 1) * rank).join(',')}]`

const outOfBounds = (indices: readonly number[], rank: number, at: number) =>
  invalid(`${textOfPlace(indices, rank, at)} is out of bounds`)

/** Places of a tensor of the shape: a matrix of one row each. */
function placesIn(indices: Value, shape: Value): Places {
  const sizes = asIntegers(shape)
  const [count, rank = 1] = indices.shape
  if (indices.shape.length !== 2 || shape.shape.length !== 1 || rank !== sizes.length)
    throw invalid(`[${indices.shape.join(', ')}] are no places in ${sizes.length} dimensions`)
  if (sizes.some((size) => size < 0) || !Number.isSafeInteger(sizeOf(sizes)))
    throw invalid(`there is no tensor of shape [${sizes.join(', ')}]`)
  if (sizes.length === 0 && count !== 0) throw invalid('there are no places in a single number')
  return { indices: asIntegers(indices), shape: sizes }
}

function checkValues(values: Value, count: number): void {
  if (values.shape.length !== 1 || values.values.length !== count)
    throw invalid(`${count} places for values of shape [${values.shape.join(', ')}]`)
}

/** Each place after the one before it. */
function checkOrder({ indices, shape }: Places, places: Float64Array): void {
  for (let at = 1; at < places.length; at++) {
    const [before = 0, place = 0] = [places[at - 1], places[at]]
    if (place > before) continue
    const where = textOfPlace(indices, shape.length, at)
    throw invalid(`${where} is ${place === before ? 'repeated' : 'out of order'}`)
  }
}

const sparseToDense: Kernel = (node) => {
  const isChecked = boolOf(node, 'validate_indices', true)
  return withFour((indices, shape, values, fallback) => {
    const places = placesToFill(indices, shape)
    if (fallback.shape.length > 0 || fallback.dtype !== values.dtype)
      throw invalid('one default of the same type was expected')
    const found = pick(fallback, places.shape, new Int32Array(countOf(places.shape)))
    const flat = flatPlaces(places)
    if (isChecked) checkOrder(places, flat)
    const isOne = values.shape.length === 0
    if (!isOne) checkValues(values, flat.length)
    for (const [at, place] of flat.entries())
      copyInto({ value: found, at: place }, { value: values, at: isOne ? 0 : at }, 1)
    return found
  })
}

/** Places may also be a row of indices in a row, or one such index. */
function placesToFill(indices: Value, shape: Value): Places {
  const target = asIntegers(shape)
  const { shape: given } = indices
  const rank = given.length < 2 ? 1 : (given[1] ?? 0)
  if (shape.shape.length !== 1 || rank !== target.length || given.length > 2)
    throw invalid(`[${given.join(', ')}] are no places in ${target.length} dimensions`)
  // Without dimensions nobody knows how many places there are.
  if (rank === 0) throw invalid('a sparse tensor needs a dimension')
  return { indices: asIntegers(indices), shape: target }
}

/** The sums along some axes, as a tensor that is not sparse. */
const sparseReduceSum: Kernel = (node) => {
  const isKept = boolOf(node, 'keep_dims', false)
  return withFour((indices, values, shape, axes) => {
    const places = placesIn(indices, shape)
    const rank = places.shape.length
    checkValues(values, indices.shape[0] ?? 0)
    flatPlaces(places)
    const summed = new Set(asIntegers(axes).map((axis) => axisOf(axis, rank)))
    const kept = places.shape.map((size, axis) => (summed.has(axis) ? 1 : size))
    const slices = flatPlaces({
      indices: places.indices.map((index, at) => (summed.has(at % rank) ? 0 : index)),
      shape: kept,
    })
    const sums = scatter(values, kept, { slices, width: 1 })
    return isKept
      ? sums
      : reshaped(
          sums,
          kept.filter((_, axis) => !summed.has(axis)),
        )
  })
}

/** A sparse matrix by a dense one. */
const sparseMatMul: Kernel = (node) => {
  const isTurned = boolOf(node, 'adjoint_a', false)
  const isOtherTurned = boolOf(node, 'adjoint_b', false)
  const type = typeOf(node, 'T')
  if (type !== 'DT_FLOAT' && type !== 'DT_DOUBLE') throw untranslatable(node, `it is of ${type}`)
  return withFour((indices, values, shape, dense) => {
    const places = placesIn(indices, shape)
    checkValues(values, indices.shape[0] ?? 0)
    flatPlaces(places)
    const [height, width] = turned(matrixOf(places), isTurned)
    const [depth, columns] = turned(matrixOf(dense), isOtherTurned)
    if (width !== depth) throw invalid(`a matrix of ${width} columns meets one of ${depth} rows`)
    const count = countOf([height, columns])
    // Each sum is rounded as TensorFlow rounds it.
    const sums = type === 'DT_FLOAT' ? new Float32Array(count) : new Float64Array(count)
    const [down, across] = isOtherTurned ? [1, depth] : [columns, 1]
    for (let at = 0; at < values.values.length; at++) {
      const [first = 0, second = 0] = places.indices.slice(2 * at, 2 * at + 2)
      const [row, from] = isTurned ? [second, first] : [first, second]
      const factor = Number(values.values[at])
      for (let column = 0; column < columns; column++) {
        const other = Number(dense.values[from * down + column * across])
        sums[row * columns + column] = (sums[row * columns + column] ?? 0) + factor * other
      }
    }
    return numbers(type, [height, columns], sums)
  })
}

/** Rows and columns of a matrix, once it is turned. */
const turned = ([rows, columns]: [number, number], isTurned: boolean): [number, number] =>
  isTurned ? [columns, rows] : [rows, columns]

/** The same values at the same places in memory, of another shape. */
const sparseReshape: Kernel = () =>
  withThree((indices, shape, target) => {
    const places = placesIn(indices, shape)
    const wanted = asIntegers(target)
    const size = sizeOf(places.shape)
    const known = sizeOf(wanted.filter((each) => each !== -1))
    const sizes = wanted.map((each) => (each === -1 && known > 0 ? size / known : each))
    const isGood = sizes.every((each) => Number.isInteger(each) && each >= 0)
    if (wanted.filter((each) => each === -1).length > 1 || !isGood || sizeOf(sizes) !== size)
      throw invalid(`[${places.shape.join(', ')}] cannot become [${wanted.join(', ')}]`)
    const flat = flatPlaces(places)
    const strides = stridesOf(sizes)
    const moved: number[] = []
    for (const place of flat)
      for (const [axis, stride] of strides.entries())
        moved.push(Math.floor(place / stride) % (sizes[axis] ?? 1))
    return [
      integers('DT_INT64', [flat.length, sizes.length], moved),
      integers('DT_INT64', [sizes.length], sizes),
    ]
  })

/** Rows without a value are given one. */
const sparseFillEmptyRows: Kernel = () =>
  withFour((indices, values, shape, fallback) => {
    const { indices: places, shape: sizes } = placesIn(indices, shape)
    const [rank, [rows = 0]] = [sizes.length, sizes]
    const count = values.values.length
    checkValues(values, indices.shape[0] ?? 0)
    if (fallback.values.length !== 1 || fallback.dtype !== values.dtype || rank === 0)
      throw invalid('one default of the same type was expected')
    const { counts, starts, total } = rowsOf({ places, rank, rows, count })
    const next = starts.slice()
    const moved = new Float64Array(count)
    const from = new Int32Array(total).fill(-1)
    const target = new Float64Array(countOf([total, rank]))
    for (const [row, start] of starts.entries()) target[start * rank] = row
    for (let at = 0; at < count; at++) {
      const row = places[at * rank] ?? 0
      const to = next[row] ?? 0
      next[row] = to + 1
      moved[at] = to
      from[to] = at
      for (let axis = 0; axis < rank; axis++)
        target[to * rank + axis] = places[at * rank + axis] ?? 0
    }
    return [
      integers('DT_INT64', [total, rank], target),
      pickedOr(values, fallback, { shape: [total], at: from }),
      numbers(
        'DT_BOOL',
        [rows],
        counts.map((each) => Number(each === 0)),
      ),
      integers('DT_INT64', [count], moved),
    ]
  })

/** How many values each row has, and where it begins when those without one have one. */
function rowsOf({
  places,
  rank,
  rows,
  count,
}: {
  places: readonly number[]
  rank: number
  rows: number
  count: number
}): { counts: Int32Array; starts: Int32Array; total: number } {
  const counts = new Int32Array(countOf([rows]))
  for (let at = 0; at < count; at++) {
    const row = places[at * rank] ?? -1
    if (!(row >= 0 && row < rows)) throw invalid(`indices(${at}, 0) is invalid: ${row} >= ${rows}`)
    counts[row] = (counts[row] ?? 0) + 1
  }
  let total = 0
  const starts = counts.map((each) => {
    total += Math.max(1, each)
    return total - Math.max(1, each)
  })
  return { counts, starts, total }
}

/** Operations on sparse tensors. */
export const sparseTensorKernels: Readonly<Record<string, Kernel>> = {
  SparseFillEmptyRows: sparseFillEmptyRows,
  SparseReduceSum: sparseReduceSum,
  SparseReshape: sparseReshape,
  SparseTensorDenseMatMul: sparseMatMul,
  SparseToDense: sparseToDense,
}
