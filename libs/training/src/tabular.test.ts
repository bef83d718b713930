import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PREDICT_METHOD, writeSavedModel } from '@drover/saved-model'
import {
  decodeTensors,
  GOLDEN_PATH,
  GoldenRequests,
  type Tensor,
  textsOf,
} from '@drover/serving-api'
import tf from '@tensorflow/tfjs-node'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeRandom } from './random.ts'
import { fitFeatures, WEIGHTS_MAX } from './tabular-features.ts'
import { tabularGraph } from './tabular-graph.ts'
import { featuresOf, scoresOf } from './tabular-model.ts'
import { fitTabular, rawRow, tabularInputs, type TabularRecipe, trainTabular } from './tabular.ts'
import { readTable } from './tabular-rows.ts'

const FLIGHTS = join(import.meta.dirname, '../fixtures/flights-bwi.csv')
const RECIPE: TabularRecipe = {
  name: 'tabular-classifier',
  label: 'late',
  columns: {
    hour: { type: 'cyclic', period: 24 },
    weekday: { type: 'category' },
    distance: { type: 'number' },
    destination: { type: 'category' },
  },
}

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drover-tabular-'))
})
afterAll(async () => await rm(folder, { recursive: true }))

async function makeFolder(name: string): Promise<string> {
  const path = join(folder, name)
  await mkdir(path, { recursive: true })
  return path
}

async function writeCsv(text: string): Promise<string> {
  const path = join(folder, 'rows.csv')
  await writeFile(path, text)
  return path
}

const toTf = (tensor: Tensor): tf.Tensor =>
  tensor.dtype === 'DT_STRING'
    ? tf.tensor1d(textsOf(tensor), 'string')
    : tf.tensor1d(Float32Array.from(tensor.values, Number))

/** What TensorFlow answers. */
async function run(directory: string, inputs: Record<string, Tensor>) {
  const model = await tf.node.loadSavedModel(directory)
  const given = Object.fromEntries(
    Object.entries(inputs).map(([name, value]) => [name, toTf(value)]),
  )
  const outputs = model.predict(given)
  if (outputs instanceof tf.Tensor || Array.isArray(outputs))
    throw new TypeError('no outputs by name')
  const answer = Object.entries(outputs).map(([name, value]) => [name, value.arraySync()])
  model.dispose()
  return Object.fromEntries(answer)
}

describe('a version that was trained on the flights of an airport', () => {
  test('is judged on rows that did not train it, and beats the class shares', async () => {
    const { quality } = await trainTabular(RECIPE, FLIGHTS, await makeFolder('judged'))

    expect(quality).toMatchObject({ heldOut: 'folds', rows: 336, classes: 2 })
    expect(quality.logLoss).toBeLessThan(quality.priorLogLoss * 0.97)
    expect(quality.commonestAccuracy).toBeCloseTo(0.8125, 4)
  })

  test('answers in TensorFlow what it answered in training', async () => {
    const directory = await makeFolder('answers')
    await trainTabular(RECIPE, FLIGHTS, directory)
    const rows = await readTable(FLIGHTS, RECIPE)
    const { model } = await fitTabular(rows)
    const raw = Array.from({ length: 100 }, (_, row) => rawRow(rows, row))

    const { scores, label } = await run(directory, tabularInputs(model.features, raw))

    const expected = raw.map((row) => scoresOf(model, row))
    expect(scores).toHaveLength(100)
    for (const [row, [first, second]] of expected.entries()) {
      expect(scores[row][0]).toBeCloseTo(first ?? NaN, 5)
      expect(scores[row][1]).toBeCloseTo(second ?? NaN, 5)
      expect(label[row]).toBe((first ?? 0) >= (second ?? 0) ? 'late' : 'on-time')
    }
  })

  test('is the same, byte by byte, when it is trained again', async () => {
    const files = ['saved_model.pb', GOLDEN_PATH]
    const [first, second] = [await makeFolder('first'), await makeFolder('second')]

    await trainTabular(RECIPE, FLIGHTS, first)
    await trainTabular(RECIPE, FLIGHTS, second)

    for (const file of files)
      expect(await readFile(join(first, file))).toEqual(await readFile(join(second, file)))
  })

  test('brings golden requests with clear answers, one of them with unseen categories', async () => {
    const directory = await makeFolder('golden')
    await trainTabular(RECIPE, FLIGHTS, directory)
    const golden = GoldenRequests.parse(
      JSON.parse(await readFile(join(directory, GOLDEN_PATH), 'utf8')),
    )

    const inputs = golden.requests.map((request) => decodeTensors(request.inputs))
    const answers = await Promise.all(inputs.map(async (each) => await run(directory, each)))

    const [seen, unseen] = inputs.map(({ destination }) =>
      destination?.dtype === 'DT_STRING' ? textsOf(destination) : [],
    )
    expect(seen).toHaveLength(6)
    expect(unseen).toEqual(['\u2205 not seen in training'])
    for (const [late, onTime] of answers.flatMap(({ scores }) => scores))
      expect(Math.abs(late - onTime)).toBeGreaterThanOrEqual(1e-3)
  })
})

