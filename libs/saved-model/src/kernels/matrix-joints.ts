// Matrices of counts, and rows of one length.

import { boolOf, intOf, typeOf } from '../node-attrs.ts'
import type { Value } from '../values.ts'
import { ELEMENT_NS, elementsOf, filled, integersAt, MOVED_NS } from './cost-parts.ts'
import { multiplyBy, squareSums } from './float-loops.ts'
import { type Joint, JOINED_MAX, longsIn } from './joint.ts'
import { noteNonZero, scaleNonZero } from './sparse.ts'

/** How often each cell of a matrix is named, by rows and columns of all that name one. */
export const countsOfCells: Joint = {
  shape: {
    op: 'ScatterNd',
    inputs: [
      {
        op: 'Pack',
        inputs: ['rows', 'columns'],
        isFitting: (node) => intOf(node, 'axis', 0) === 1,
      },
      {
        op: 'Cast',
        inputs: [{ op: 'OnesLike', inputs: ['each'] }],
        isFitting: (node) => typeOf(node, 'DstT') === 'DT_FLOAT',
      },
      'shape',
    ],
  },
  given: ['rows', 'columns', 'each', 'shape'],
  run([rows, columns, each, shape]) {
    const size = sizeIn(shape)
    const [downs, alongs] = [longsIn(rows), longsIn(columns)]
    if (size === undefined || downs === undefined || alongs?.length !== downs.length)
      return undefined
    const places = isOneEach(each, downs.length) ? placesOf(downs, alongs, size) : undefined
    return places && countsAt(places, size)
  },
  cost: (inputs) =>
    10 * ELEMENT_NS * elementsOf(inputs.slice(0, 3)) + MOVED_NS * filled(integersAt(inputs, 3)),
}

interface Size {
  height: number
  width: number
}

/** Of a matrix that is not empty and not large. */
function sizeIn(shape: Value | undefined): Size | undefined {
  const [height = 0, width = 0, ...more] = longsIn(shape) ?? []
  const isFitting = height > 0 && width > 0 && height * width <= JOINED_MAX && more.length === 0
  return isFitting ? { height, width } : undefined
}

/** Whether it is a vector of so many numbers. */
const isOneEach = (value: Value | undefined, count: number): boolean =>
  value?.shape.length === 1 && value.shape[0] === count && value.dtype !== 'DT_STRING'

function countsAt(places: readonly number[], { height, width }: Size): Value {
  const values = new Float32Array(height * width)
  for (const place of places) values[place] = (values[place] ?? 0) + 1
  noteNonZero(values, places)
  return { dtype: 'DT_FLOAT', shape: [height, width], values }
}

function placesOf(
  rows: readonly number[],
  columns: readonly number[],
  { height, width }: Size,
): number[] | undefined {
  const places: number[] = []
  for (let index = 0; index < rows.length; index++) {
    const [row, column] = [rows[index] ?? -1, columns[index] ?? -1]
    if (row < 0 || row >= height || column < 0 || column >= width) return undefined
    places.push(row * width + column)
  }
  return places
}

type Floats = Extract<Value, { dtype: 'DT_FLOAT' }>

/** Of floats, with something in it. */
const isMatrix = (value: Value | undefined): value is Floats =>
  value?.dtype === 'DT_FLOAT' && value.shape.length === 2 && value.values.length > 0

/** Whether these are the last axis of a matrix. */
function isLast(axes: Value | undefined): boolean {
  if (axes?.dtype !== 'DT_INT32' || axes.shape.length > 1) return false
  const [axis, ...more] = axes.values
  return (axis === 1 || axis === -1) && more.length === 0
}

/** Rows made as long as 1: `tf.math.l2_normalize`. */
export const unitRows: Joint = {
  shape: {
    op: 'Mul',
    inputs: [
      'rows',
      {
        op: 'Rsqrt',
        inputs: [
          {
            op: 'Maximum',
            inputs: [
              {
                op: 'Sum',
                inputs: [{ op: 'Square', inputs: ['rows'] }, 'axes'],
                isFitting: (node) => boolOf(node, 'keep_dims', false),
              },
              'least',
            ],
          },
        ],
      },
    ],
  },
  given: ['rows', 'axes', 'least'],
  run([rows, axes, least]) {
    if (!isMatrix(rows) || !isLast(axes)) return undefined
    return least?.dtype === 'DT_FLOAT' && least.shape.length === 0
      ? unitRowsOf(rows, least.values[0] ?? 0)
      : undefined
  },
  cost: (inputs) => 6 * ELEMENT_NS * elementsOf(inputs.slice(0, 1)),
}

function unitRowsOf(rows: Floats, least: number): Value {
  const [height = 0, width = 0] = rows.shape
  const factors = new Float32Array(squareSums(rows.values, height, width))
  for (let row = 0; row < height; row++)
    factors[row] = 1 / Math.sqrt(Math.max(factors[row] ?? 0, least))
  const column: Floats = { dtype: 'DT_FLOAT', shape: [height, 1], values: factors }
  const values = scaleNonZero(rows, column, rows.shape) ?? scaled(rows.values, factors, width)
  return { dtype: 'DT_FLOAT', shape: rows.shape, values }
}

function scaled(values: Float32Array, factors: Float32Array, width: number): Float32Array {
  const to = new Float32Array(values.length)
  for (let row = 0; row < factors.length; row++)
    multiplyBy(to, values, factors[row] ?? 0, { from: row * width, end: (row + 1) * width })
  return to
}
