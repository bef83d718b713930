// Loads of the network of 101,770 parameters, as our recipes write it and as Keras and Python's TensorFlow do.

import { loadServable, startTensorflowHost } from '@drover/inference'
import { medianOf } from '../local.ts'
import type { BenchRow } from '../main.ts'
import { inputsOf, LARGE, network } from '../model-server/models.ts'
import { timesOf, timesOfPython, withModel } from './timing.ts'
import { zooModel } from './zoo-model.ts'

/**
 * In each turn there are so many loads of ours, and one of tfjs-node; before the first so many that are not
 * counted, as in a server that has loaded others.
 */
const FULL = { turns: 15, loads: 10, warmUps: 50 }
const QUICK = { turns: 1, loads: 1, warmUps: 0 }
const MS_MAX = 3
const US_PER_MS = 1_000

export async function* benchLoad(isQuick: boolean): AsyncGenerator<BenchRow> {
  const size = isQuick ? QUICK : FULL
  await using tensorflow = startTensorflowHost({})
  const row = async (how: string, directory: string, input: string): Promise<BenchRow> => {
    const load = async () => await (await loadServable(directory, { engine: 'fast' })).close()
    const theirs = async () =>
      await (await loadServable(directory, { engine: 'tensorflow', tensorflow })).close()
    // Its process starts with the first.
    await theirs()
    for (let at = 0; at < size.warmUps; at++) await load()
    const turn = Array.from({ length: size.loads }, () => load)
    const [tfjs = NaN, ...loads] = await timesOf(size.turns, [theirs, ...turn])
    const values = [inputsOf(LARGE[0])]
    const asked = { directory, input, values, dtype: 'float32', rounds: 1 } as const
    const python = await timesOfPython({ ...asked, loads: size.turns })
    return {
      name: `load of ${LARGE.join('-')} ${how}`,
      unit: 'ms',
      value: medianOf(loads) / US_PER_MS,
      goal: MS_MAX,
      notes: {
        'tfjs-node in its process, ms': (tfjs / US_PER_MS).toFixed(0),
        'Python TensorFlow, ms': (python.load / US_PER_MS).toFixed(0),
      },
    }
  }
  yield await withModel(
    network(LARGE, 1),
    async (directory) => await row('of our recipes', directory, 'x'),
  )
  for (const [name, how] of [
    ['dense-784-128-10', 'as Keras exports it'],
    ['dense-784-128-10-saved', "as Python's TensorFlow saves it"],
  ] as const) {
    const { directory, input } = await zooModel(name)
    yield await row(how, directory, input)
  }
}
