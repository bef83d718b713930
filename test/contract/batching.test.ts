// `--enable_batching`: requests that come together are run as one, and nobody can tell by the answers.

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { post } from './cases/rest/case.ts'
import { configList, configOf, writeModel } from './models.ts'
import { plus, scalar, square } from './models/small.ts'
import { exchange } from './raw-http.ts'
import { startTested, type TestedServer, untilAvailable } from './server.ts'

const PARAMETERS = `
  max_batch_size { value: 8 }
  batch_timeout_micros { value: 5000 }
  max_enqueued_batches { value: 1000 }
  num_batch_threads { value: 2 }
  allowed_batch_sizes: [2, 8]
`
const CALLERS = 40

let root: string
let server: TestedServer

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'drover-batching-'))
  const models = { plus: plus(1), square: square(), scalar: scalar() }
  const entries = await Promise.all(
    Object.entries(models).map(async ([name, bytes]) =>
      configOf(name, await writeModel(root, name, { '1': bytes })),
    ),
  )
  const [config, parameters] = [join(root, 'models.config'), join(root, 'batching.config')]
  await writeFile(config, configList(entries))
  await writeFile(parameters, PARAMETERS)
  server = await startTested([
    `--model_config_file=${config}`,
    '--enable_batching',
    `--batching_parameters_file=${parameters}`,
  ])
  for (const name of Object.keys(models)) await untilAvailable(server, name)
})

afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await rm(root, { recursive: true, force: true })
})

async function ask(name: string, body: unknown): Promise<unknown> {
  const answer = await exchange(server.rest, post(`${name}:predict`, JSON.stringify(body)))
  return { status: answer.status, ...JSON.parse(answer.body) }
}

test('each caller gets the answers to its own rows, however many it brings', async () => {
  const questions = Array.from({ length: CALLERS }, (_, caller) =>
    Array.from({ length: 1 + (caller % 5) }, (_each, row) => 100 * caller + row),
  )

  const answers = await Promise.all(
    questions.map(async (instances) => await ask('plus', { instances })),
  )

  expect(answers).toEqual(
    questions.map((rows) => ({ status: 200, predictions: rows.map((row) => row + 1) })),
  )
})

test('a request that does not fit costs the others nothing', async () => {
  const answers = await Promise.all(
    Array.from({ length: CALLERS }, async (_, caller) =>
      caller === 7
        ? await ask('plus', { instances: ['x'] })
        : await ask('plus', { instances: [1] }),
    ),
  )

  expect(answers[7]).toMatchObject({ status: 400 })
  expect(answers.filter((_answer, caller) => caller !== 7)).toEqual(
    Array.from({ length: CALLERS - 1 }, () => ({ status: 200, predictions: [2] })),
  )
})

test('more rows than a batch has are refused', async () => {
  expect(await ask('plus', { instances: [1, 2, 3, 4, 5, 6, 7, 8, 9] })).toEqual({
    status: 400,
    error: 'Task size 9 is larger than maximum input batch size 8',
  })
})

test('a scalar is no batch', async () => {
  expect(await ask('square', { inputs: 1 })).toEqual({
    status: 400,
    error: 'Batching session Run() input tensors must have at least one dimension',
  })
})

test('nor is an output without rows', async () => {
  expect(await ask('scalar', { inputs: [1, 2] })).toMatchObject({ status: 400 })
})