describe('the features in the graph', () => {
  test('are those of the training, for any value', async () => {
    const { model } = await fitTabular(await readTable(FLIGHTS, RECIPE))
    const inner = { name: 'features:0', dtype: 'DT_FLOAT', shape: [-1, -1] } as const
    const { graph, signatures } = tabularGraph(model)
    const inputs = signatures['serving_default']?.inputs ?? {}
    const outputs = { features: inner }
    const serving_default = { methodName: PREDICT_METHOD, inputs, outputs }
    const directory = await makeFolder('features')
    await writeFile(
      join(directory, 'saved_model.pb'),
      writeSavedModel({ graph, signatures: { serving_default } }),
    )
    const number = fc.oneof(fc.integer({ min: -30, max: 30 }), fc.float({ noNaN: true }))
    const destination = fc.oneof(fc.constantFrom('BOS', 'MDW', ''), fc.string({ unit: 'grapheme' }))
    const weekday = fc.constantFrom('monday', 'sunday', 'Monday')
    const row = fc.record({
      hour: fc.float({ min: -1e6, max: 1e6, noNaN: true }),
      distance: number,
      destination,
      weekday,
    })
    const rows = fc.sample(row, 300)

    const { features } = await run(directory, tabularInputs(model.features, rows))

    for (const [index, raw] of rows.entries()) {
      const expected = featuresOf(model, raw)
      expect(features[index]).toHaveLength(expected.length)
      for (const [place, value] of expected.entries())
        expect(Math.abs(features[index][place] - value), JSON.stringify(raw)).toBeLessThan(1e-6)
    }
  })
})

