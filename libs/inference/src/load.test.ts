import { join } from 'node:path'
import { floatTensor, stringTensor, type Tensor } from '@drover/serving-api'
import { describe, expect, test } from 'vitest'
import { startAround } from './around.fixture.ts'
import { loadServable } from './load.ts'
import { denseModel, foreignModel, tabularModel } from './sample-models.ts'
import { bool, int64 } from './sample-tensors.ts'

type Inputs = Record<string, Tensor>

const { tensorflow, folder } = await startAround()

describe('the engine', () => {
  test('auto is a kernel where they are able', async () => {
    const directory = await folder.add(tabularModel())
    const servable = await loadServable(directory, { engine: 'auto', tensorflow })

    expect(servable.engine).toBe('kernel')
    expect(servable.sizeBytes).toBe(tabularModel().length)
    await servable.close()
  })

  test('fast is onnx where a row costs too much for a kernel', async () => {
    const directory = await folder.add(denseModel([2_100, 2_000]))
    const servable = await loadServable(directory, { engine: 'fast' })

    const { scores } = await servable.run('serving_default', {
      x: floatTensor(new Float32Array(2_100), [1, 2_100]),
    })

    expect(servable.engine).toBe('onnx')
    expect(scores?.shape).toEqual([1, 2_000])
    await servable.close()
  })

  test('auto is TensorFlow where neither is able', async () => {
    const directory = await folder.add(foreignModel())
    const servable = await loadServable(directory, { engine: 'auto', tensorflow })

    const { y } = await servable.run('serving_default', { x: floatTensor([5]) })

    expect(servable.engine).toBe('tensorflow')
    expect(y?.values[0]).toBeCloseTo(Math.log(24))
    await servable.close()
  })

  test('fast says which node it cannot translate', async () => {
    const directory = await folder.add(foreignModel())

    const loading = loadServable(directory, { engine: 'fast' })

    await expect(loading).rejects.toMatchObject({
      code: 'UNTRANSLATABLE',
      cause: { message: 'Lgamma (node y): it has no translation' },
    })
  })

  test.each(['fast', 'onnx', 'tensorflow', 'auto'] as const)(
    '%s refuses garbage',
    async (engine) => {
      const directory = await folder.add(new TextEncoder().encode('hello, I am no model'))

      const loading = loadServable(directory, { engine, tensorflow })

      await expect(loading).rejects.toMatchObject({ code: 'LOAD_FAILED' })
    },
  )

  test('a folder without a model is refused', async () => {
    const loading = loadServable(join(folder.path, 'nowhere'), { engine: 'auto', tensorflow })

    await expect(loading).rejects.toMatchObject({ code: 'LOAD_FAILED' })
  })
})

describe.each(['fast', 'onnx', 'tensorflow'] as const)('a request to %s is refused', (engine) => {
  const two = floatTensor([1, 2], [2, 1])
  const good = {
    distance: two,
    hour: two,
    count: int64([1n, 2n], [2, 1]),
    weekend: bool([1, 0], [2, 1]),
  }
  const airport = stringTensor(['LAX', ''], [2, 1])
  test.each<[string, string, Inputs, RegExp]>([
    ['for a signature that is not there', 'other', {}, /signature key "other" not found/],
    ['without one of its inputs', 'serving_default', good, /Missing but required: \{airport\}/],
    [
      'with another type',
      'serving_default',
      { ...good, airport, hour: bool([1, 1], [2, 1]) },
      /to be float but bool is provided/,
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

    const running = async () => await servable.run(signature, inputs)

    await expect(running()).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: expect.stringMatching(message),
    })
    await servable.close()
  })
})

const column = (rows: number) => floatTensor(new Float32Array(rows), [rows, 1])

test('rows that do not fit together fail in every engine', async () => {
  const directory = await folder.add(tabularModel())
  for (const engine of ['fast', 'onnx', 'tensorflow'] as const) {
    const servable = await loadServable(directory, { engine, tensorflow })

    const running = async () =>
      await servable.run('serving_default', {
        distance: column(2),
        hour: column(3),
        count: int64([1n], [1, 1]),
        weekend: bool([1], [1, 1]),
        airport: stringTensor(['LAX'], [1, 1]),
      })

    const code = engine === 'fast' ? 'INVALID_INPUT' : 'RUN_FAILED'
    await expect(running(), engine).rejects.toMatchObject({ code })
    await servable.close()
  }
})
