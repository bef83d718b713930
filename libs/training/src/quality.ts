import type { Quality } from '@drover/model-config'
import type { Split } from './split.ts'

/** How often each class is taken as seen before the first row: a class may be missing in a fold. */
export const PSEUDO_COUNT = 1
const PROBABILITY_MIN = 1e-9

/** Adds up how well held-out rows were answered, and how well without a model. */
export class QualityMeter {
  readonly #split: Split
  readonly #classOf: Int32Array
  readonly #classes: number
  readonly #priors: Float64Array[]
  #rows = 0
  #logLoss = 0
  #priorLogLoss = 0
  #right = 0
  #commonestRight = 0

  constructor(split: Split, classOf: Int32Array, classes: number) {
    this.#split = split
    this.#classOf = classOf
    this.#classes = classes
    this.#priors = Array.from({ length: split.models }, (_, model) => this.#priorOf(model))
  }

  /** Takes the scores of a row by every model: [models, classes]. */
  add(row: number, scores: Float32Array): void {
    const model = this.#split.judgeOf(row)
    const prior = this.#priors[model ?? -1]
    if (model === undefined || prior === undefined) return
    const label = this.#classOf[row] ?? 0
    const given = scores.subarray(model * this.#classes, (model + 1) * this.#classes)
    this.#rows++
    this.#logLoss -= Math.log(Math.max(PROBABILITY_MIN, given[label] ?? 0))
    this.#priorLogLoss -= Math.log(Math.max(PROBABILITY_MIN, prior[label] ?? 0))
    if (bestOf(given) === label) this.#right++
    if (bestOf(prior) === label) this.#commonestRight++
  }

  /** Without a held-out row nothing can be said, and all is 0. */
  finish(): Quality {
    const rows = Math.max(1, this.#rows)
    return {
      heldOut: this.#split.heldOut,
      rows: this.#rows,
      classes: this.#classes,
      logLoss: this.#logLoss / rows,
      priorLogLoss: this.#priorLogLoss / rows,
      accuracy: this.#right / rows,
      commonestAccuracy: this.#commonestRight / rows,
    }
  }

  /** The class shares of the rows that train a model. */
  #priorOf(model: number): Float64Array {
    const counts = new Float64Array(this.#classes).fill(PSEUDO_COUNT)
    let total = PSEUDO_COUNT * this.#classes
    this.#classOf.forEach((label, row) => {
      if (!this.#split.trains(row, model)) return
      counts[label] = (counts[label] ?? 0) + 1
      total++
    })
    return counts.map((count) => count / total)
  }
}

/** The index of the largest value, the first one among equals. */
export function bestOf(values: ArrayLike<number>): number {
  let best = 0
  for (let index = 1; index < values.length; index++)
    if ((values[index] ?? NaN) > (values[best] ?? NaN)) best = index
  return best
}
