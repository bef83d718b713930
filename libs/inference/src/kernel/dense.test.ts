// Dense layers against a plain loop in doubles.

import { readFile } from 'node:fs/promises'
import { attr, GraphBuilder, readSavedModel } from '@drover/saved-model'
import { floatTensor, type Tensor } from '@drover/serving-api'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import initWabt from 'wabt'
import { info, modelBytes } from '../sample-models.ts'
import { compileKernels } from './compile.ts'
import { DENSE_WASM } from './dense-wasm.ts'
import { openKernels } from './engine.ts'
import { KernelMemory } from './memory.ts'

const T = attr.type('DT_FLOAT')
const memory = new KernelMemory()

interface Layer {
  weights: number[][]
  bias: number[] | undefined
  activation: string | undefined
  isTransposed: boolean
}

const functions: Record<string, (x: number) => number> = {
  Relu: (x) => Math.max(x, 0),
  Relu6: (x) => Math.min(Math.max(x, 0), 6),
  Elu: (x) => (x < 0 ? Math.exp(x) - 1 : x),
  LeakyRelu: (x) => (x > 0 ? x : 0.2 * x),
  Sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  Tanh: Math.tanh,
}

/** A model of these layers; which operations add the bias differs. */
function modelOf(layers: readonly Layer[]): Uint8Array {
  const builder = new GraphBuilder()
  const inputs = layers[0]?.weights.length ?? 0
  let last = builder.add('Placeholder', 'x', [], { dtype: T })
  for (const [index, { weights, bias, activation, isTransposed }] of layers.entries()) {
    const [rows, columns] = [weights.length, weights[0]?.length ?? 0]
    const turned = isTransposed
      ? Array.from({ length: columns }, (_, column) => weights.map((row) => row[column] ?? 0))
      : weights
    const shape = isTransposed ? [columns, rows] : [rows, columns]
    const matrix = builder.constant(`w${index}`, floatTensor(turned.flat(), shape))
    const transpose_b = attr.bool(isTransposed)
    last = builder.add('MatMul', `product${index}`, [last, matrix], { T, transpose_b })
    if (bias !== undefined) {
      const row = builder.constant(`b${index}`, floatTensor(bias))
      const isFirst = index % 2 === 1
      last = builder.add(
        isFirst ? 'AddV2' : 'BiasAdd',
        `biased${index}`,
        isFirst ? [row, last] : [last, row],
        { T },
      )
    }
    if (activation !== undefined) last = builder.add(activation, `active${index}`, [last], { T })
  }
  return modelBytes(builder, {
    main: {
      inputs: { x: info('x:0', 'DT_FLOAT', [-1, inputs]) },
      outputs: { y: info(`${last}:0`, 'DT_FLOAT', 'unknown') },
    },
  })
}

function open(bytes: Uint8Array) {
  const model = compileKernels(readSavedModel(bytes), memory)
  if ('reason' in model) throw new Error(model.reason)
  return { engine: openKernels(model.message), free: () => model.free() }
}

async function run(layers: readonly Layer[], x: Tensor): Promise<Tensor | undefined> {
  const { engine, free } = open(modelOf(layers))
  const { y } = await engine.run('main', { x })
  free()
  return y
}

/** The answers, and the largest sum that was taken on the way to them: rounding is in proportion to it. */
function expectedOf(layers: readonly Layer[], rows: readonly number[][]) {
  let largest = 1
  const answers = rows.map((row) =>
    layers.reduce((x, { weights, bias, activation }) => {
      const columns = weights[0]?.length ?? 0
      const sums = Array.from({ length: columns }, (_, column) => {
        const products = x.map((each, at) => each * (weights[at]?.[column] ?? 0))
        largest = Math.max(
          largest,
          products.reduce((sum, each) => sum + Math.abs(each), 0),
        )
        return products.reduce((sum, each) => sum + each, bias?.[column] ?? 0)
      })
      return activation === undefined ? sums : sums.map(functions[activation] ?? Number)
    }, row),
  )
  return { answers, largest }
}

