// What the control thread reads of models whose files are large.

import { mkdir, readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { floatTensor } from '@drover/serving-api'
import { afterAll, expect, test, vi } from 'vitest'
import { startSampleEngines } from '../sample-engines.ts'
import { startFolder } from '../sample-folder.ts'
import { denseModel, foreignModel } from '../sample-models.ts'
import { addTwinModel } from '../sample-twins.ts'
import type { EngineChoice } from '../choice.ts'
import type { InferenceError } from '../errors.ts'
import { Loader } from './loader.ts'

const LARGE_BYTES = 64 * 2 ** 20
const folder = await startFolder()
const shared = startSampleEngines({})

afterAll(async () => {
  await shared[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
})

/** What this process has read so far, in all its threads, of whatever files. */
async function bytesRead(): Promise<number> {
  const found = /^rchar: (\d+)$/m.exec(await readFile('/proc/self/io', 'utf8'))
  return Number(found?.[1])
}

/** Lays a large file of a checkpoint beside a model. */
async function enlarge(directory: string): Promise<void> {
  const shard = join(directory, 'variables/variables.data-00001-of-00002')
  await mkdir(join(directory, 'variables'), { recursive: true })
  await writeFile(shard, '')
  await truncate(shard, LARGE_BYTES)
}

/** What was read to load a model beside which a large checkpoint lies. */
async function readToLoad(bytes: Uint8Array, engine: EngineChoice): Promise<number> {
  const directory = await folder.add(bytes)
  await enlarge(directory)
  const before = await bytesRead()
  const model = await shared.engines.load(directory, { engine })
  const after = await bytesRead()
  await model.close()
  return after - before
}

test.each<[string, () => Uint8Array, EngineChoice]>([
  ['TensorFlow alone can run', foreignModel, 'auto'],
  ['is to be run by TensorFlow', () => denseModel([4, 3]), 'tensorflow'],
])('the checkpoint of a model that %s is not read', async (_name, bytes, engine) => {
  expect(await readToLoad(bytes(), engine)).toBeLessThan(LARGE_BYTES)
})

test('that of any other model is', async () => {
  expect(await readToLoad(denseModel([4, 3]), 'auto')).toBeGreaterThan(LARGE_BYTES)
})

test('models are prepared one after the other, whatever comes at once and fails', async () => {
  const good = await folder.add(denseModel([4, 3]))
  const garbage = await folder.add(new TextEncoder().encode('hello, I am no model'))
  await (await shared.engines.load(good)).close()
  const { worker } = shared.threads('loader-thread')[0] ?? {}
  const asked = worker && vi.spyOn(worker, 'postMessage')
  const askedByAnswer: (number | undefined)[] = []
  worker?.prependListener('message', () => askedByAnswer.push(asked?.mock.calls.length))

  const loads = [good, garbage, good, garbage].map(
    async (directory) => await shared.engines.load(directory),
  )
  const settled = await Promise.allSettled(loads)

  expect(settled.map(({ status }) => status)).toEqual([
    'fulfilled',
    'rejected',
    'fulfilled',
    'rejected',
  ])
  expect(askedByAnswer).toEqual([1, 2, 3, 4])
})

const FILES_MS_MAX = 20

test('a folder whose files do not come is not asked again until they have come', async () => {
  const directory = join(folder.path, 'nowhere')
  const loader = new Loader({
    start: () => new Worker('', { eval: true }),
    timeoutMs: FILES_MS_MAX,
    allowedOperations: [],
  })
  const refusal = async () =>
    await loader.load({ directory, engine: 'auto', tags: ['serve'] }).then(
      () => undefined,
      ({ code, message }: InferenceError) => ({ code, message }),
    )
  const first = refusal()
  // Nothing that is asked of the system comes while this thread does not look for it.
  const sinceMs = performance.now()
  while (performance.now() - sinceMs < FILES_MS_MAX * 2);
  const late = { code: 'LOAD_FAILED', message: `the files in ${directory} do not come` }

  const [one, other] = await Promise.all([first, first.then(refusal)])
  expect([one, other]).toEqual([late, late])

  await vi.waitUntil(async () => (await refusal())?.message !== late.message)
  await loader.close()
})

test('a model whose variables are large is run by a fast engine', async () => {
  const directory = await addTwinModel(folder, [3, 5, 7])
  await enlarge(directory)
  const model = await shared.engines.load(directory)

  const { y } = await model.servable.run('serving_default', { x: floatTensor([2, 2, 2]) })

  expect(model.engine).not.toBe('tensorflow')
  expect(y).toEqual(floatTensor([6, 10, 14]))
  await model.close()
})
