import { setImmediate } from 'node:timers/promises'
import tf from '@tensorflow/tfjs-node'
import { type Evaluation, minimise } from './lbfgs.ts'
import type { Split } from './split.ts'

/** What one chunk of rows may take in scores, so that many rows and classes fit into memory. */
const CELLS_MAX = 4_000_000
const TOLERANCE = 1e-6

/** Rows as features: numbers side by side, and for each category the index of its value. */
export interface Design {
  rows: number
  /** [rows, numbers], the first of which is the constant 1. */
  numbers: Float32Array
  numberCount: number
  categories: readonly { index: Int32Array; size: number }[]
  /** The class of each row. */
  classOf: Int32Array
  classes: number
}

export interface Regularisation {
  /** The precision of the Gaussian prior of each weight but the constant's, in rows. */
  precision: number
  /** How often each class is taken as seen before the first row. */
  pseudoCount: number
}

/** The weights of models trained side by side: [features, models, classes]. */
export interface Weights {
  values: Float64Array
  models: number
  classes: number
}

interface Chunk {
  from: number
  rows: number
  numbers: tf.Tensor2D
  categories: tf.Tensor1D[]
  classOf: tf.Tensor1D
  /** 1 / rows of the model where the row trains it, else 0. */
  share: tf.Tensor2D
}

/** Softmax regressions on the same rows, all in one computation with TensorFlow. */
export class SoftmaxModels {
  readonly #design: Design
  readonly #models: number
  readonly #trained: number[]
  readonly #chunks: Chunk[]
  readonly #regularisation: Regularisation

  constructor(design: Design, split: Split, regularisation: Regularisation) {
    this.#design = design
    this.#models = split.models
    this.#regularisation = regularisation
    this.#trained = Array.from({ length: split.models }, () => 0)
    for (let row = 0; row < design.rows; row++)
      for (let model = 0; model < split.models; model++)
        if (split.trains(row, model)) this.#trained[model] = (this.#trained[model] ?? 0) + 1
    const perChunk = Math.max(1, Math.floor(CELLS_MAX / (split.models * design.classes)))
    this.#chunks = []
    for (let from = 0; from < design.rows; from += perChunk)
      this.#chunks.push(this.#chunkOf(split, from, Math.min(perChunk, design.rows - from)))
  }

