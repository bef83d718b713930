import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { collectOutput } from './output.ts'
import { startTrainer, type Trainer, type TrainRequest } from './trainer.ts'

const FLIGHTS = join(import.meta.dirname, '../fixtures/flights-bwi.csv')
const WAIT = { timeout: 30_000 }
const SLOW_ROWS = 20_000

let folder: string
let slowData: string
let trainer: Trainer
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drover-trainer-'))
  slowData = join(folder, 'slow.csv')
  const lines = Array.from(
    { length: SLOW_ROWS },
    (_, row) => `word${row % 997} other${row % 101},l${row % 50}`,
  )
  await writeFile(slowData, `text,category\n${lines.join('\n')}\n`)
  trainer = startTrainer()
  await trainer.warm()
})
afterAll(async () => {
  await trainer[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

async function request(more: Partial<TrainRequest> = {}): Promise<TrainRequest> {
  return {
    recipe: {
      name: 'tabular-classifier',
      label: 'late',
      columns: { hour: { type: 'cyclic', period: 24 }, distance: { type: 'number' } },
    },
    dataPath: FLIGHTS,
    outputDirectory: await mkdtemp(join(folder, 'output-')),
    timeoutMs: 20_000,
    signal: new AbortController().signal,
    ...more,
  }
}

/** A training of minutes. */
const slow = async (more: Partial<TrainRequest> = {}): Promise<TrainRequest> =>
  await request({
    recipe: {
      name: 'text-classifier',
      text: 'text',
      label: 'category',
      buckets: 2_048,
      hidden: 48,
      epochs: 100,
    },
    dataPath: slowData,
    ...more,
  })

/** Gone, or a zombie that nobody has reaped yet. */
async function hasEnded(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') Z ')
  return stat.includes(') Z ')
}

describe('a trainer', () => {
  test('writes a version and says how good it is, in a process that stays warm', async () => {
    const { pid } = trainer
    const order = await request()

    const { quality } = await trainer.train(order)
    await trainer.train(await request())

    const files = await collectOutput(order.outputDirectory)
    expect(files.map(({ path }) => path)).toEqual([
      'assets.extra/drover/golden.json',
      'saved_model.pb',
    ])
    expect(quality).toMatchObject({ heldOut: 'folds', rows: 336 })
    expect(trainer.pid).toBe(pid)
  })

  test('says what is wrong with the data, and trains the next', async () => {
    const bad = join(folder, 'bad.csv')
    await writeFile(bad, 'hour,distance,late\n1,2,yes\n1,far,no\n')

    const failed = trainer.train(await request({ dataPath: bad }))

    await expect(failed).rejects.toMatchObject({
      code: 'BAD_DATA',
      message: 'line 3: distance is "far", which is not a number',
    })
    await expect(trainer.train(await request())).resolves.toBeDefined()
  })

  test('trains one after the other, however many ask', async () => {
    const orders = await Promise.all(Array.from({ length: 5 }, async () => await request()))

    await Promise.all(orders.map(async (order) => await trainer.train(order)))

    const written = await Promise.all(
      orders.map(async ({ outputDirectory }) => await readdir(outputDirectory)),
    )
    expect(written).toEqual(Array.from({ length: 5 }, () => ['assets.extra', 'saved_model.pb']))
  })

  test('whose process is killed while it trains says so, and trains the next', async () => {
    const { pid = 0 } = trainer
    const failed = trainer.train(await slow())
    process.kill(pid, 'SIGKILL')

    await expect(failed).rejects.toMatchObject({
      code: 'TRANSIENT',
      message: 'the training process ended (SIGKILL)',
    })
    await expect(trainer.train(await request())).resolves.toBeDefined()
    expect(trainer.pid).not.toBe(pid)
  })

  test('ends a training that takes too long, with its process, and trains the next', async () => {
    const { pid = 0 } = trainer

    const failed = trainer.train(await slow({ timeoutMs: 300 }))

    await expect(failed).rejects.toMatchObject({
      code: 'TIMEOUT',
      message: 'the training took longer than 300 ms',
    })
    expect(await hasEnded(pid)).toBe(true)
    await expect(trainer.train(await request())).resolves.toBeDefined()
  })

  test('ends a training that is cancelled, at work or waiting for its turn', async () => {
    const cancel = new AbortController()
    const { signal } = cancel
    const order = await request()
    const working = trainer.train(await slow({ signal }))
    const waiting = trainer.train({ ...order, signal })

    cancel.abort()
    const late = trainer.train({ ...order, signal })

    for (const outcome of await Promise.allSettled([working, waiting, late]))
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'CANCELLED' } })
    await expect(trainer.train(await request())).resolves.toBeDefined()
  })

  test('gives its process no environment but what TensorFlow needs', async () => {
    const environment = await readFile(`/proc/${trainer.pid}/environ`, 'utf8')

    const names = environment.split('\0').map((entry) => entry.split('=')[0])
    expect(names.filter((name) => name !== '' && !/^(NODE_CHANNEL_|TF_)/.test(name ?? ''))).toEqual(
      [],
    )
  })

  test('ends its process when it is disposed of, and what it trains is cancelled', async () => {
    const other = startTrainer()
    const { pid = 0 } = other
    const failed = other.train(await slow())

    const [outcome] = await Promise.allSettled([failed, other[Symbol.asyncDispose]()])

    expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'CANCELLED' } })
    expect(await hasEnded(pid)).toBe(true)
    await expect(other.train(await request())).rejects.toMatchObject({ code: 'CANCELLED' })
  })

  test('leaves no process behind when whoever started it is killed in the middle of a training', async () => {
    const program = join(folder, 'parent.mjs')
    const order = { ...(await slow()), signal: undefined }
    await writeFile(
      program,
      `import { startTrainer } from ${JSON.stringify(new URL('../dist/index.js', import.meta.url).href)}
       const trainer = startTrainer()
       await trainer.warm()
       const order = ${JSON.stringify(order)}
       void trainer.train({ ...order, signal: new AbortController().signal })
       process.send(trainer.pid)`,
    )
    const parent = fork(program, [], { execArgv: [] })
    const [pid] = z
      .tuple([z.int()])
      .rest(z.unknown())
      .parse(await once(parent, 'message'))

    parent.kill('SIGKILL')

    await expect.poll(async () => await hasEnded(pid), WAIT).toBe(true)
  })
})