const value = fc.integer({ min: -64, max: 64 }).map((each) => each / 64)
const matrixOf = (rows: number, columns: number) =>
  fc.array(fc.array(value, { minLength: columns, maxLength: columns }), {
    minLength: rows,
    maxLength: rows,
  })

const stack = fc
  .array(fc.integer({ min: 1, max: 40 }), { minLength: 2, maxLength: 5 })
  .chain((widths) =>
    fc.record({
      layers: fc.tuple(
        ...widths.slice(1).map((columns, index) =>
          fc.record({
            weights: matrixOf(widths[index] ?? 1, columns),
            bias: fc.option(fc.array(value, { minLength: columns, maxLength: columns }), {
              nil: undefined,
            }),
            activation: fc.option(fc.constantFrom(...Object.keys(functions)), { nil: undefined }),
            isTransposed: fc.boolean(),
          }),
        ),
      ),
      rows: fc.integer({ min: 0, max: 70 }).chain((rows) => matrixOf(rows, widths[0] ?? 1)),
    }),
  )

test('layers of any width give what a plain loop gives', async () => {
  await fc.assert(
    fc.asyncProperty(stack, async ({ layers, rows }) => {
      const inputs = layers[0]?.weights.length ?? 0
      const y = await run(layers, floatTensor(rows.flat(), [rows.length, inputs]))

      const { answers, largest } = expectedOf(layers, rows)
      expect(y?.shape).toEqual([rows.length, layers.at(-1)?.weights[0]?.length])
      for (const [index, want] of answers.flat().entries())
        expect(Math.abs(Number(y?.values[index]) - want) / largest).toBeLessThan(1e-5)
    }),
    // What fails is told as it is: to shrink matrices takes minutes.
    { numRuns: 150, endOnFailure: true },
  )
})

/** Without a bias, cut off below zero. */
const cutOff = (weights: number[][]): Layer => ({
  weights,
  bias: undefined,
  activation: 'Relu',
  isTransposed: false,
})

test.each([1, 4, 7])('NaN and infinities go where IEEE sends them, in %i rows', async (count) => {
  const row = [Infinity, 1, 0, -1]
  const rows = Array.from({ length: count }, () => row).flat()
  const weights = [
    [1, 0, -1, 2],
    [NaN, 1, 1, 1],
    [0, Infinity, 1, 1],
    [0, 0, 0, 1],
  ]

  const y = await run([cutOff(weights)], floatTensor(rows, [count, 4]))

  // inf*1 + NaN; inf*0; -inf cut off; inf*2 - 1.
  expect([...(y?.values ?? [])].slice(-4)).toEqual([NaN, NaN, 0, Infinity])
})

test('a layer that others look into is run all the same', async () => {
  const builder = new GraphBuilder()
  builder.add('Placeholder', 'x', [], { dtype: T })
  const w = builder.constant('w', floatTensor([1, 2, 3, 4], [2, 2]))
  const product = builder.add('MatMul', 'product', ['x', w], { T })
  const relu = builder.add('Relu', 'relu', [product], { T })
  const sum = builder.add('AddV2', 'sum', [product, relu], { T })
  const outputs = { relu, sum, product }
  const { engine } = open(
    modelBytes(builder, {
      main: {
        inputs: { x: info('x:0', 'DT_FLOAT', [-1, 2]) },
        outputs: Object.fromEntries(
          Object.entries(outputs).map(([alias, name]) => [alias, info(`${name}:0`, 'DT_FLOAT')]),
        ),
      },
    }),
  )

  const answer = await engine.run('main', { x: floatTensor([1, -1], [1, 2]) })

  expect(answer).toEqual({
    product: floatTensor([-2, -2], [1, 2]),
    relu: floatTensor([0, 0], [1, 2]),
    sum: floatTensor([-2, -2], [1, 2]),
  })
})

test('the committed WebAssembly is made from its source', async () => {
  const source = await readFile(new URL('dense.wat', import.meta.url), 'utf8')

  const made = (await initWabt()).parseWat('dense.wat', source, { simd: true, threads: true })

  expect(Buffer.from(made.toBinary({}).buffer).toString('base64')).toBe(DENSE_WASM)
})
