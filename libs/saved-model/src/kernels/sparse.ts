// Rows that are nearly all zero, as counts of words are. Which of their numbers are not is noted beside
// them, so that what follows need not look at the others. A note is of an array, which nobody changes
// any more: operations that do not know of it take the array for what it is.

import { isSameShape, type Value } from '../values.ts'

/** With more than one number in so many that is not zero, looking at all of them is no slower. */
const RARE = 8

const noted = new WeakMap<Float32Array, Int32Array>()

/** Notes that all others are zero; the places may come in any order, and more than once. */
export function noteNonZero(values: Float32Array, places: ArrayLike<number>): void {
  if (places.length * RARE > values.length) return
  const sorted = new Int32Array(places).toSorted()
  let count = 0
  for (const place of sorted) if (place !== sorted[count - 1]) sorted[count++] = place
  noted.set(values, sorted.subarray(0, count))
}

/** Where the numbers are that are not zero, in order; undefined where nobody knows. */
export const nonZeroIn = (values: Float32Array): Int32Array | undefined => noted.get(values)

/** Applies what leaves zero at zero to the others; undefined where all have to be looked at. */
export function mapNonZero(
  from: Float32Array,
  change: (value: number, place: number) => number,
): Float32Array | undefined {
  const places = noted.get(from)
  if (places === undefined) return undefined
  const to = new Float32Array(from.length)
  for (const place of places) to[place] = change(from[place] ?? 0, place)
  noted.set(to, places)
  return to
}

type Floats = Extract<Value, { dtype: 'DT_FLOAT' }>

/**
 * Such rows times a number for each of them, or times one number; undefined for what has to be done in
 * full, as with infinities, which make zeros NaN, and numbers that are not above zero, which may make them -0.
 */
export function scaleNonZero(
  rows: Floats,
  factors: Floats,
  shape: readonly number[],
): Float32Array | undefined {
  if (!noted.has(rows.values) || !isSameShape(rows.shape, shape)) return undefined
  const { values } = factors
  const isColumn = values.length === 1 || isSameShape(factors.shape, [...shape.slice(0, -1), 1])
  if (!isColumn || !values.every((factor) => factor > 0 && factor < Infinity)) return undefined
  const width = rows.values.length / values.length
  return mapNonZero(rows.values, (value, place) => value * (values[Math.floor(place / width)] ?? 0))
}
