import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { type LocalDrover, processesOf, startLocalDrover } from '../support/local.ts'

const TEST_MS_MAX = 120_000
const ROW = '{"hour": 21, "weekday": "friday", "distance": 500, "destination": "MCO"}'

const Waited = z.object({
  models: z.array(z.object({ name: z.string(), stage: z.string(), note: z.string() })),
  seconds: z.number(),
})
const Predicted = z.object({
  predictions: z.array(
    z.object({
      server: z.string(),
      prediction: z.object({ label: z.string(), scores: z.array(z.number()) }),
    }),
  ),
})

describe('the commands against a running Drover', () => {
  let drover: LocalDrover

  beforeAll(async () => {
    drover = await startLocalDrover()
  }, TEST_MS_MAX)

  afterAll(async () => await drover[Symbol.asyncDispose]())

  test(
    'the 21st airport is onboarded and served by both servers',
    { timeout: TEST_MS_MAX },
    async () => {
      const { models } = await drover.json(Waited, 'onboard', 'bwi', '--sample', 'flights')

      expect(models).toMatchObject([{ name: 'bwi.late', stage: 'served' }])
      expect(models[0]?.note).toContain('2 of 2')
      const { predictions } = await drover.json(Predicted, 'predict', 'bwi.late', ROW)
      expect(predictions).toHaveLength(2)
      expect(predictions[0]?.prediction).toEqual(predictions[1]?.prediction)
    },
  )

  test('status and why say where a model is and how it came there', async () => {
    const status = await drover.run('status')
    const why = await drover.run('why', 'bwi')

    expect(status.stdout).toMatch(/bwi\.late\s.*served/)
    for (const word of ['declared', 'trained', 'judged', 'live']) expect(why.stdout).toContain(word)
  })

  test(
    'a training asked for by hand makes a new version, and a rollback returns to the old',
    { timeout: TEST_MS_MAX },
    async () => {
      const trained = await drover.json(Waited, 'train', 'bwi')
      const rolledBack = await drover.run('rollback', 'bwi.late')

      expect(trained.models[0]?.note).toContain('version 2')
      expect(rolledBack.code, rolledBack.stderr).toBe(0)
      await expect
        .poll(async () => (await drover.run('status', 'bwi')).stdout, { timeout: 20_000 })
        .toMatch(/version 1 on 2 of 2/)
    },
  )

  test('why tells what a rollback holds back and how it is released, and the audit who did it', async () => {
    const why = await drover.run('why', 'bwi')
    const audit = await drover.run('audit', 'bwi')
    const ofFleet = await drover.run('audit', '--fleet', 'main')

    expect(why.stdout).toContain('rolled back by operator and pinned to version 1')
    expect(why.stdout).toContain('version 2 waits until it is released by: drover release bwi.late')
    expect(audit.stdout).toMatch(/api +tenant bwi +train late[^]*operator +pins of bwi +rollback/)
    expect(ofFleet.stdout).toMatch(/restarter +fleet main +live moved to/)
  })

  test('logs shows what every part logged about a client, and nothing of another', async () => {
    const { stdout } = await drover.run('logs', 'bwi')

    for (const part of ['trainer-scheduler', 'config-publisher']) expect(stdout).toContain(part)
    expect(stdout).not.toContain('"tenant":"ord"')
  })

  test('a text model takes the raw string', { timeout: TEST_MS_MAX }, async () => {
    const file = join(drover.home, 'texts.csv')
    await writeFile(file, textRows())

    const { models } = await drover.json(
      Waited,
      'onboard',
      'acme',
      '--model',
      'intent',
      '--recipe',
      'text-classifier',
      '--data',
      file,
    )
    const { predictions } = await drover.json(
      Predicted,
      'predict',
      'acme.intent',
      'my CARD was lost, help',
    )

    expect(models).toMatchObject([{ name: 'acme.intent', stage: 'served' }])
    expect(predictions.map(({ prediction }) => prediction.label)).toEqual(['card', 'card'])
  })

  test(
    'a SavedModel trained elsewhere is pushed through the same gate',
    { timeout: TEST_MS_MAX },
    async () => {
      const source = join(drover.home, 'store', 'models', 'acme', 'intent', '1')
      const folder = join(drover.home, 'pushed')
      await mkdir(folder)
      await writeFile(
        join(folder, 'saved_model.pb'),
        await readFile(join(source, 'saved_model.pb')),
      )

      const { models } = await drover.json(Waited, 'push', 'acme.ext', folder)
      const { predictions } = await drover.json(
        Predicted,
        'predict',
        'acme.ext',
        'send money abroad',
      )

      expect(models).toMatchObject([{ name: 'acme.ext', stage: 'served' }])
      expect(predictions).toHaveLength(2)
    },
  )

  test('an offboarded client is no longer answered', { timeout: TEST_MS_MAX }, async () => {
    const gone = await drover.run('offboard', 'bwi')

    expect(gone.code, gone.stderr).toBe(0)
    await expect
      .poll(async () => (await drover.run('predict', 'bwi.late', ROW)).code, { timeout: 20_000 })
      .toBe(3)
  })

  test.each([
    ['an unknown tenant', ['why', 'nobody'], 3, 'nobody'],
    ['a name against the rules', ['onboard', 'Bad_Name', '--sample', 'flights'], 2, 'a-z, 0-9'],
    [
      'a recipe that does not exist',
      ['onboard', 'x', '--model', 'm', '--recipe', 'magic', '--data', 'LICENSE'],
      2,
      'recipe',
    ],
    [
      'a file that is not there',
      ['onboard', 'x', '--model', 'm', '--recipe', 'text-classifier', '--data', 'none.csv'],
      2,
      'none.csv',
    ],
    ['a row of the wrong columns', ['predict', 'acme.intent', '{"wrong": 1}'], 2, 'wrong'],
    ['an unknown command', ['dance'], 2, 'dance'],
  ])('%s is refused with a sentence', async (_, args, code, text) => {
    const ran = await drover.run(...args)

    expect(ran.code).toBe(code)
    expect(ran.stderr).toContain(text)
    expect(ran.stderr).not.toMatch(/^\s+at /m)
  })

  test('Ctrl-C ends everything', { timeout: TEST_MS_MAX }, async () => {
    expect(drover.process.exitCode).toBeNull()

    expect(await drover.interrupt()).toEqual({ exitCode: 0, signalCode: null })

    expect(await processesOf(drover.home)).toEqual([])
  })
})

/** Two kinds of texts that words alone tell apart. */
function textRows(): string {
  const cards = ['lost', 'stolen', 'broken', 'expired', 'blocked']
  const transfers = ['abroad', 'home', 'to a friend', 'by phone', 'twice']
  const rows = Array.from({ length: 60 }, (_, index) => [
    `"my card was ${cards[index % 5]}, case ${index}",card`,
    `"send money ${transfers[index % 5]}, case ${index}",transfer`,
  ])
  return ['text,category', ...rows.flat(), ''].join('\n')
}
