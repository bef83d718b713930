import { join } from 'node:path'
import { floatTensor, stringTensor, type Tensor } from '@drover/serving-api'
import { afterAll, describe, expect, test } from 'vitest'
import { loadServable } from './load.ts'
import { startFolder } from './sample-folder.ts'
import { foreignModel, tabularModel } from './sample-models.ts'
import { bool, int64 } from './sample-tensors.ts'
import { startTensorflowHost } from './tensorflow-host.ts'

type Inputs = Record<string, Tensor>

const tensorflow = startTensorflowHost()
const folder = await startFolder()

afterAll(async () => {
  await tensorflow[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
})

describe('the engine', () => {
  test('auto is onnx where the model can be translated', async () => {
    const directory = await folder.add(tabularModel())
    const servable = await loadServable(directory, { engine: 'auto', tensorflow })

    expect(servable.engine).toBe('onnx')
    expect(servable.sizeBytes).toBe(tabularModel().length)
    await servable.close()
  })

  test('auto is TensorFlow where it cannot', async () => {
    const directory = await folder.add(foreignModel())
    const servable = await loadServable(directory, { engine: 'auto', tensorflow })

    const { y } = await servable.run('serving_default', { x: floatTensor([5]) })

    expect(servable.engine).toBe('tensorflow')
    expect(y?.values[0]).toBeCloseTo(Math.log(24))
    await servable.close()
  })

  test('onnx says which node it cannot translate', async () => {
    const directory = await folder.add(foreignModel())

    const loading = loadServable(directory, { engine: 'onnx', tensorflow })

    await expect(loading).rejects.toMatchObject({
      code: 'UNTRANSLATABLE',
      cause: { message: 'Lgamma (node y): it has no translation' },
    })
  })

  test.each(['onnx', 'tensorflow', 'auto'] as const)('%s refuses garbage', async (engine) => {
    const directory = await folder.add(new TextEncoder().encode('hello, I am no model'))

    const loading = loadServable(directory, { engine, tensorflow })

    await expect(loading).rejects.toMatchObject({ code: 'LOAD_FAILED' })
  })

  test('a folder without a model is refused', async () => {
    const loading = loadServable(join(folder.path, 'nowhere'), { engine: 'auto', tensorflow })

    await expect(loading).rejects.toMatchObject({ code: 'LOAD_FAILED' })
  })
})

describe.each(['onnx', 'tensorflow'] as const)('a request to %s is refused', (engine) => {
  const two = floatTensor([1, 2], [2, 1])
  const good = {
    distance: two,
    hour: two,
    count: int64([1n, 2n], [2, 1]),
    weekend: bool([1, 0], [2, 1]),
  }
  const airport = stringTensor(['LAX', ''], [2, 1])
  test.each<[string, string, Inputs, RegExp]>([
    ['for a signature that is not there', 'other', {}, /no signature "other"/],
    ['without one of its inputs', 'serving_default', good, /input airport is missing/],
    [
      'with another type',
      'serving_default',
      { ...good, airport, hour: bool([1, 1], [2, 1]) },
      /hour is DT_BOOL/,
    ],
    [
      'with another shape',
      'serving_default',
      { ...good, airport: stringTensor(['LAX', '']) },
      /airport has the shape \[2\], not \[-1, 1\]/,
    ],
    [
      'with too few values',
      'serving_default',
      { ...good, airport: { ...airport, shape: [3, 1] } },
      /2 values for the shape \[3, 1\]/,
    ],
  ])('%s', async (_, signature, inputs, message) => {
    const directory = await folder.add(tabularModel())
    const servable = await loadServable(directory, { engine, tensorflow })

    const running = servable.run(signature, inputs)

    await expect(running).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: expect.stringMatching(message),
    })
    await servable.close()
  })
})

const column = (rows: number) => floatTensor(new Float32Array(rows), [rows, 1])

test('rows that do not fit together fail in both engines', async () => {
  const directory = await folder.add(tabularModel())
  for (const engine of ['onnx', 'tensorflow'] as const) {
    const servable = await loadServable(directory, { engine, tensorflow })

    const running = servable.run('serving_default', {
      distance: column(2),
      hour: column(3),
      count: int64([1n], [1, 1]),
      weekend: bool([1], [1, 1]),
      airport: stringTensor(['LAX'], [1, 1]),
    })

    await expect(running, engine).rejects.toMatchObject({ code: 'RUN_FAILED' })
    await servable.close()
  }
})
