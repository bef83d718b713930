import { setImmediate } from 'node:timers/promises'
import tf from '@tensorflow/tfjs-node'
import { makeRandom, shuffled } from './random.ts'
import type { Split } from './split.ts'
import type { TextRows } from './text-rows.ts'

const SEED = 20_010_111
const ADAM = { rate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-7 }
/** The share of each target that is spread over all classes, so that no answer is ever certain. */
const SMOOTHING = 0.05
const BATCH_MAX = 64
const BATCH_MIN = 8
/** Few rows are seen more often than the recipe says. */
const STEPS_MIN = 300

export interface TextNetOptions {
  hidden: number
  classes: number
  epochs: number
}

/** One hidden layer over hashed n-grams: the weights of one model. */
export interface TextWeights {
  hiddenWeights: Float32Array
  hiddenBias: Float32Array
  outWeights: Float32Array
  outBias: Float32Array
}

interface Batch {
  rows: number
  bucket: tf.Tensor1D
  value: tf.Tensor2D
  rowOf: tf.Tensor1D
}

/** A weight, and what Adam remembers of its gradients. */
interface Slot {
  weight: tf.Variable
  mean: tf.Variable
  square: tf.Variable
}

interface Forward {
  /** [rows, models * hidden] */
  hidden: tf.Tensor2D
  /** [models, rows, hidden] */
  byModel: tf.Tensor3D
  /** [models, rows, classes] */
  logs: tf.Tensor
}

/** Text classifiers that are trained side by side on the same batches, each on its own rows. */
export class TextNets {
  readonly #rows: TextRows
  readonly #classOf: Int32Array
  readonly #split: Split
  readonly #options: TextNetOptions
  readonly #slots: readonly [Slot, Slot, Slot, Slot]

