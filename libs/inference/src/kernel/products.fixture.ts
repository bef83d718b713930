// Runs one dense layer where nothing else is: numbers that must not be read lie between its rows and at
// its ends, and the memory ends with it.

import fc from 'fast-check'
import { type Dense, PANEL, type Products, shareMemory, type Sparse } from './wasm.ts'

const FLOAT_BYTES = 4
const PAGES_BYTES = 2 ** 22
/** What nobody writes. */
const UNTOUCHED = -7.5

/** A layer, and how many floats lie between its rows. */
export interface Layer {
  rows: number
  inputs: number
  panels: number
  isRelu: boolean
  xGap: number
  yGap: number
  seed: number
  /** A number that is put here and there. */
  odd: number | undefined
}

export const layers = fc.record<Layer>({
  rows: fc.integer({ min: 1, max: 70 }),
  inputs: fc.integer({ min: 1, max: 70 }),
  panels: fc.integer({ min: 1, max: 9 }),
  isRelu: fc.boolean(),
  xGap: fc.nat({ max: 5 }),
  yGap: fc.nat({ max: 5 }),
  seed: fc.nat(),
  odd: fc.constantFrom(undefined, NaN, Infinity, -Infinity, -0, 1e-40, 3e38),
})

export const memory = shareMemory(PAGES_BYTES)
export const floats = new Float32Array(memory.buffer)
const ints = new Int32Array(memory.buffer)

interface Numbers {
  x: Float32Array
  weights: Float32Array
  bias: Float32Array
}

/** Which of the four the memory ends with. */
export type Part = 'x' | 'weights' | 'bias' | 'y'
export const PARTS: readonly Part[] = ['x', 'weights', 'bias', 'y']

function numbersOf({ rows, inputs, panels, seed, odd }: Layer): Numbers {
  let state = seed
  const next = () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) | 0
    const isOdd = odd !== undefined && (state >>> 8) % 97 === 0
    return isOdd ? odd : (state >> 16) / 2 ** 15
  }
  const [x, weights, bias] = [rows * inputs, inputs * panels * PANEL, panels * PANEL].map(
    (length) => Float32Array.from({ length }, next),
  )
  const none = new Float32Array()
  return { x: x ?? none, weights: weights ?? none, bias: bias ?? none }
}

/** What each number is in doubles, and how large the terms are of which it is the sum. */
function expectedOf({ rows, inputs, panels, isRelu }: Layer, { x, weights, bias }: Numbers) {
  const columns = panels * PANEL
  const sums = new Float64Array(rows * columns)
  const scales = new Float64Array(rows * columns)
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) {
      const first = Math.floor(column / PANEL) * inputs * PANEL + (column % PANEL)
      let sum = bias[column] ?? 0
      let scale = Math.abs(sum)
      for (let input = 0; input < inputs; input++) {
        const term = (x[row * inputs + input] ?? 0) * (weights[first + input * PANEL] ?? 0)
        sum += term
        scale += Math.abs(term)
      }
      sums[row * columns + column] = isRelu && sum < 0 ? 0 : sum
      scales[row * columns + column] = scale
    }
  return { sums, scales }
}

/** Places one after the other, in floats; the last part ends where the memory does. */
function placesOf({ rows, inputs, panels, xGap, yGap }: Layer, last: Part) {
  const columns = panels * PANEL
  const lengths = {
    x: (rows - 1) * (inputs + xGap) + inputs,
    weights: inputs * columns,
    bias: columns,
    y: (rows - 1) * (columns + yGap) + columns,
  }
  const places = { x: 0, weights: 0, bias: 0, y: 0 }
  let end = floats.length
  for (const part of [last, ...PARTS.filter((each) => each !== last)]) {
    places[part] = end - lengths[part]
    end = places[part] - 3
  }
  return { places, start: end - 8 }
}

