import { fingerprint64 } from '@drover/saved-model'

/** Up to this many rows are judged by five folds, more by one held-out fifth. */
export const FOLDED_ROWS_MAX = 5_000
const FOLDS = 5

const encoder = new TextEncoder()

/** The fold of a row by its content, so that equal rows are held out together. */
export function foldOf(fields: readonly string[]): number {
  return Number(fingerprint64(encoder.encode(JSON.stringify(fields))) % BigInt(FOLDS))
}

/**
 * The models that are trained side by side: one without each held-out fold, to be judged on it,
 * and last the one that is shipped, on all rows.
 */
export interface Split {
  heldOut: 'folds' | 'fifth'
  /** The fold of each row. */
  folds: Uint8Array
  models: number
  /** For each row and model: whether the row trains the model. */
  trains(row: number, model: number): boolean
  /** The model that is judged on a row; undefined when none is. */
  judgeOf(row: number): number | undefined
}

/** How rows with these folds are split, with at most so many models side by side (at least two). */
export function splitOf(folds: Uint8Array, modelsMax = FOLDS + 1): Split {
  const isFolded = folds.length <= FOLDED_ROWS_MAX && modelsMax > FOLDS
  const judged = isFolded ? FOLDS : 1
  return {
    heldOut: isFolded ? 'folds' : 'fifth',
    folds,
    models: judged + 1,
    trains: (row, model) => model === judged || folds[row] !== model,
    judgeOf: (row) => {
      const fold = folds[row] ?? 0
      return fold < judged ? fold : undefined
    },
  }
}
