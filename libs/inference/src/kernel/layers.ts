// Dense layers over weights in a slab.

import {
  activations,
  type DenseLayer,
  invalid,
  nonZeroIn,
  type Run,
  type Value,
} from '@drover/saved-model'
import { FewInputs } from './few-inputs.ts'
import { isWorthACall } from './native.ts'
import { SCRATCH_BYTES, type Workshop } from './slab.ts'
import { PANEL } from './wasm.ts'

/** A row of a model in kernels may cost at most so many multiply-adds: about half a millisecond. */
export const MULTIPLY_ADDS_MAX = 4_000_000
const FLOAT_BYTES = 4
/** Rows that go through the layers together: more would leave the cache before they are used again. */
const ROWS_MAX = 32
/** More than this no run answers with. */
const ELEMENTS_MAX = 2 ** 27

const panelsOf = (outputs: number): number => Math.ceil(outputs / PANEL)

/** What a layer's weights take, in floats. */
export const weightsLength = ({ inputs, outputs }: DenseLayer): number =>
  inputs * panelsOf(outputs) * PANEL

/** What a layer's bias takes, in floats. */
export const biasLength = ({ outputs }: DenseLayer): number => panelsOf(outputs) * PANEL

/** Writes weights in panels; see `dense.wat`. What fills up the last panel stays zero. */
export function packWeights(
  to: Float32Array,
  weights: Float32Array,
  { inputs, outputs, isTransposed }: DenseLayer,
): void {
  const [inputStep, outputStep] = isTransposed ? [1, inputs] : [outputs, 1]
  if (outputs % PANEL > 0) to.fill(0)
  for (let first = 0; first < outputs; first += PANEL) {
    const columns = Math.min(PANEL, outputs - first)
    let at = first * inputs
    for (let input = 0; input < inputs; input++) {
      const from = input * inputStep + first * outputStep
      for (let column = 0; column < columns; column++)
        to[at + column] = weights[from + column * outputStep] ?? 0
      at += PANEL
    }
  }
}

/** A layer whose weights and bias lie at these places, in bytes. */
export interface PlacedLayer extends Omit<DenseLayer, 'weights' | 'bias'> {
  weightsAt: number
  biasAt: number
  /** Whether all weights are: zeros among the inputs may be left out. */
  isFinite: boolean
}

/** How many floats each of the two halves of the scratch area needs for a row: layers go to and fro. */
function widthsOf(layers: readonly DenseLayer[] | readonly PlacedLayer[]): [number, number] {
  const widths: [number, number] = [layers[0]?.inputs ?? 0, 0]
  for (const [index, { outputs }] of layers.entries()) {
    const side = index % 2 === 0 ? 1 : 0
    widths[side] = Math.max(widths[side], panelsOf(outputs) * PANEL)
  }
  return widths
}

/** How many rows fit through the layers at once; 0 when not even one does. */
export function rowsThrough(layers: readonly DenseLayer[] | readonly PlacedLayer[]): number {
  const [one, other] = widthsOf(layers)
  return Math.min(ROWS_MAX, Math.floor(SCRATCH_BYTES / FLOAT_BYTES / (one + other)))
}

/** Runs rows through layers. */
export function runLayers(layers: readonly PlacedLayer[], workshop: Workshop): Run {
  const rowsMax = rowsThrough(layers)
  const stages = stagesOf(layers, workshop, rowsMax)
  const [first, last] = [layers[0], layers.at(-1)]
  const [head, ...others] = stages
  if (first === undefined || last === undefined || head === undefined)
    throw new RangeError('there are no layers')
  const { copy } = others.at(-1) ?? head
  const [{ inputs }, { outputs }] = [first, last]
  return ([value]) => {
    const { x, rows } = rowsOf(value, first)
    if (rows * outputs > ELEMENTS_MAX) throw invalid(`${rows} rows are too many`)
    const values = new Float32Array(rows * outputs)
    // A row of few inputs may take two elements for each: there must be room for two rows.
    const few = first.isFinite && rowsMax > 1 ? nonZeroIn(x) : undefined
    const given = few && new FewInputs(x, few, inputs)
    for (let row = 0; row < rows; row += rowsMax) {
      const count = Math.min(rowsMax, rows - row)
      if (given === undefined) head.multiplyGiven(count, x, row * inputs)
      else head.multiplyFew(count, given)
      head.activate(count)
      for (const stage of others) {
        stage.multiply(count)
        stage.activate(count)
      }
      copy(values, row * outputs, count)
    }
    return [{ dtype: 'DT_FLOAT', shape: [rows, outputs], values }]
  }
}

