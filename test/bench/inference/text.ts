// A classifier of raw texts with 100,000 parameters, and a text of 20 words.

import { loadServable, startTensorflowHost } from '@drover/inference'
import { writeSavedModel } from '@drover/saved-model'
import { stringTensor } from '@drover/serving-api'
import { textGraph } from '@drover/training'
import type { BenchRow } from '../main.ts'
import { makeRandom } from '../model-server/models.ts'
import { timesOfPython, turnsOf, withModel } from './timing.ts'

const FULL = { turns: 60, rounds: 3_000 }
const QUICK = { turns: 1, rounds: 5 }
const US_MAX = 150
const [BUCKETS, HIDDEN, LABELS] = [6_240, 16, ['refund', 'card', 'size', 'other']] as const
const TEXT =
  'My new credit card did not arrive in the post, and now it is refused abroad: please send me another'

export async function* benchText(isQuick: boolean): AsyncGenerator<BenchRow> {
  const { turns, rounds } = isQuick ? QUICK : FULL
  await using tensorflow = startTensorflowHost({})
  yield await withModel(modelBytes(), async (directory) => {
    const ours = await loadServable(directory, { engine: 'fast' })
    const theirs = await loadServable(directory, { engine: 'tensorflow', tensorflow })
    const text = stringTensor([TEXT])
    const [own, tfjs] = await turnsOf(turns, [
      async () => await ours.run('serving_default', { text }),
      async () => await theirs.run('serving_default', { text }),
    ])
    const given = { directory, input: 'text', values: [TEXT], dtype: 'string', rounds } as const
    const python = await timesOfPython(given)
    await Promise.all([ours.close(), theirs.close()])
    return {
      name: `predict of a text of ${TEXT.split(' ').length} words, ${parameters()} parameters`,
      unit: 'us',
      value: own?.median ?? NaN,
      goal: US_MAX,
      notes: {
        engine: ours.engine,
        'the first after others have run, us': own?.first.toFixed(0) ?? '',
        'tfjs-node in its process, us': tfjs?.median.toFixed(0) ?? '',
        'the first of it after others, us': tfjs?.first.toFixed(0) ?? '',
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