  constructor(rows: TextRows, classOf: Int32Array, split: Split, options: TextNetOptions) {
    this.#rows = rows
    this.#classOf = classOf
    this.#split = split
    this.#options = options
    const { hidden, classes } = options
    const { models } = split
    const random = makeRandom(SEED)
    // Every model starts with the same weights.
    const inner = uniform(rows.buckets * hidden, Math.sqrt(6 / (rows.buckets + hidden)), random)
    const outer = uniform(hidden * classes, Math.sqrt(6 / (hidden + classes)), random)
    this.#slots = [
      slotOf(tf.tile(tf.tensor2d(inner, [rows.buckets, hidden]), [1, models])),
      slotOf(tf.zeros([1, models * hidden])),
      slotOf(tf.tile(tf.tensor3d(outer, [1, hidden, classes]), [models, 1, 1])),
      slotOf(tf.zeros([models, 1, classes])),
    ]
  }

  async train(): Promise<void> {
    const random = makeRandom(SEED + 1)
    const count = this.#rows.rows
    const size = Math.min(BATCH_MAX, Math.max(BATCH_MIN, Math.ceil(count / 50)))
    const perEpoch = Math.ceil(count / size)
    const epochs = Math.max(this.#options.epochs, Math.ceil(STEPS_MIN / perEpoch))
    const steps = epochs * perEpoch
    for (let epoch = 0; epoch < epochs; epoch++) {
      const order = shuffled(count, random)
      for (let at = 0; at < perEpoch; at++) {
        // Whoever waits on this process's events is served between two steps.
        await setImmediate()
        this.#step(order.subarray(at * size, (at + 1) * size), epoch * perEpoch + at, steps)
      }
    }
  }

  /** Calls back with the scores of every row: [models, classes] at a time. */
  scores(onRow: (row: number, scores: Float32Array) => void): void {
    const { classes } = this.#options
    const { models } = this.#split
    for (let from = 0; from < this.#rows.rows; from += BATCH_MAX) {
      const count = Math.min(BATCH_MAX, this.#rows.rows - from)
      const rows = Int32Array.from({ length: count }, (_, index) => from + index)
      const values = tf.tidy(() =>
        tf.transpose(tf.exp(this.#forward(this.#batchOf(rows)).logs), [1, 0, 2]).dataSync(),
      )
      const width = models * classes
      for (let row = 0; row < count; row++)
        onRow(from + row, Float32Array.from(values.slice(row * width, (row + 1) * width)))
    }
  }

  /** The weights of the model that is shipped: the last one. */
  shipped(): TextWeights {
    const { hidden, classes } = this.#options
    const last = this.#split.models - 1
    const [inner, innerBias, outer, outerBias] = this.#slots
    return {
      hiddenWeights: valuesOf(inner, [0, last * hidden], [this.#rows.buckets, hidden]),
      hiddenBias: valuesOf(innerBias, [0, last * hidden], [1, hidden]),
      outWeights: valuesOf(outer, [last, 0, 0], [1, hidden, classes]),
      outBias: valuesOf(outerBias, [last, 0, 0], [1, 1, classes]),
    }
  }

  [Symbol.dispose](): void {
    for (const { weight, mean, square } of this.#slots) tf.dispose([weight, mean, square])
  }

  #batchOf(rows: Int32Array): Batch {
    const parts = Array.from(rows, (row) => this.#rows.entriesOf(row))
    const total = parts.reduce((sum, { bucket }) => sum + bucket.length, 0)
    const bucket = new Int32Array(total)
    const value = new Float32Array(total)
    const rowOf = new Int32Array(total)
    let end = 0
    parts.forEach((part, index) => {
      bucket.set(part.bucket, end)
      value.set(part.value, end)
      rowOf.fill(index, end, end + part.bucket.length)
      end += part.bucket.length
    })
    return {
      rows: rows.length,
      bucket: tf.tensor1d(bucket, 'int32'),
      value: tf.tensor2d(value, [total, 1]),
      rowOf: tf.tensor1d(rowOf, 'int32'),
    }
  }

  #forward({ rows, bucket, value, rowOf }: Batch): Forward {
    const { hidden } = this.#options
    const { models } = this.#split
    const [inner, innerBias, outer, outerBias] = this.#slots
    const weighted = tf.mul(tf.gather(inner.weight, bucket), value)
    const sums = tf.unsortedSegmentSum(weighted, rowOf, rows)
    const active: tf.Tensor2D = tf.relu(tf.add(sums, innerBias.weight))
    const byModel: tf.Tensor3D = tf.transpose(tf.reshape(active, [rows, models, hidden]), [1, 0, 2])
    const logs = tf.logSoftmax(tf.add(tf.matMul(byModel, outer.weight), outerBias.weight))
    return { hidden: active, byModel, logs }
  }

  #step(rows: Int32Array, step: number, steps: number): void {
    tf.tidy(() => {
      const batch = this.#batchOf(rows)
      const gradients = this.#gradientsOf(batch, rows)
      const rate = ADAM.rate * (1 - step / steps)
      this.#slots.forEach((slot, index) => {
        const gradient = gradients[index]
        if (gradient !== undefined) adam(slot, gradient, rate, step + 1)
      })
    })
  }

  /** Written out rather than derived, since no operation then works on all buckets but Adam's. */
  #gradientsOf(batch: Batch, rows: Int32Array): tf.Tensor[] {
    const { hidden, classes } = this.#options
    const { models } = this.#split
    const { hidden: active, byModel, logs } = this.#forward(batch)
    const truth = tf.oneHot(
      tf.tensor1d(
        rows.map((row) => this.#classOf[row] ?? 0),
        'int32',
      ),
      classes,
    )
    const target = tf.add(tf.mul(truth, 1 - SMOOTHING), SMOOTHING / classes)
    const off = tf.mul(tf.sub(tf.exp(logs), target), this.#shareOf(rows))
    const outer = tf.matMul(byModel, off, true, false)
    const back: tf.Tensor3D = tf.matMul(off, this.#slots[2].weight, false, true)
    const flat = tf.reshape(tf.transpose(back, [1, 0, 2]), [batch.rows, models * hidden])
    const inward: tf.Tensor2D = tf.mul(flat, tf.step(active))
    const spread = tf.mul(tf.gather(inward, batch.rowOf), batch.value)
    return [
      tf.unsortedSegmentSum(spread, batch.bucket, this.#rows.buckets),
      tf.sum(inward, 0, true),
      outer,
      tf.sum(off, 1, true),
    ]
  }

  /** For each model and row: 1 / rows of the batch that train the model, or 0. */
  #shareOf(rows: Int32Array): tf.Tensor3D {
    const { models } = this.#split
    const share = new Float32Array(models * rows.length)
    for (let model = 0; model < models; model++) {
      const trains = Array.from(rows, (row) => this.#split.trains(row, model))
      const count = trains.filter(Boolean).length
      trains.forEach((isTrained, index) => {
        share[model * rows.length + index] = isTrained ? 1 / count : 0
      })
    }
    return tf.tensor3d(share, [models, rows.length, 1])
  }
}

function uniform(count: number, limit: number, random: () => number): Float32Array {
  return Float32Array.from({ length: count }, () => (random() * 2 - 1) * limit)
}

const valuesOf = ({ weight }: Slot, from: number[], size: number[]): Float32Array =>
  tf.tidy(() => Float32Array.from(tf.slice(weight, from, size).dataSync()))

function slotOf(start: tf.Tensor): Slot {
  const zeros = tf.zerosLike(start)
  const slot = {
    weight: tf.variable(start),
    mean: tf.variable(zeros),
    square: tf.variable(zeros),
  }
  tf.dispose([start, zeros])
  return slot
}

function adam({ weight, mean, square }: Slot, gradient: tf.Tensor, rate: number, t: number): void {
  const { beta1, beta2, epsilon } = ADAM
  mean.assign(tf.add(tf.mul(mean, beta1), tf.mul(gradient, 1 - beta1)))
  square.assign(tf.add(tf.mul(square, beta2), tf.mul(tf.square(gradient), 1 - beta2)))
  const length = (rate * Math.sqrt(1 - beta2 ** t)) / (1 - beta1 ** t)
  weight.assign(tf.sub(weight, tf.div(tf.mul(mean, length), tf.add(tf.sqrt(square), epsilon))))
}
