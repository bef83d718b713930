// Operations on each type of numbers, at the ends of it, are what TensorFlow makes of them; each in a model of
// its own, since TensorFlow loads none with an operation that it has not for a type.

import { expect, test } from 'vitest'
import { startAround } from './around.fixture.ts'
import { loadServable } from './load.ts'
import { faultOf } from './sample-faults.ts'
import { cases } from './sample-operations.ts'
import { retyped } from './sample-retyped.ts'
import {
  type Answer,
  answerOf,
  forKernels,
  inputsOf,
  loadedUnless,
  nameOf,
  singleModel,
} from './sample-single.ts'
import type { Case } from './sample-slices.ts'
import type { Servable } from './servable.ts'

/** The order of what is no number depends there on sizes. */
const MAY_REFUSE = new Set(['TopKV2'])
/** It is left to another engine, or TensorFlow has no such operation. */
const REFUSALS = ['UNTRANSLATABLE', 'LOAD_FAILED'] as const
const TEST_MS_MAX = 300_000

const { tensorflow, folder } = await startAround()

/** The answer of a model that is closed again; 'none' where it cannot be loaded or does not have the case. */
async function answered(
  each: Case,
  loading: Promise<Servable>,
): Promise<Answer | 'none' | undefined> {
  const servable = await loadedUnless(REFUSALS, loading)
  if (servable === undefined) return 'none'
  const name = nameOf(each, 0)
  const isThere = name in servable.signatures
  const answer = isThere ? await answerOf(servable, name, inputsOf(each)) : 'none'
  await servable.close()
  return answer
}

test(
  'single operations on all types',
  async () => {
    const faults: string[] = []
    const compared = new Set<string>()
    for (const each of retyped(cases)) {
      const bytes = singleModel([each], ({ shape }) => shape.map(() => -1))
      const directory = await folder.add(bytes)
      const truth = await answered(
        each,
        loadServable(directory, { engine: 'tensorflow', tensorflow }),
      )
      if (truth === 'none') continue
      const inKernels = await folder.add(forKernels(bytes))
      const engines = {
        onnx: loadServable(directory, { engine: 'onnx', tensorflow }),
        kernel: loadServable(inKernels, { engine: 'fast' }),
      }
      for (const [engine, loading] of Object.entries(engines)) {
        const answer = await answered(each, loading)
        if (answer === 'none') continue
        const { T } = each.attrs
        const name = `${engine}, ${each.op} of ${T?.kind === 'type' ? T.value : ''}`
        compared.add(name)
        const fault = faultOf(truth, answer, MAY_REFUSE.has(each.op))
        if (fault !== undefined) faults.push(`${name}: ${fault}`)
      }
    }

    expect(faults).toEqual([])
    expect(compared.size).toBeGreaterThan(300)
  },
  TEST_MS_MAX,
)