function rowsOf(
  value: Value | undefined,
  { inputs, outputs, isTransposed }: PlacedLayer,
): { x: Float32Array; rows: number } {
  const [rows, width, ...more] = value?.shape ?? []
  if (value?.dtype !== 'DT_FLOAT' || rows === undefined || width === undefined || more.length > 0)
    throw invalid(`a matrix of floats was expected, not [${value?.shape.join(', ')}]`)
  if (width !== inputs) {
    const weights = isTransposed ? [outputs, inputs] : [inputs, outputs]
    throw invalid(`Matrix size-incompatible: In[0]: [${rows},${width}], In[1]: [${weights.join()}]`)
  }
  return { x: value.values, rows }
}

/** A layer between two places. */
interface Stage {
  multiply: (rows: number) => void
  /** Takes the inputs from what somebody else gave, from a place on. */
  multiplyGiven: (rows: number, given: Float32Array, at: number) => void
  /** Takes the inputs of the next rows from where they are. */
  multiplyFew: (rows: number, given: FewInputs) => void
  /** What comes after the product, except where that has done it. */
  activate: (rows: number) => void
  /** Takes what it calculated. */
  copy: (to: Float32Array, at: number, rows: number) => void
}

function stagesOf(
  layers: readonly PlacedLayer[],
  { products: { dense, sparse, denseOf }, floats, ints, scratch }: Workshop,
  rowsMax: number,
): Stage[] {
  const sides = [scratch, scratch + widthsOf(layers)[0] * rowsMax * FLOAT_BYTES]
  let xStep = (layers[0]?.inputs ?? 0) * FLOAT_BYTES
  return layers.map((layer, index) => {
    const { inputs, outputs, weightsAt, biasAt, activation } = layer
    const [x = 0, y = 0] = index % 2 === 0 ? sides : sides.toReversed()
    const [from, panels] = [xStep, panelsOf(outputs)]
    const step = panels * PANEL
    const yStep = step * FLOAT_BYTES
    xStep = yStep
    const isRelu = activation?.op === 'Relu' ? 1 : 0
    const change = isRelu === 1 ? undefined : activationOf(activation)
    const first = y / FLOAT_BYTES
    const multiply = (rows: number): void =>
      dense(x, from, rows, inputs, weightsAt, biasAt, panels, y, yStep, isRelu)
    return {
      multiply,
      multiplyGiven(rows, given, at) {
        if (denseOf === undefined || !isWorthACall(rows, inputs, panels)) {
          floats.set(given.subarray(at, at + rows * inputs), x / FLOAT_BYTES)
          multiply(rows)
        } else {
          const place = at * FLOAT_BYTES
          denseOf(given, place, from, rows, inputs, weightsAt, biasAt, panels, y, yStep, isRelu)
        }
      },
      multiplyFew(rows, given) {
        for (let row = 0; row < rows; row++) {
          const count = given.writeNext(floats, ints, x / FLOAT_BYTES)
          const [at, to] = [x + count * FLOAT_BYTES, y + row * step * FLOAT_BYTES]
          sparse(x, at, count, inputs, weightsAt, biasAt, panels, to, isRelu)
        }
      },
      activate(rows) {
        if (change === undefined) return
        for (let start = first; start < first + rows * step; start += step)
          for (let at = start; at < start + outputs; at++) floats[at] = change(floats[at] ?? 0)
      },
      copy(to, at, rows) {
        let target = at
        for (let start = first; start < first + rows * step; start += step)
          for (let place = start; place < start + outputs; place++)
            to[target++] = floats[place] ?? 0
      },
    }
  })
}

function activationOf(
  activation: DenseLayer['activation'],
): ((value: number) => number) | undefined {
  return activation && activations[activation.op]?.(activation.alpha)
}