  /** Trains all models to the one minimum that each has. */
  async train(): Promise<Weights> {
    const { categories, numberCount, classes } = this.#design
    // Behind the values of each category there is a row for none of them; it stays zero.
    const features = categories.reduce((sum, { size }) => sum + size + 1, numberCount)
    const start = new Float64Array(features * this.#models * classes)
    const values = await minimise(
      async (at) => {
        // Whoever waits on this process's events is served between two steps.
        await setImmediate()
        return this.#evaluate(at)
      },
      start,
      TOLERANCE,
    )
    return { values, models: this.#models, classes }
  }

  /** Calls back with the scores of every row: [models, classes] at a time. */
  scores(weights: Weights, onRow: (row: number, scores: Float32Array) => void): void {
    const width = weights.models * weights.classes
    for (const chunk of this.#chunks) {
      const scores = tf.tidy(() => tf.softmax(this.#logits(this.#tensorsOf(weights.values), chunk)))
      const values = scores.dataSync()
      scores.dispose()
      for (let row = 0; row < chunk.rows; row++)
        onRow(chunk.from + row, Float32Array.from(values.subarray(row * width, (row + 1) * width)))
    }
  }

  [Symbol.dispose](): void {
    for (const { numbers, categories, classOf, share } of this.#chunks)
      tf.dispose([numbers, ...categories, classOf, share])
  }

  #chunkOf(split: Split, from: number, rows: number): Chunk {
    const { numbers, numberCount, categories, classOf } = this.#design
    const share = new Float32Array(rows * this.#models)
    for (let row = 0; row < rows; row++)
      for (let model = 0; model < this.#models; model++)
        if (split.trains(from + row, model))
          share[row * this.#models + model] = 1 / (this.#trained[model] ?? 1)
    return {
      from,
      rows,
      numbers: tf.tensor2d(numbers.subarray(from * numberCount, (from + rows) * numberCount), [
        rows,
        numberCount,
      ]),
      categories: categories.map(({ index }) =>
        tf.tensor1d(index.subarray(from, from + rows), 'int32'),
      ),
      classOf: tf.tensor1d(classOf.subarray(from, from + rows), 'int32'),
      share: tf.tensor2d(share, [rows, this.#models]),
    }
  }

  /** The weights by block: the numbers' first, then each category's. */
  #tensorsOf(weights: Float64Array): tf.Tensor2D[] {
    const width = this.#models * this.#design.classes
    const sizes = [this.#design.numberCount, ...this.#design.categories.map(({ size }) => size + 1)]
    let from = 0
    return sizes.map((size) => {
      const block = Float32Array.from(weights.subarray(from, from + size * width))
      from += size * width
      return tf.tensor2d(block, [size, width])
    })
  }

  #logits([numbers, ...categories]: tf.Tensor2D[], chunk: Chunk): tf.Tensor3D {
    let sum: tf.Tensor = tf.matMul(chunk.numbers, numbers ?? tf.zeros([0, 0]))
    categories.forEach((weights, at) => {
      sum = tf.add(sum, tf.gather(weights, chunk.categories[at] ?? []))
    })
    return tf.reshape(sum, [chunk.rows, this.#models, this.#design.classes])
  }

  #evaluate(at: Float64Array): Evaluation {
    const gradient = new Float64Array(at.length)
    let value = 0
    tf.tidy(() => {
      const weights = this.#tensorsOf(at)
      for (const chunk of this.#chunks) value += this.#addChunk(weights, chunk, gradient)
    })
    return { value: value + this.#addPriors(at, gradient), gradient }
  }

  /** Adds the gradient of a chunk's rows and gives their share of the loss. */
  #addChunk(weights: tf.Tensor2D[], chunk: Chunk, gradient: Float64Array): number {
    return tf.tidy(() => {
      const { classes } = this.#design
      const width = this.#models * classes
      const logs = tf.logSoftmax(this.#logits(weights, chunk))
      const truth = tf.expandDims(tf.oneHot(chunk.classOf, classes).toFloat(), 1)
      const share = tf.expandDims(chunk.share, 2)
      const loss = tf.neg(tf.sum(tf.mul(tf.mul(logs, truth), share)))
      const off = tf.reshape(tf.mul(tf.sub(tf.exp(logs), truth), share), [chunk.rows, width])
      const parts = [
        tf.matMul(chunk.numbers, off, true),
        ...chunk.categories.map((index, at) =>
          tf.unsortedSegmentSum(off, index, (this.#design.categories[at]?.size ?? 0) + 1),
        ),
      ]
      let from = 0
      for (const part of parts) {
        const values = part.dataSync()
        for (let index = 0; index < values.length; index++)
          gradient[from + index] = (gradient[from + index] ?? 0) + (values[index] ?? 0)
        from += values.length
      }
      return loss.dataSync()[0] ?? NaN
    })
  }

  /** The Gaussian prior of the weights, and the pseudo rows that have nothing but the constant. */
  #addPriors(at: Float64Array, gradient: Float64Array): number {
    return this.#addGaussian(at, gradient) + this.#addPseudoRows(at, gradient)
  }

  #addGaussian(at: Float64Array, gradient: Float64Array): number {
    const { classes, numberCount, categories } = this.#design
    const width = this.#models * classes
    let value = 0
    for (let index = width; index < at.length; index++) {
      const model = Math.floor((index % width) / classes)
      const strength = this.#regularisation.precision / (this.#trained[model] || 1)
      const weight = at[index] ?? 0
      value += (strength * weight * weight) / 2
      gradient[index] = (gradient[index] ?? 0) + strength * weight
    }
    let end = numberCount * width
    for (const { size } of categories) {
      end += (size + 1) * width
      gradient.fill(0, end - width, end)
    }
    return value
  }

  #addPseudoRows(at: Float64Array, gradient: Float64Array): number {
    const { classes } = this.#design
    const { pseudoCount } = this.#regularisation
    let value = 0
    for (let model = 0; model < this.#models; model++) {
      const strength = pseudoCount / (this.#trained[model] || 1)
      const from = model * classes
      const logits = at.subarray(from, from + classes)
      const most = logits.reduce((a, b) => Math.max(a, b), -Infinity)
      const total = logits.reduce((sum, logit) => sum + Math.exp(logit - most), 0)
      logits.forEach((logit, index) => {
        const log = logit - most - Math.log(total)
        value -= strength * log
        gradient[from + index] =
          (gradient[from + index] ?? 0) + strength * (classes * Math.exp(log) - 1)
      })
    }
    return value
  }
}