function write(layer: Layer, { x, weights, bias }: Numbers, last: Part) {
  const { places, start } = placesOf(layer, last)
  // Whatever is read of this makes a sum no number.
  floats.fill(NaN, start)
  for (let row = 0; row < layer.rows; row++)
    floats.set(
      x.subarray(row * layer.inputs, (row + 1) * layer.inputs),
      places.x + row * (layer.inputs + layer.xGap),
    )
  floats.set(weights, places.weights)
  floats.set(bias, places.bias)
  return { places, start }
}

const bytes = (place: number): number => place * FLOAT_BYTES

/** What is wrong with what a function makes of a layer; undefined where nothing is. */
export function faultOf(dense: Dense, layer: Layer, last: Part): string | undefined {
  const { rows, inputs, panels, xGap, yGap, isRelu } = layer
  const numbers = numbersOf(layer)
  const { places, start } = write(layer, numbers, last)
  const columns = panels * PANEL
  const yStep = columns + yGap
  floats.fill(UNTOUCHED, places.y, places.y + (rows - 1) * yStep + columns)
  const before = floats.slice(start)
  dense(
    bytes(places.x),
    bytes(inputs + xGap),
    rows,
    inputs,
    bytes(places.weights),
    bytes(places.bias),
    panels,
    bytes(places.y),
    bytes(yStep),
    isRelu ? 1 : 0,
  )
  const answers = new Float32Array(rows * columns)
  for (let row = 0; row < rows; row++) {
    const at = places.y + row * yStep
    answers.set(floats.subarray(at, at + columns), row * columns)
    floats.fill(UNTOUCHED, at, at + columns)
  }
  return wrongIn(answers, layer, numbers) ?? touchedIn(before, start)
}

function touchedIn(before: Float32Array, start: number): string | undefined {
  const at = before.findIndex((value, index) => !Object.is(value, floats[start + index]))
  return at < 0 ? undefined : `it wrote ${floats[start + at]} at ${start + at}`
}

/** Rounding is in proportion to the terms; what overflows may do so in one order alone. */
function wrongIn(answers: Float32Array, layer: Layer, numbers: Numbers): string | undefined {
  const { sums, scales } = expectedOf(layer, numbers)
  const at = answers.findIndex((answer, index) => {
    const [sum = 0, scale = 0] = [sums[index], scales[index]]
    if (Number.isFinite(scale) && scale > 1e38) return false
    if (!Number.isFinite(sum)) return !Object.is(answer, sum)
    return !(Math.abs(answer - sum) <= 1e-6 * Math.max(1e-30, scale))
  })
  return at < 0 ? undefined : `${answers[at]} at ${at}, not ${sums[at]}`
}

/** The same of the function for a row of which only a few inputs are not zero. */
export function sparseFaultOf({ sparse }: Products, layer: Layer): string | undefined {
  const one = { ...layer, rows: 1, yGap: 0 }
  const all = numbersOf(one)
  // Zeros are left out for weights that are finite alone.
  const weights = all.weights.map((value) => (Number.isFinite(value) ? value : 1))
  const x = all.x.map((value, at) => (at % (2 + (layer.seed % 7)) === 0 ? value : 0))
  const numbers = { ...all, weights, x }
  const { places, start } = write({ ...one, inputs: one.inputs }, numbers, 'y')
  const found = [...x.keys()].filter((at) => x[at] !== 0)
  const at = start - 2 * Math.max(1, found.length)
  const count = Math.max(1, found.length)
  floats[at] = 0
  ints[at + count] = 0
  for (const [index, input] of found.entries()) {
    floats[at + index] = x[input] ?? 0
    ints[at + count + index] = bytes(input * PANEL)
  }
  runSparse(sparse, { ...one, at, count, places })
  const answers = floats.slice(places.y, places.y + one.panels * PANEL)
  return wrongIn(answers, one, numbers)
}

function runSparse(
  sparse: Sparse,
  {
    at,
    count,
    inputs,
    panels,
    isRelu,
    places,
  }: Layer & { at: number; count: number; places: Record<Part, number> },
): void {
  sparse(
    bytes(at),
    bytes(at + count),
    count,
    inputs,
    bytes(places.weights),
    bytes(places.bias),
    panels,
    bytes(places.y),
    isRelu ? 1 : 0,
  )
}
