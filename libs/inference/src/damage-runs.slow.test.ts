// The long form: thousands of damaged models in the fast engines, and some of those that they leave to
// TensorFlow in its process, where a healthy one runs beside them.

import { mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { floatTensor } from '@drover/serving-api'
import { expect, test } from 'vitest'
import {
  ask,
  damaged,
  foundOf,
  type Mutation,
  mutationsOf,
  type Outcome,
  outcomeOf,
  wholeFiles,
} from './damage-runs.fixture.ts'
import { InferenceError } from './errors.ts'
import { loadServable } from './load.ts'
import { loadedFrom } from './random-loads.ts'
import { type Around, faultOf } from './sample-faults.ts'
import type { Answer } from './sample-single.ts'
import { startFolder } from './sample-folder.ts'
import { startTensorflowHost, type TensorflowHost } from './tensorflow-host.ts'

const MUTATIONS = 10_000
/** Each may end the process, which takes seconds to come again. */
const IN_TENSORFLOW = 60
/** TensorFlow does not look at the shapes and types that a signature says, where the graph has others. */
const OF_SIGNATURE = /Invalid rank for input|does not carry/
/** Of which a third is answered; seconds in all. */
const BESIDE_TENSORFLOW = 1_000
const LONG_MS_MAX = 20 * 60_000
/** Of the process, over all of them; the files have less than two kilobytes. */
const GROWTH_KIB_MAX = 256 * 1_024
/** To kill a load or a run that does not end takes the process, and the next one starts again. */
const MS_MAX = 30_000
const GRAPH = 'saved_model.pb'

const OUTCOMES = [
  'checkpoint, answered',
  'checkpoint, refused',
  ...['answered', 'answered otherwise', 'for TensorFlow', 'refused', 'request refused'].map(
    (outcome) => `graph, ${outcome}`,
  ),
]

const files = wholeFiles()
const mutations = mutationsOf(files, MUTATIONS)
const x = floatTensor([1, 0, 0], [1, 3])

test.each(['auto', 'onnx'] as const)(
  'damage at every offset, loaded by %s',
  async (engine) => {
    await outcomeOf(files, engine)
    const before = process.resourceUsage().maxRSS
    const counts = new Map<string, number>()
    for (const mutation of mutations) {
      const outcome = await outcomeOf(damaged(files, mutation), engine)
      const key = `${mutation.path === GRAPH ? 'graph' : 'checkpoint'}, ${outcome}`
      counts.set(key, (counts.get(key) ?? 0) + 1)
    }
    // docs/robustness.md has the numbers.
    expect([...counts.keys()].toSorted()).toEqual(OUTCOMES)
    expect(process.resourceUsage().maxRSS - before).toBeLessThan(GROWTH_KIB_MAX)
  },
  LONG_MS_MAX,
)

test(
  'what fast engines make of a damaged graph is what TensorFlow makes of it, where that loads it',
  async () => {
    const graph = new Map([[GRAPH, files.get(GRAPH) ?? new Uint8Array()]])
    await using folder = await startFolder()
    await using tensorflow = startTensorflowHost({ loadTimeoutMs: MS_MAX, runTimeoutMs: MS_MAX })
    const counts = { agreed: 0, refused: 0 }

    for (const mutation of mutationsOf(graph, BESIDE_TENSORFLOW)) {
      const found = [
        await foundOf(damaged(files, mutation), 'auto'),
        await foundOf(damaged(files, mutation), 'onnx'),
      ].filter(({ outcome }) => outcome !== 'refused' && outcome !== 'for TensorFlow')
      const truth = found.length > 0 && (await truthOf(mutation, { folder, tensorflow }))
      // Much that does not matter to us it does not load: a type that it could tell for itself, a name of a device.
      if (truth === undefined || truth === false) continue
      counts[truth.answers === undefined ? 'refused' : 'agreed']++
      for (const { answers, reason = '' } of found) {
        const fault = faultOf(truth.answers, answers, OF_SIGNATURE.test(reason))
        expect(fault, JSON.stringify(mutation)).toBeUndefined()
      }
    }

    expect(counts.agreed).toBeGreaterThan(BESIDE_TENSORFLOW / 20)
    expect(counts.refused).toBeGreaterThan(0)
  },
  LONG_MS_MAX,
)

/** What TensorFlow answers, or that it refuses the request; undefined where it does not load the model. */
async function truthOf(
  mutation: Mutation,
  { folder, tensorflow }: Around,
): Promise<{ answers?: Answer } | undefined> {
  const directory = await written(folder.path, mutation)
  const servable = await loadedFrom(directory, 'tensorflow', tensorflow)
  if (servable === undefined) return undefined
  try {
    return { answers: await ask(servable) }
  } catch (error) {
    isRefusal(error)
    return {}
  } finally {
    await servable.close()
  }
}

test(
  'what is left to TensorFlow takes nobody else with it',
  async () => {
    const left: Mutation[] = []
    for (const mutation of mutations) {
      const outcome: Outcome = await outcomeOf(damaged(files, mutation), 'auto')
      if (outcome === 'for TensorFlow') left.push(mutation)
    }
    const some = left.filter((_, at) => at % Math.ceil(left.length / IN_TENSORFLOW) === 0)
    await using folder = await startFolder()
    await using tensorflow = startTensorflowHost({ loadTimeoutMs: MS_MAX, runTimeoutMs: MS_MAX })
    const healthy = await loadServable(await written(folder.path), {
      engine: 'tensorflow',
      tensorflow,
    })

    for (const mutation of some) {
      const directory = await written(folder.path, mutation)
      await loadedAndAsked(directory, tensorflow).catch(isRefusal)

      const { y } = await healthy.run('serving_default', { x })
      expect(y?.shape, JSON.stringify(mutation)).toEqual([1, 2])
    }
    expect(some.length).toBeGreaterThan(IN_TENSORFLOW / 2)
    await healthy.close()
  },
  LONG_MS_MAX,
)

async function loadedAndAsked(directory: string, tensorflow: TensorflowHost): Promise<void> {
  const model = await loadServable(directory, { engine: 'tensorflow', tensorflow })
  try {
    await model.run('serving_default', { x })
  } finally {
    await model.close()
  }
}

function isRefusal(error: unknown): void {
  if (!(error instanceof InferenceError) || error.code === 'TIMEOUT') throw error
}

/** The model as a folder. */
async function written(parent: string, mutation?: Mutation): Promise<string> {
  const directory = await mkdtemp(join(parent, 'model-'))
  for (const [path, bytes] of mutation === undefined ? files : damaged(files, mutation)) {
    await mkdir(dirname(join(directory, path)), { recursive: true })
    await writeFile(join(directory, path), bytes)
  }
  return directory
}