describe('a table', () => {
  test('with labels that mean nothing is not said to be better than the class shares by much', async () => {
    const random = makeRandom(3)
    const rows = await readTable(FLIGHTS, RECIPE)
    const { quality } = await fitTabular({
      ...rows,
      classOf: rows.classOf.map(() => (random() < 0.3 ? 1 : 0)),
    })

    expect(quality.logLoss).toBeGreaterThan(quality.priorLogLoss * 0.99)
    expect(quality.logLoss).toBeLessThan(quality.priorLogLoss * 1.1)
  })

  test('of more than 5,000 rows is judged on a held-out fifth', async () => {
    const lines = Array.from(
      { length: 6_000 },
      (_, row) => `${row},${row % 7 < 3 ? 'yes' : 'no'},k${row % 7}`,
    )
    const path = await writeCsv(`n,answer,key\n${lines.join('\n')}\n`)
    const columns = { n: { type: 'number' }, key: { type: 'category' } } as const

    const { quality } = await fitTabular(await readTable(path, { label: 'answer', columns }))

    expect(quality.heldOut).toBe('fifth')
    expect(quality.rows).toBeGreaterThan(1_100)
    expect(quality.rows).toBeLessThan(1_300)
    expect(quality.accuracy).toBe(1)
  })

  test('keeps its loss finite where a class is missing in a fold', async () => {
    const lines = Array.from({ length: 40 }, (_, row) => `${row},c${row < 30 ? 0 : row}`)
    const path = await writeCsv(`n,answer\n${lines.join('\n')}\n`)
    const spec = { label: 'answer', columns: { n: { type: 'number' } } } as const

    const { quality } = await fitTabular(await readTable(path, spec))

    expect(quality.classes).toBe(11)
    expect(quality.logLoss).toBeLessThan(10)
    expect(quality.priorLogLoss).toBeLessThan(10)
  })

  test('learns with a column that never varies, and with one of huge numbers', async () => {
    const lines = Array.from(
      { length: 100 },
      (_, row) => `7,${row % 2 === 0 ? '' : '-'}3.${row}e37,x,${row % 2}`,
    )
    const path = await writeCsv(`same,huge,only,answer\n${lines.join('\n')}\n`)
    const columns = {
      same: { type: 'number' },
      huge: { type: 'number' },
      only: { type: 'category' },
    } as const

    const { quality, model } = await fitTabular(await readTable(path, { label: 'answer', columns }))

    expect(quality.accuracy).toBe(1)
    expect(model.weights.every(Number.isFinite)).toBe(true)
  })

  test('learns the commonest values of a category that has too many, within its limit of weights', async () => {
    const lines = Array.from(
      { length: 3_000 },
      (_, row) => `${row < 1_500 ? 'common' : `rare${row}`},l${row % 600}`,
    )
    const path = await writeCsv(`name,answer\n${lines.join('\n')}\n`)
    const spec = { label: 'answer', columns: { name: { type: 'category' } } } as const

    const [feature] = fitFeatures(await readTable(path, spec))

    const vocabulary = feature?.type === 'category' ? feature.vocabulary : []
    expect(vocabulary[0]).toBe('common')
    expect(vocabulary).toHaveLength(Math.floor(WEIGHTS_MAX / 600) - 1)
  })

  test.each([
    ['a number that is none', '1,x,a\n', 'line 3: n is "x", which is not a number'],
    ['an empty number', '1,,a\n', 'line 3: n is "", which is not a number'],
    ['a hexadecimal number', '1,0x10,a\n', 'line 3: n is "0x10", which is not a number'],
    ['an infinite number', '1,1e39,a\n', 'line 3: n is "1e39": too large'],
    ['an empty label', '1,2,\n', 'line 3: the label answer is empty'],
    ['a long label', `1,2,${'l'.repeat(1_001)}\n`, 'line 3: answer has more than 1000 characters'],
    ['a long category', `${'k'.repeat(1_001)},2,a\n`, 'line 3: key has more than 1000 characters'],
    ['a short row', '1,2\n', 'line 3: the row has 2 fields and the header 3'],
    ['one class', '1,2,b\n', 'every row has the label "b"; it takes two classes'],
  ])('with %s is refused by line and column', async (_, line, message) => {
    const path = await writeCsv(`key,n,answer\n0,1,b\n${line}`)
    const columns = { n: { type: 'number' }, key: { type: 'category' } } as const

    await expect(readTable(path, { label: 'answer', columns })).rejects.toMatchObject({
      code: 'BAD_DATA',
      message,
    })
  })

  test('with too many classes is refused', async () => {
    const lines = Array.from({ length: 1_001 }, (_, row) => `1,l${row}`)
    const path = await writeCsv(`n,answer\n${lines.join('\n')}\n`)
    const spec = { label: 'answer', columns: { n: { type: 'number' } } } as const

    await expect(readTable(path, spec)).rejects.toThrow(
      'line 1002: the label answer has more than 1000',
    )
  })

  test('whose label is one of its columns is refused', async () => {
    const spec = { label: 'late', columns: { late: { type: 'category' } } } as const

    await expect(readTable(FLIGHTS, spec)).rejects.toThrow('the label late is one of the columns')
  })
})
