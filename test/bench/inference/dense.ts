// Predicts of the network of 101,770 parameters: ours against bare onnxruntime-node, tfjs-node and Python TensorFlow.

import { loadServable, startTensorflowHost } from '@drover/inference'
import { openTranslation, readSavedModel, translateToData } from '@drover/saved-model'
import { floatTensor } from '@drover/serving-api'
import * as ort from 'onnxruntime-node'
import type { BenchRow } from '../main.ts'
import { inputsOf, LARGE, network } from '../model-server/models.ts'
import { timesOfPython, turnsOf, withModel } from './timing.ts'

const FULL = { turns: 40, rounds: 2_000 }
const QUICK = { turns: 1, rounds: 5 }
const RATIO_MAX = 1.2

export async function* benchDense(isQuick: boolean): AsyncGenerator<BenchRow> {
  const size = isQuick ? QUICK : FULL
  const bytes = network(LARGE, 1)
  await using tensorflow = startTensorflowHost({})
  const rows = await withModel(bytes, async (directory) => {
    const all: BenchRow[] = []
    for (const batch of [1, 64])
      all.push(await predictRow({ bytes, directory, tensorflow }, batch, size))
    return all
  })
  yield* rows
}

interface Given {
  bytes: Uint8Array
  directory: string
  tensorflow: ReturnType<typeof startTensorflowHost>
}

async function predictRow(
  { bytes, directory, tensorflow }: Given,
  batch: number,
  { turns, rounds }: { turns: number; rounds: number },
): Promise<BenchRow> {
  const [width] = LARGE
  const x = floatTensor(Float32Array.from(inputsOf(width * batch)), [batch, width])
  const ours = await loadServable(directory, { engine: 'fast' })
  const theirs = await loadServable(directory, { engine: 'tensorflow', tensorflow })
  const bare = await bareOnnx(bytes)
  const [input = ''] = bare.inputNames
  const feeds = { [input]: new ort.Tensor('float32', x.values, x.shape) }
  const [own, floor, tfjs] = await turnsOf(turns, [
    async () => await ours.run('serving_default', { x }),
    async () => await bare.run(feeds),
    async () => await theirs.run('serving_default', { x }),
  ])
  const values = Array.from({ length: batch }, (_, row) =>
    Array.from(x.values.slice(row * width, (row + 1) * width)),
  )
  const python = await timesOfPython({ directory, input: 'x', values, dtype: 'float32', rounds })
  await Promise.all([ours.close(), theirs.close(), bare.release()])
  return {
    name: `predict of ${LARGE.join('-')}, batch ${batch}, against bare onnxruntime-node`,
    unit: 'us',
    value: own?.median ?? NaN,
    floor: floor?.median ?? NaN,
    goal: RATIO_MAX,
    notes: {
      engine: ours.engine,
      'the first after others have run, us': own?.first.toFixed(0) ?? '',
      'bare onnxruntime-node so, us': floor?.first.toFixed(0) ?? '',
      'tfjs-node in its process, us': tfjs?.median.toFixed(0) ?? '',
      'Python TensorFlow, us': python.predict.toFixed(0),
    },
  }
}

/** The same model by onnxruntime-node and nothing else, as fast as that can be. */
async function bareOnnx(bytes: Uint8Array): Promise<ort.InferenceSession> {
  const { signatures } = openTranslation(translateToData(readSavedModel(bytes)))
  const model = signatures['serving_default']?.model
  if (model === undefined) throw new Error('the model has no part for onnxruntime')
  return await ort.InferenceSession.create(model.bytes, {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    executionMode: 'sequential',
  })
}
