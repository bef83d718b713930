import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readFlights } from '@drover/drover'
import { loadServable, startTensorflowHost } from '@drover/inference'
import { Recipe } from '@drover/model-config'
import { type Tensor, textsOf } from '@drover/serving-api'
import { startTrainer } from '@drover/training'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { preparePython, runPython } from '../support/python.ts'

const PREPARE_MS_MAX = 10 * 60_000
const TEST_MS_MAX = 120_000
const HELD_OUT = 100
const TOLERANCE = 1e-5

const Answer = z.object({ scores: z.array(z.array(z.number())), label: z.array(z.string()) })

/** Columns as the REST API and Python take them. */
type Columns = Record<string, { dtype: 'DT_FLOAT' | 'DT_STRING'; values: (number | string)[] }>

describe('Python TensorFlow agrees with both engines on 100 rows that were not trained on', () => {
  let python: string
  let work: string

  beforeAll(async () => {
    python = await preparePython()
    work = await mkdtemp(join(tmpdir(), 'drover-python-'))
  }, PREPARE_MS_MAX)

  afterAll(async () => await rm(work, { recursive: true, force: true }))

  /** Trains on rows and asks all three about others; gives each engine's worst difference to Python. */
  async function worstOf(
    name: string,
    recipe: Recipe,
    csv: string,
    columns: Columns,
  ): Promise<{ fast: number; tensorflow: number }> {
    const directory = join(work, name)
    await mkdir(directory)
    const dataPath = join(work, `${name}.csv`)
    await writeFile(dataPath, csv)
    await using trainer = startTrainer()
    await trainer.train({
      recipe,
      dataPath,
      outputDirectory: directory,
      timeoutMs: TEST_MS_MAX,
      signal: AbortSignal.timeout(TEST_MS_MAX),
    })
    const question = { directory, signature: 'serving_default', inputs: columns }
    const expected = Answer.parse(JSON.parse(await runPython(python, 'predict.py', question)))
    await using tensorflow = startTensorflowHost()

    const worst = async (engine: 'fast' | 'tensorflow') => {
      const servable = await loadServable(directory, { engine, tensorflow })
      const answer = await servable.run('serving_default', toTensors(columns))
      await servable.close()
      return worstDifference(answer, expected)
    }
    return { fast: await worst('fast'), tensorflow: await worst('tensorflow') }
  }

  test('for a tabular classifier', { timeout: TEST_MS_MAX }, async () => {
    const [airport] = await readFlights()
    const spec = airport?.spec.models.late
    const [header = '', ...rows] = airport?.csv.trim().split('\n') ?? []
    const held = rows.slice(0, HELD_OUT).map((row) => row.split(','))
    const column = (index: number) => held.map((row) => row[index] ?? '')

    const worst = await worstOf(
      'late',
      Recipe.parse(spec?.recipe),
      [header, ...rows.slice(HELD_OUT)].join('\n'),
      {
        hour: { dtype: 'DT_FLOAT', values: column(0).map(Number) },
        weekday: { dtype: 'DT_STRING', values: column(1) },
        distance: { dtype: 'DT_FLOAT', values: column(2).map(Number) },
        destination: { dtype: 'DT_STRING', values: column(3) },
      },
    )

    expect(worst.fast).toBeLessThan(TOLERANCE)
    expect(worst.tensorflow).toBeLessThan(TOLERANCE)
  })

  test('for a text classifier, on texts of many scripts', { timeout: TEST_MS_MAX }, async () => {
    const words = [
      'karte',
      'ÜBERWEISUNG',
      'ΣΊΣΥΦΟΣ',
      'карта',
      '信用卡',
      'البطاقة',
      'İstanbul',
      '😀 card',
      '',
    ]
    const text = (index: number) =>
      `${words[index % words.length]} ${index % 2 === 0 ? 'lost' : 'send'} ${words[(index * 7) % words.length]}`
    const rows = Array.from(
      { length: 300 },
      (_, index) => `${text(index)},${index % 2 === 0 ? 'card' : 'transfer'}`,
    )
    const values = Array.from({ length: HELD_OUT }, (_, index) => `${text(index * 3 + 1)} ${index}`)

    const worst = await worstOf(
      'intent',
      Recipe.parse({ name: 'text-classifier' }),
      ['text,category', ...rows].join('\n'),
      {
        text: { dtype: 'DT_STRING', values },
      },
    )

    expect(worst.fast).toBeLessThan(TOLERANCE)
    expect(worst.tensorflow).toBeLessThan(TOLERANCE)
  })
})

function toTensors(columns: Columns): Record<string, Tensor> {
  const encoder = new TextEncoder()
  return Object.fromEntries(
    Object.entries(columns).map(([alias, { dtype, values }]): [string, Tensor] => [
      alias,
      dtype === 'DT_FLOAT'
        ? { dtype, shape: [values.length], values: Float32Array.from(values, Number) }
        : {
            dtype,
            shape: [values.length],
            values: values.map((value) => encoder.encode(`${value}`)),
          },
    ]),
  )
}

/** Infinity where the labels or the number of rows are others. */
function worstDifference(
  { scores, label }: Record<string, Tensor>,
  expected: z.output<typeof Answer>,
): number {
  const wanted = expected.scores.flat()
  if (scores?.dtype !== 'DT_FLOAT' || scores.values.length !== wanted.length) return Infinity
  if (label?.dtype !== 'DT_STRING' || textsOf(label).join() !== expected.label.join())
    return Infinity
  if (expected.label.length !== HELD_OUT) return Infinity
  return Math.max(...wanted.map((value, index) => Math.abs(value - (scores.values[index] ?? NaN))))
}
