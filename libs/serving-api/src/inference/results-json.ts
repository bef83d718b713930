// Answers to `:classify` and `:regress`, byte for byte as RapidJSON writes them. Texts here hold one
// byte a character, so that labels that are no UTF-8 pass as they are.

import { floatText } from '../number-text.ts'
import { writeText } from '../text.ts'
import type { Classifications } from './results.ts'

/** The body of a classify answer: a list of `[label, score]` for each example. */
export function writeClassifyAnswer(result: Classifications): Buffer {
  const rows: string[] = []
  for (let example = 0; example < result.examples; example++) rows.push(rowText(result, example))
  return Buffer.from(`{\n    "results": [${rows.join(', ')}\n    ]\n}`, 'latin1')
}

function rowText({ classes, labels, scores }: Classifications, example: number): string {
  const pairs: string[] = []
  for (let index = example * classes; index < (example + 1) * classes; index++) {
    const label = Buffer.from(labels?.[index] ?? []).toString('latin1')
    pairs.push(`[${writeText(label)}, ${floatText(scores?.[index] ?? 0)}]`)
  }
  return `[${pairs.join(', ')}]`
}

/** The body of a regress answer: a number for each example. */
export function writeRegressAnswer(regressions: Float32Array): Buffer {
  return Buffer.from(`{\n    "results": [${Array.from(regressions, floatText).join(', ')}]\n}`)
}
