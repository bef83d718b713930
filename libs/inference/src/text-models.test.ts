// SavedModels whose graph is a text.

import { rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { savedModelOfText } from '@drover/saved-model'
import { floatTensor } from '@drover/serving-api'
import { afterAll, expect, test } from 'vitest'
import { inspectModel } from './inspect.ts'
import { loadServable } from './load.ts'
import { readModelFiles } from './model-files.ts'
import { startFolder } from './sample-folder.ts'
import { graphText } from './sample-text-graphs.ts'
import { startTensorflowHost } from './tensorflow-host.ts'

const TEST_MS_MAX = 120_000
const folder = await startFolder()
afterAll(async () => await folder[Symbol.asyncDispose]())

const textOf = (op: string, more = ''): string => graphText(op, ['serve'], more)

/** A folder with a text, and with nothing else. */
async function write(text: string): Promise<string> {
  const directory = await folder.add(Buffer.from(text))
  await rename(join(directory, 'saved_model.pb'), join(directory, 'saved_model.pbtxt'))
  return directory
}

const ASKED = { x: floatTensor([1, -2], [2]) }

test.each(['auto', 'fast', 'onnx', 'tensorflow'] as const)(
  '%s answers with a model that is a text',
  async (engine) => {
    await using tensorflow = startTensorflowHost()
    const servable = await loadServable(await write(textOf('Neg')), { engine, tensorflow })

    const { y } = await servable.run('serving_default', ASKED)

    expect(Array.from<unknown>(y?.values ?? [])).toEqual([-1, 2])
    await servable.close()
  },
  TEST_MS_MAX,
)

test(
  'TensorFlow loads a text with a name that is younger than itself',
  async () => {
    await using tensorflow = startTensorflowHost()
    // The engine is TensorFlow 2.15; what 2.21 writes of an operation may say this.
    const attr = 'attr { name: "T" default_value { type: DT_INT2 } }'
    const text = textOf('Neg').replace(
      'tags: ["serve"]',
      `tags: ["serve"] stripped_op_list { op { name: "Neg" ${attr} } }`,
    )
    const directory = await write(text)

    const servable = await loadServable(directory, { engine: 'tensorflow', tensorflow })

    expect(await servable.run('serving_default', ASKED)).toMatchObject({ y: { shape: [2] } })
    // It reads texts itself, but none with such a name.
    await tensorflow.load(await write(textOf('Neg')))
    await expect(tensorflow.load(directory)).rejects.toMatchObject({ code: 'LOAD_FAILED' })
    await servable.close()
  },
  TEST_MS_MAX,
)

test('where both are there the text is not looked at', async () => {
  const directory = await write('no text of a model')
  await expect(readModelFiles(directory)).rejects.toMatchObject({
    code: 'LOAD_FAILED',
    cause: {
      message: 'saved_model.pbtxt',
      cause: { message: 'line 1, column 1: SavedModel has no field no' },
    },
  })

  await writeFile(join(directory, 'saved_model.pb'), savedModelOfText(Buffer.from(textOf('Neg'))))

  const { savedModel } = await readModelFiles(directory)
  expect(savedModel.graph.nodes.map(({ op }) => op)).toEqual(['Placeholder', 'Neg'])
})

test('a text does not stand in for what is broken, or a link out of the model', async () => {
  const [broken, linked] = [await write(textOf('Neg')), await write(textOf('Neg'))]
  const elsewhere = join(await write(textOf('Neg')), 'saved_model.pbtxt')
  await symlink('nowhere', join(broken, 'saved_model.pb'))
  await rm(join(linked, 'saved_model.pbtxt'))
  await symlink(elsewhere, join(linked, 'saved_model.pbtxt'))

  await expect(readModelFiles(broken)).rejects.toMatchObject({ code: 'LOAD_FAILED' })
  await expect(readModelFiles(linked)).rejects.toMatchObject({
    code: 'LOAD_FAILED',
    cause: { message: `${join(linked, 'saved_model.pbtxt')} is a link out of the model` },
  })
})

test('a text is inspected, and refused where it is unsafe', async () => {
  const [plain, unsafe] = [
    await inspectModel(await write(textOf('Neg'))),
    await inspectModel(await write(textOf('ReadFile'))),
  ]

  expect(plain.graphs.map(({ engine }) => engine)).toEqual(['kernel'])
  expect(unsafe.graphs).toMatchObject([
    { engine: undefined, reasons: [{ reason: 'the node y is ReadFile, which reads files' }] },
  ])
  await expect(readModelFiles(await write(textOf('ReadFile')))).rejects.toThrow('ReadFile')
})

test('a text that names an asset needs it', async () => {
  const text = textOf('Neg', 'asset_file_def { filename: "words.txt" }')

  await expect(readModelFiles(await write(text))).rejects.toThrow('assets/words.txt is missing')
})
