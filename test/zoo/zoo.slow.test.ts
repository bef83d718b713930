// Every model of the zoo is loaded as a server loads it and answers as Python TensorFlow does.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { inspectModel } from '@drover/inference'
import { untranslatedIn } from '@drover/saved-model'
import { inspected, sorted } from '../support/inspected.ts'
import { preparePython, runPython } from '../support/python.ts'
import { isFast, type Row, runZoo } from './run.ts'
import { countsOf } from './table.ts'
import { prepareZoo } from './zoo.ts'

const MODELS_MIN = 80
/** The goal of issue 6, of those that answer as Python does. */
const FAST_SHARE_MIN = 0.75
/** The models are made the first time, and before that a Python for them. */
const PREPARE_MS_MAX = 30 * 60_000
/** Python reads all of them, one after the other. */
const SHOW_MS_MAX = 10 * 60_000

/** From the model's name to what is wrong. A model that has been mended has to go from the list. */
const open = z
  .record(z.string(), z.string())
  .parse(JSON.parse(readFileSync(join(import.meta.dirname, 'open.json'), 'utf8')))
let rows: Row[]

beforeAll(async () => {
  rows = await runZoo(await prepareZoo())
}, PREPARE_MS_MAX)

test('the zoo is large', () => {
  expect(rows.length).toBeGreaterThanOrEqual(MODELS_MIN)
})

test('three of four models run without TensorFlow', () => {
  const { models, fast } = countsOf(rows)

  expect(fast / models).toBeGreaterThanOrEqual(FAST_SHARE_MIN)
})

test('every model answers as Python TensorFlow does, but for those that are known not to', () => {
  const wrong = rows.filter(({ name, failure }) => failure !== undefined && !(name in open))

  expect(wrong.map(({ name, failure }) => `${name}: ${failure}`)).toEqual([])
})

test('inspect foretells the engine of each model', async () => {
  const foretold = rows.map(async ({ name, directory }) => {
    const { graphs } = await inspectModel(directory)
    return [name, graphs.find(({ savedModel }) => savedModel.tags.join() === 'serve')?.engine]
  })

  expect(await Promise.all(foretold)).toEqual(rows.map(({ name, engine }) => [name, engine]))
})

test('no model is left to TensorFlow by its graph alone that a fast engine runs', async () => {
  const fast = await Promise.all(
    rows.filter(isFast).map(async ({ directory }) => await inspectModel(directory)),
  )

  const refusals = fast.flatMap(({ graphs }) =>
    graphs.flatMap(({ savedModel }) => untranslatedIn(savedModel)?.message ?? []),
  )
  expect(refusals).toEqual([])
})

test(
  'inspect says what saved_model_cli says, and in its words',
  async () => {
    const directories = rows.map(({ directory }) => directory)
    const python = await preparePython()
    const theirs = z
      .array(z.string())
      .parse(JSON.parse(await runPython(python, 'show.py', directories)))

    const ours = await Promise.all(directories.map(async (directory) => await inspected(directory)))
    for (const [index, { name }] of rows.entries()) {
      const graphs = (theirs[index] ?? '').split(/\n(?=MetaGraphDef with tag-set)/)
      expect(graphs.length, name).toBeGreaterThan(1)
      for (const graph of graphs) expect(sorted(ours[index] ?? ''), name).toContain(sorted(graph))
    }
  },
  SHOW_MS_MAX,
)

test('those that are known not to still do not, and are there', () => {
  const wrong = new Set(rows.flatMap(({ name, failure }) => (failure === undefined ? [] : name)))

  expect(Object.keys(open).filter((name) => !wrong.has(name))).toEqual([])
})
