import type { Weights } from './softmax.ts'
import { type Feature, NUMBERS_OF, numbersOf, type RawRow } from './tabular-features.ts'

/** A model of a table, ready to be exported. */
export interface TabularModel {
  features: readonly Feature[]
  labels: readonly string[]
  /** [features, classes]: the numbers of all columns first, then the values of all categories. */
  weights: Float32Array
  bias: Float32Array
}

/** How many features a column has. */
export const widthOf = (feature: Feature): number =>
  feature.type === 'category' ? feature.vocabulary.length : NUMBERS_OF[feature.type]

const isCategory = (feature: Feature): boolean => feature.type === 'category'

/** The columns in the order in which their features stand: categories last. */
export function inFeatureOrder(features: readonly Feature[]): Feature[] {
  return [...features.filter((each) => !isCategory(each)), ...features.filter(isCategory)]
}

/** Takes the last model, the one that is shipped, out of the weights of all. */
export function shippedModel(
  features: readonly Feature[],
  labels: readonly string[],
  { values, models, classes }: Weights,
): TabularModel {
  const rowOf = (row: number): Float64Array => {
    const end = (row + 1) * models * classes
    return values.subarray(end - classes, end)
  }
  const rows: Float64Array[] = []
  let from = 1
  for (const feature of inFeatureOrder(features)) {
    const width = widthOf(feature)
    for (let row = 0; row < width; row++) rows.push(rowOf(from + row))
    // Each category has one more row, for values that are in no vocabulary.
    from += feature.type === 'category' ? width + 1 : width
  }
  const weights = new Float32Array(rows.length * classes)
  rows.forEach((row, place) => weights.set(row, place * classes))
  return { features, labels, weights, bias: Float32Array.from(rowOf(0)) }
}

/** The features of a raw row: what the graph computes from it. */
export function featuresOf({ features }: TabularModel, row: RawRow): number[] {
  return inFeatureOrder(features).flatMap((feature) => {
    const value = row[feature.name]
    return feature.type === 'category'
      ? feature.vocabulary.map((each) => (each === value ? 1 : 0))
      : numbersOf(feature, Number(value))
  })
}

/** The scores of a raw row: what the graph answers. */
export function scoresOf(model: TabularModel, row: RawRow): number[] {
  const logits = Array.from(model.bias)
  featuresOf(model, row).forEach((value, place) => {
    if (value === 0) return
    for (let label = 0; label < logits.length; label++)
      logits[label] =
        (logits[label] ?? 0) + value * (model.weights[place * logits.length + label] ?? 0)
  })
  return softmax(logits)
}

/** Scores that add up to 1. */
export function softmax(logits: readonly number[]): number[] {
  const most = logits.reduce((a, b) => Math.max(a, b), -Infinity)
  const powers = logits.map((logit) => Math.exp(logit - most))
  const sum = powers.reduce((a, b) => a + b, 0)
  return powers.map((power) => power / sum)
}
