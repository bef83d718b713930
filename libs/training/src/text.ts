import type { Quality, Recipe } from '@drover/model-config'
import { stringTensor, type Tensor } from '@drover/serving-api'
import { readRows } from './csv.ts'
import { TrainingError } from './errors.ts'
import { CANDIDATES_MAX, chooseGolden, isClear, writeVersion } from './version-files.ts'
import { Labels } from './labels.ts'
import { QualityMeter } from './quality.ts'
import { foldOf, splitOf } from './split.ts'
import type { Trained } from './tabular.ts'
import { textGraph } from './text-graph.ts'
import { type TextModel, textScores } from './text-model.ts'
import { TextNets } from './text-net.ts'
import { TextRows } from './text-rows.ts'

/** Weights of one model: buckets times hidden units. */
const WEIGHTS_MAX = 8_000_000
/** Weights of all the models that are trained side by side. */
const WEIGHTS_TOGETHER_MAX = 24_000_000
const CANDIDATE_CHARACTERS_MAX = 2_000

/** Texts that a served model must survive. */
const HOSTILE = [
  '',
  ' \t\r\n ',
  '?!… — 🚀🚀',
  'İSTANBUL ΣΊΣΥΦΟΣ STRASSE straße 東京 Ǆ 𝔘𝔫𝔦 ﬁ',
  '<script>alert("x")</script>\'; DROP TABLE texts; -- ${7*7} %s {{x}} \\u0000',
  'very '.repeat(400),
]

export type TextRecipe = Extract<Recipe, { name: 'text-classifier' }>

/** What was read of a file of texts. */
interface Texts {
  rows: TextRows
  labels: string[]
  classOf: Int32Array
  folds: Uint8Array
  candidates: string[]
}

/** Trains a classifier of texts, and writes it as a SavedModel that takes the raw text. */
export async function trainText(
  recipe: TextRecipe,
  dataPath: string,
  outputDirectory: string,
): Promise<Trained> {
  if (recipe.buckets * recipe.hidden > WEIGHTS_MAX) {
    const message = `${recipe.buckets} buckets times ${recipe.hidden} hidden units are more than ${WEIGHTS_MAX} weights`
    throw new TrainingError('BAD_DATA', message)
  }
  const texts = await readTexts(recipe, dataPath)
  const { model, quality } = await fitText(recipe, texts)
  await writeVersion(outputDirectory, textGraph(model), goldenInputs(model, texts.candidates))
  return { quality }
}

/** Reads texts and labels. Throws BAD_DATA, naming line and column. */
export async function readTexts(recipe: TextRecipe, dataPath: string): Promise<Texts> {
  if (recipe.text === recipe.label) {
    const message = `the label ${recipe.label} is also the text: it would predict itself`
    throw new TrainingError('BAD_DATA', message)
  }
  const rows = new TextRows(recipe.buckets)
  const labels = new Labels(recipe.label)
  const folds: number[] = []
  const candidates: string[] = []
  await readRows(dataPath, [recipe.text, recipe.label], (fields, line) => {
    const [text = '', label = ''] = fields
    rows.add(text)
    labels.add(label, line)
    folds.push(foldOf(fields))
    if (candidates.length < CANDIDATES_MAX && text.length <= CANDIDATE_CHARACTERS_MAX)
      candidates.push(text)
  })
  return { rows, ...labels.finish(), folds: Uint8Array.from(folds), candidates }
}

/** The model of these texts, and how good it is on texts that were held out. */
export async function fitText(
  { buckets, hidden, epochs }: TextRecipe,
  { rows, labels, classOf, folds }: Texts,
): Promise<{ model: TextModel; quality: Quality }> {
  const classes = labels.length
  const split = splitOf(folds, Math.floor(WEIGHTS_TOGETHER_MAX / (buckets * hidden)))
  using nets = new TextNets(rows, classOf, split, { hidden, classes, epochs })
  await nets.train()
  const meter = new QualityMeter(split, classOf, classes)
  nets.scores((row, scores) => meter.add(row, scores))
  return { model: { ...nets.shipped(), buckets, labels }, quality: meter.finish() }
}

/** A request of real texts, and one of hostile ones. */
function goldenInputs(model: TextModel, candidates: readonly string[]): Record<string, Tensor>[] {
  const scores = (text: string): number[] => textScores(model, text)
  const chosen = chooseGolden(candidates, scores)
  const hostile = HOSTILE.filter((text) => isClear(scores(text)))
  return [chosen, hostile]
    .filter((texts) => texts.length > 0)
    .map((texts) => ({ text: stringTensor(texts) }))
}
