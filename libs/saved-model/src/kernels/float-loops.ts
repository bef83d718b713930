// Loops over many floats, written out: through a function that differs from operation to operation each
// number takes several nanoseconds, and a row of a text model has thousands.

import { mapNonZero, nonZeroIn } from './sparse.ts'

/** Two vectors of one length, and what is made of them. */
export type FloatLoop = (to: Float32Array, x: Float32Array, y: Float32Array) => void

/** The same for a stretch of `x`, with one number beside it. */
export type FloatLoopBy = (
  to: Float32Array,
  x: Float32Array,
  y: number,
  stretch: { from: number; end: number },
) => void

export const multiply: FloatLoop = (to, x, y) => {
  for (let index = 0; index < to.length; index++) to[index] = (x[index] ?? 0) * (y[index] ?? 0)
}

export const multiplyBy: FloatLoopBy = (to, x, y, { from, end }) => {
  for (let index = from; index < end; index++) to[index] = (x[index] ?? 0) * y
}

export function squaresOf(values: Float32Array): Float32Array {
  const few = mapNonZero(values, (value) => value * value)
  if (few !== undefined) return few
  const to = new Float32Array(values.length)
  for (let index = 0; index < to.length; index++) {
    const value = values[index] ?? 0
    to[index] = value * value
  }
  return to
}

/** The sums of rows, in doubles. */
export function rowSums(values: Float32Array, rows: number, size: number): Float64Array {
  const to = new Float64Array(rows)
  const places = nonZeroIn(values)
  if (places !== undefined) {
    for (const place of places) {
      const row = Math.floor(place / size)
      to[row] = (to[row] ?? 0) + (values[place] ?? 0)
    }
    return to
  }
  for (let row = 0; row < rows; row++) {
    let sum = 0
    for (let index = row * size; index < (row + 1) * size; index++) sum += values[index] ?? 0
    to[row] = sum
  }
  return to
}

/** The sums of the squares of rows: each square is rounded to a float, as it is where it stands by itself. */
export function squareSums(values: Float32Array, rows: number, size: number): Float64Array {
  const to = new Float64Array(rows)
  const places = nonZeroIn(values)
  const count = places?.length ?? values.length
  for (let index = 0; index < count; index++) {
    const place = places === undefined ? index : (places[index] ?? 0)
    const value = values[place] ?? 0
    const row = Math.floor(place / size)
    to[row] = (to[row] ?? 0) + Math.fround(value * value)
  }
  return to
}
