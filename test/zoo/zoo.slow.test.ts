// Every model of the zoo is loaded as a server loads it and answers as Python TensorFlow does.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { type Row, runZoo } from './run.ts'
import { prepareZoo } from './zoo.ts'

const MODELS_MIN = 80
/** The models are made the first time, and before that a Python for them. */
const PREPARE_MS_MAX = 30 * 60_000

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

test('every model answers as Python TensorFlow does, but for those that are known not to', () => {
  const wrong = rows.filter(({ name, failure }) => failure !== undefined && !(name in open))

  expect(wrong.map(({ name, failure }) => `${name}: ${failure}`)).toEqual([])
})

test('those that are known not to still do not, and are there', () => {
  const wrong = new Set(rows.flatMap(({ name, failure }) => (failure === undefined ? [] : name)))

  expect(Object.keys(open).filter((name) => !wrong.has(name))).toEqual([])
})
