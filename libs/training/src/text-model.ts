import { softmax } from './tabular-model.ts'
import type { TextWeights } from './text-net.ts'
import { TextRows } from './text-rows.ts'

/** A model of texts, ready to be exported. */
export interface TextModel extends TextWeights {
  buckets: number
  labels: readonly string[]
}

/** The scores of a text: what the graph answers. */
export function textScores(model: TextModel, text: string): number[] {
  const rows = new TextRows(model.buckets)
  rows.add(text)
  const { bucket, value } = rows.entriesOf(0)
  const hidden = Array.from(model.hiddenBias)
  bucket.forEach((place, at) => addRow(hidden, model.hiddenWeights, place, value[at] ?? 0))
  const logits = Array.from(model.outBias)
  hidden.forEach((sum, place) => addRow(logits, model.outWeights, place, Math.max(0, sum)))
  return softmax(logits)
}

/** sums += factor * a row of a matrix */
function addRow(sums: number[], matrix: Float32Array, row: number, factor: number): void {
  const from = row * sums.length
  for (let column = 0; column < sums.length; column++)
    sums[column] = (sums[column] ?? 0) + factor * (matrix[from + column] ?? 0)
}
