// A classifier of raw texts with 100,000 parameters, and a text of 20 words.

import { loadServable, startTensorflowHost } from '@drover/inference'
import { writeSavedModel } from '@drover/saved-model'
import { stringTensor } from '@drover/serving-api'
import { textGraph } from '@drover/training'
import type { BenchRow } from '../main.ts'
import { makeRandom } from '../model-server/models.ts'
import { timesOf, timesOfPython, withModel } from './timing.ts'

const FULL = 3_000
const QUICK = 5
const US_MAX = 150
const WARM_UPS = 200
const [BUCKETS, HIDDEN, LABELS] = [6_240, 16, ['refund', 'card', 'size', 'other']] as const
const TEXT =
  'My new credit card did not arrive in the post, and now it is refused abroad: please send me another'

export async function* benchText(isQuick: boolean): AsyncGenerator<BenchRow> {
  const rounds = isQuick ? QUICK : FULL
  await using tensorflow = startTensorflowHost({})
  yield await withModel(modelBytes(), async (directory) => {
    const ours = await loadServable(directory, { engine: 'fast' })
    const theirs = await loadServable(directory, { engine: 'tensorflow', tensorflow })
    const text = stringTensor([TEXT])
    const works = [
      async () => await ours.run('serving_default', { text }),
      async () => await theirs.run('serving_default', { text }),
    ]
    await timesOf(Math.min(WARM_UPS, rounds), works)
    const [value = NaN, tfjs = NaN] = await timesOf(rounds, works)
    const given = { directory, input: 'text', values: [TEXT], dtype: 'string', rounds } as const
    const python = await timesOfPython(given)
    await Promise.all([ours.close(), theirs.close()])
    return {
      name: `predict of a text of ${TEXT.split(' ').length} words, ${parameters()} parameters`,
      unit: 'us',
      value,
      goal: US_MAX,
      notes: {
        engine: ours.engine,
        'tfjs-node in its process, us': tfjs.toFixed(0),
        'Python TensorFlow, us': python.predict.toFixed(0),
      },
    }
  })
}

const parameters = (): number => (BUCKETS + 1) * HIDDEN + (HIDDEN + 1) * LABELS.length

function modelBytes(): Uint8Array {
  const next = makeRandom(1)
  const weights = (count: number) => Float32Array.from({ length: count }, () => next() - 0.5)
  return writeSavedModel(
    textGraph({
      buckets: BUCKETS,
      labels: LABELS,
      hiddenWeights: weights(BUCKETS * HIDDEN),
      hiddenBias: weights(HIDDEN),
      outWeights: weights(HIDDEN * LABELS.length),
      outBias: weights(LABELS.length),
    }),
  )
}
