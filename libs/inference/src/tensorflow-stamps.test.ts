// TensorFlow reads a model's files by itself, after they were checked: another file in the place of one
// of them is nobody's to load.

import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { floatTensor } from '@drover/serving-api'
import { afterAll, expect, test, vi } from 'vitest'
import type { InferenceError } from './errors.ts'
import { readOutline } from './model-files.ts'
import { startFolder } from './sample-folder.ts'
import { foreignModel } from './sample-models.ts'
import { startTensorflowHost } from './tensorflow-host.ts'

const SETTLES = { timeout: 30_000, interval: 10 }
const folder = await startFolder()
afterAll(async () => await folder[Symbol.asyncDispose]())

const graph = (directory: string) => join(directory, 'saved_model.pb')
/** The same bytes, as another file. */
async function replace(directory: string): Promise<void> {
  await rm(graph(directory))
  await writeFile(graph(directory), foreignModel())
}

test.each([false, true])(
  'what was changed after it was checked is not loaded; mended: %s',
  async (needsMending) => {
    await using host = startTensorflowHost()
    const directory = await folder.add(foreignModel())
    const { stamps } = await readOutline(directory)
    const model = await host.load(directory, { stamps, needsMending })
    await model.close()

    await replace(directory)

    await expect(host.load(directory, { stamps, needsMending })).rejects.toMatchObject({
      code: 'LOAD_FAILED',
      cause: { message: expect.stringContaining(`${graph(directory)} was changed`) },
    })
  },
)

test('what was changed is given up by the next life, and nothing else is', async () => {
  await using host = startTensorflowHost()
  const [changed, same] = [await folder.add(foreignModel()), await folder.add(foreignModel())]
  const lost: InferenceError[] = []
  const load = async (directory: string) =>
    await host.load(directory, {
      stamps: (await readOutline(directory)).stamps,
      onLost: (error) => lost.push(error),
    })
  await load(changed)
  const kept = await load(same)
  await replace(changed)

  process.kill(host.pid ?? 0, 'SIGKILL')

  await vi.waitUntil(() => lost.length > 0, SETTLES)
  expect(lost).toMatchObject([{ code: 'LOAD_FAILED' }])
  const [y] = await kept.run([{ name: 'x:0', tensor: floatTensor([1, 2]) }], ['y:0'])
  expect(y).toMatchObject({ dtype: 'DT_FLOAT', shape: [2] })
})
