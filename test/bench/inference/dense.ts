// The network of 101,770 parameters: ours against bare onnxruntime-node, tfjs-node and Python TensorFlow.

import { loadServable, startTensorflowHost } from '@drover/inference'
import { openTranslation, readSavedModel, translateToData } from '@drover/saved-model'
import { floatTensor } from '@drover/serving-api'
import * as ort from 'onnxruntime-node'
import type { BenchRow } from '../main.ts'
import { inputsOf, LARGE, network } from '../model-server/models.ts'
import { timesOf, timesOfPython, withModel } from './timing.ts'

const FULL = { loads: 200, rounds: 3_000 }
const QUICK = { loads: 2, rounds: 5 }
const LOAD_MS_MAX = 3
const RATIO_MAX = 1.2
const WARM_UPS = 200

export async function* benchDense(isQuick: boolean): AsyncGenerator<BenchRow> {
  const size = isQuick ? QUICK : FULL
  const bytes = network(LARGE, 1)
  await using tensorflow = startTensorflowHost({})
  const rows = await withModel(bytes, async (directory) => {
    const load = async () => await (await loadServable(directory, { engine: 'fast' })).close()
    const [ours = NaN] = await timesOf(size.loads, [load])
    const all = [loadRow(ours)]
    for (const batch of [1, 64])
      all.push(await predictRow({ bytes, directory, tensorflow }, batch, size.rounds))
    return all
  })
  yield* rows
}

const loadRow = (us: number): BenchRow => ({
  name: `load of ${LARGE.join('-')}`,
  unit: 'ms',
  value: us / 1_000,
  goal: LOAD_MS_MAX,
  notes: {},
})

interface Given {
  bytes: Uint8Array
  directory: string
  tensorflow: ReturnType<typeof startTensorflowHost>
}

async function predictRow(
  { bytes, directory, tensorflow }: Given,
  batch: number,
  rounds: number,
): Promise<BenchRow> {
  const [width] = LARGE
  const x = floatTensor(Float32Array.from(inputsOf(width * batch)), [batch, width])
  const ours = await loadServable(directory, { engine: 'fast' })
  const theirs = await loadServable(directory, { engine: 'tensorflow', tensorflow })
  const bare = await bareOnnx(bytes)
  const [input = ''] = bare.inputNames
  const feeds = { [input]: new ort.Tensor('float32', x.values, x.shape) }
  const works = [
    async () => await ours.run('serving_default', { x }),
    async () => await bare.run(feeds),
    async () => await theirs.run('serving_default', { x }),
  ]
  await timesOf(Math.min(WARM_UPS, rounds), works)
  const [value = NaN, floor = NaN, tfjs = NaN] = await timesOf(rounds, works)
  const values = Array.from({ length: batch }, (_, row) =>
    Array.from(x.values.slice(row * width, (row + 1) * width)),
  )
  const python = await timesOfPython({ directory, input: 'x', values, dtype: 'float32', rounds })
  await Promise.all([ours.close(), theirs.close(), bare.release()])
  return {
    name: `predict of ${LARGE.join('-')}, batch ${batch}, against bare onnxruntime-node`,
    unit: 'us',
    value,
    floor,
    goal: RATIO_MAX,
    notes: {
      engine: ours.engine,
      'tfjs-node in its process, us': tfjs.toFixed(0),
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
