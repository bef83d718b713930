// The native layers against those of WebAssembly, over the same memory.

import { readFile } from 'node:fs/promises'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { nativeDense, withNative } from './native.ts'
import { type Dense, PANEL, productsIn, shareMemory } from './wasm.ts'

const memory = shareMemory(2 ** 22)
const floats = new Float32Array(memory.buffer)
const wasm = productsIn(memory)
const native = withNative(wasm, floats)
const FLOAT_BYTES = 4

interface Layer {
  rows: number
  inputs: number
  panels: number
  isRelu: number
  seed: number
  odd: number | undefined
}

/** Runs a layer of pseudo-random numbers, with an odd one among them; gives what it wrote. */
function run(dense: Dense, { rows, inputs, panels, isRelu, seed, odd }: Layer): Float32Array {
  const columns = panels * PANEL
  const lengths = { x: rows * inputs, weights: inputs * columns, bias: columns, y: rows * columns }
  let state = seed
  const next = () => ((state = (Math.imul(state, 1_103_515_245) + 12_345) | 0) >> 16) / 2 ** 15
  const written = lengths.x + lengths.weights + lengths.bias
  for (let at = 0; at < written; at++) floats[at] = next()
  if (odd !== undefined) floats[Math.abs(seed) % written] = odd
  floats.fill(-1, written, written + lengths.y + 1)
  const weights = lengths.x * FLOAT_BYTES
  const bias = weights + lengths.weights * FLOAT_BYTES
  const [step, y] = [inputs * FLOAT_BYTES, written * FLOAT_BYTES]
  dense(0, step, rows, inputs, weights, bias, panels, y, columns * FLOAT_BYTES, isRelu)
  expect(floats[written + lengths.y]).toBe(-1)
  return floats.slice(written, written + lengths.y)
}

/** How far two numbers are apart; what is infinite or NaN must be so in both. */
function distance(a: number | undefined, b: number): number {
  const far = Object.is(a, b) ? 0 : Math.abs((a ?? NaN) - b)
  return Number.isNaN(far) ? Infinity : far
}

test('it is there wherever the processor has the vectors for it', async () => {
  const cpu = process.platform === 'linux' ? await readFile('/proc/cpuinfo', 'utf8') : ''

  expect(nativeDense() !== undefined).toBe(/\bavx2\b/.test(cpu) && /\bfma\b/.test(cpu))
})

test('it gives what WebAssembly gives', () => {
  const layer = fc.record({
    rows: fc.integer({ min: 1, max: 40 }),
    inputs: fc.integer({ min: 1, max: 70 }),
    panels: fc.integer({ min: 1, max: 11 }),
    isRelu: fc.constantFrom(0, 1),
    seed: fc.integer(),
    odd: fc.constantFrom(undefined, NaN, Infinity, -Infinity),
  })

  fc.assert(
    fc.property(layer, (given) => {
      const want = run(wasm.dense, given)
      const got = run(native.dense, given)

      const apart = Array.from(want, (value, index) => distance(got[index], value))
      expect(Math.max(...apart)).toBeLessThan(1e-4)
    }),
    { numRuns: 500 },
  )
})

test('it takes inputs from elsewhere as it takes them from the memory', () => {
  const dense = nativeDense()
  const layer = { rows: 7, inputs: 33, panels: 2, isRelu: 0, seed: 5, odd: undefined }
  const want = run((...places) => dense?.(floats, floats, ...places), layer)
  const got = run((x, ...places) => {
    const length = layer.rows * layer.inputs
    const given = new Float32Array(2 + length)
    given.set(floats.subarray(0, length), 2)
    // What lies at their place in the memory must not count.
    floats.fill(NaN, 0, length)
    dense?.(floats, given, x + 2 * FLOAT_BYTES, ...places)
  }, layer)

  expect(got).toEqual(want)
  expect(want.every(Number.isFinite)).toBe(true)
})

test.each([
  ['the inputs', { x: floats.byteLength - 4_000 }],
  ['inputs that lie elsewhere', { given: new Float32Array(1_999) }],
  ['the weights', { weights: floats.byteLength - 4_000 }],
  ['the bias', { bias: floats.byteLength - 4 }],
  ['the outputs', { y: floats.byteLength - 32 }],
  ['a step', { xStep: 2 ** 31 }],
  ['a place before the first', { y: -32 }],
  ['rows without end', { rows: 2 ** 31 }],
  ['no inputs', { inputs: 0 }],
])('it refuses what leaves the memory: %s', (_, wrong) => {
  const dense = nativeDense()
  const layer = { x: 0, xStep: 4_000, rows: 2, inputs: 1_000, weights: 8_000, bias: 0, y: 0 }
  const { given, x, xStep, rows, inputs, weights, bias, y } = { given: floats, ...layer, ...wrong }

  expect(() => dense?.(floats, given, x, xStep, rows, inputs, weights, bias, 1, y, 32, 0)).toThrow(
    'a layer does not lie within its memory',
  )
})
