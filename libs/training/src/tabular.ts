import type { Quality, Recipe } from '@drover/model-config'
import { floatTensor, stringTensor, type Tensor } from '@drover/serving-api'
import { CANDIDATES_MAX, chooseGolden, isClear, writeVersion } from './version-files.ts'
import { PSEUDO_COUNT, QualityMeter } from './quality.ts'
import { SoftmaxModels } from './softmax.ts'
import { splitOf } from './split.ts'
import { designOf, type Feature, fitFeatures, type RawRow } from './tabular-features.ts'
import { tabularGraph } from './tabular-graph.ts'
import { scoresOf, shippedModel, type TabularModel } from './tabular-model.ts'
import { readTable, type TabularRows } from './tabular-rows.ts'

/**
 * How strongly weights are held at zero, in rows. Of 1 to 160, measured on the flights of 20
 * airports with 450 to 1,200 rows: below 10 many models are worse than the class shares, from 20
 * to 40 the mean gain is largest.
 */
const PRECISION = 20
const UNSEEN = '\u2205 not seen in training'

export type TabularRecipe = Extract<Recipe, { name: 'tabular-classifier' }>

/** What a recipe hands back besides the files. */
export interface Trained {
  quality: Quality
}

/** Trains a classifier of table rows, and writes it as a SavedModel that takes the raw columns. */
export async function trainTabular(
  recipe: TabularRecipe,
  dataPath: string,
  outputDirectory: string,
): Promise<Trained> {
  const rows = await readTable(dataPath, recipe)
  const { model, quality } = await fitTabular(rows)
  await writeVersion(outputDirectory, tabularGraph(model), goldenInputs(model, rows))
  return { quality }
}

/** The model of these rows, and how good it is on rows that were held out. */
export async function fitTabular(
  rows: TabularRows,
): Promise<{ model: TabularModel; quality: Quality }> {
  const features = fitFeatures(rows)
  const split = splitOf(rows.folds)
  const regularisation = { precision: PRECISION, pseudoCount: PSEUDO_COUNT }
  using models = new SoftmaxModels(designOf(rows, features), split, regularisation)
  const weights = await models.train()
  const meter = new QualityMeter(split, rows.classOf, rows.labels.length)
  models.scores(weights, (row, scores) => meter.add(row, scores))
  return { model: shippedModel(features, rows.labels, weights), quality: meter.finish() }
}

/** The raw values of a row. */
export function rawRow(rows: TabularRows, row: number): RawRow {
  return Object.fromEntries(
    Array.from(rows.columns, ([name, column]) => [
      name,
      column.type === 'category'
        ? (column.distinct.values[column.numbers[row] ?? -1] ?? '')
        : (column.values[row] ?? 0),
    ]),
  )
}

/** A request of real rows, and one whose categories nobody has seen. */
function goldenInputs(model: TabularModel, rows: TabularRows): Record<string, Tensor>[] {
  const count = Math.min(CANDIDATES_MAX, rows.classOf.length)
  const candidates = Array.from({ length: count }, (_, row) => rawRow(rows, row))
  const chosen = chooseGolden(candidates, (row) => scoresOf(model, row))
  const unseen = candidates
    .map((row) => withoutCategories(model.features, row))
    .find((row) => isClear(scoresOf(model, row)))
  const batches = unseen === undefined ? [chosen] : [chosen, [unseen]]
  return batches
    .filter((batch) => batch.length > 0)
    .map((batch) => tabularInputs(model.features, batch))
}

function withoutCategories(features: readonly Feature[], row: RawRow): RawRow {
  const categories = features.filter(({ type }) => type === 'category')
  return { ...row, ...Object.fromEntries(categories.map(({ name }) => [name, UNSEEN])) }
}

/** Raw rows as the inputs of the served model. */
export function tabularInputs(
  features: readonly Feature[],
  rows: readonly RawRow[],
): Record<string, Tensor> {
  return Object.fromEntries(
    features.map(({ name, type }) => [
      name,
      type === 'category'
        ? stringTensor(rows.map((row) => String(row[name])))
        : floatTensor(rows.map((row) => Number(row[name]))),
    ]),
  )
}
