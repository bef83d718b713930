import { TrainingError } from './errors.ts'
import { byCodeUnit } from './labels.ts'
import type { Design } from './softmax.ts'
import type { ColumnValues, TabularRows } from './tabular-rows.ts'

/** The most frequent values of a category are learned, the others count as unseen. */
export const VOCABULARY_MAX = 1_000
/** Weights of one model: features times classes. */
export const WEIGHTS_MAX = 500_000
/** No value counts as more unusual than this many deviations. */
export const DEVIATIONS_MAX = 10
/** Below this share of the mean, what varies is the rounding. */
const DEVIATION_SHARE_MIN = 1e-6
const FLOAT_NORMAL_MIN = 2 ** -126

/** How a column becomes features. All numbers are floats, as in the graph. */
export type Feature =
  | { type: 'number'; name: string; mean: number; scale: number }
  | { type: 'cyclic'; name: string; frequency: number }
  | { type: 'category'; name: string; vocabulary: string[] }

/** How many numbers a column becomes, beside the values of categories. */
export const NUMBERS_OF = { number: 1, cyclic: 2, category: 0 } as const

/** A raw value of each column. */
export type RawRow = Readonly<Record<string, number | string>>

/** Learns from the rows what the columns' features are. Throws BAD_DATA if they would be too many. */
export function fitFeatures({ columns, labels }: TabularRows): Feature[] {
  const all = [...columns]
  const numbers = all.reduce((sum, [, { type }]) => sum + NUMBERS_OF[type], 0)
  const categories = all.filter(([, { type }]) => type === 'category').length
  const room = Math.floor(WEIGHTS_MAX / labels.length) - numbers - 1
  if (room < categories) {
    const message = `${all.length} columns and ${labels.length} classes are more than ${WEIGHTS_MAX} weights`
    throw new TrainingError('BAD_DATA', message)
  }
  const valuesMax = Math.min(VOCABULARY_MAX, Math.floor(room / Math.max(1, categories)))
  return all.map(([name, column]) => fitFeature(name, column, valuesMax))
}

function fitFeature(name: string, column: ColumnValues, valuesMax: number): Feature {
  switch (column.type) {
    case 'number':
      return { type: 'number', name, ...spreadOf(column.values) }
    case 'cyclic':
      // TensorFlow would turn a division by a constant into this product, which rounds otherwise.
      return { type: 'cyclic', name, frequency: Math.fround(1 / column.period) }
    case 'category': {
      const { values } = column.distinct
      const counts = new Int32Array(values.length)
      for (const number of column.numbers) counts[number] = (counts[number] ?? 0) + 1
      const vocabulary = values
        .map((value, number) => ({ value, count: counts[number] ?? 0 }))
        .toSorted((a, b) => b.count - a.count || byCodeUnit(a.value, b.value))
        .slice(0, valuesMax)
        .map(({ value }) => value)
      return { type: 'category', name, vocabulary }
    }
  }
}

/** A scale of 0 takes a column out that does not vary. */
function spreadOf(values: readonly number[]): { mean: number; scale: number } {
  const mean = values.reduce((sum, value) => sum + value / values.length, 0)
  const square = values.reduce((sum, value) => sum + (value - mean) ** 2 / values.length, 0)
  const deviation = Math.sqrt(square)
  const scale = Math.fround(1 / deviation)
  const varies =
    deviation > DEVIATION_SHARE_MIN * Math.abs(mean) &&
    Number.isFinite(scale) &&
    scale >= FLOAT_NORMAL_MIN
  return { mean: Math.fround(mean), scale: varies ? scale : 0 }
}

/** The features of one value, as the graph computes them: in floats, step by step. */
export function numbersOf(feature: Feature, value: number): number[] {
  switch (feature.type) {
    case 'number': {
      const scaled = Math.fround(Math.fround(value - feature.mean) * feature.scale)
      return [Math.min(DEVIATIONS_MAX, Math.max(-DEVIATIONS_MAX, scaled))]
    }
    case 'cyclic': {
      const turns = Math.fround(value * feature.frequency)
      const angle = Math.fround(Math.fround(turns - Math.floor(turns)) * Math.fround(2 * Math.PI))
      return [Math.fround(Math.sin(angle)), Math.fround(Math.cos(angle))]
    }
    case 'category':
      return []
  }
}

/** All rows as features: the constant, the numbers in the order of the columns, the categories. */
export function designOf(rows: TabularRows, features: readonly Feature[]): Design {
  const count = rows.classOf.length
  const width = 1 + features.reduce((sum, { type }) => sum + NUMBERS_OF[type], 0)
  const numbers = new Float32Array(count * width)
  for (let row = 0; row < count; row++) numbers[row * width] = 1
  const categories: Design['categories'][number][] = []
  let place = 1
  for (const feature of features) {
    const column = rows.columns.get(feature.name)
    if (column?.type === 'category' && feature.type === 'category') {
      categories.push(categoryOf(column, feature.vocabulary))
    } else if (column !== undefined && column.type !== 'category') {
      column.values.forEach((value, row) =>
        numbers.set(numbersOf(feature, value), row * width + place),
      )
      place += NUMBERS_OF[feature.type]
    }
  }
  const { classOf, labels } = rows
  return { rows: count, numbers, numberCount: width, categories, classOf, classes: labels.length }
}

function categoryOf(
  { numbers, distinct }: Extract<ColumnValues, { type: 'category' }>,
  vocabulary: readonly string[],
): { index: Int32Array; size: number } {
  const places = new Map(vocabulary.map((value, place) => [value, place]))
  const size = vocabulary.length
  const placeOf = distinct.values.map((value) => places.get(value) ?? size)
  return { index: Int32Array.from(numbers, (number) => placeOf[number] ?? size), size }
}
