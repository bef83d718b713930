// What becomes of a model in a fast engine, beside what becomes of it in TensorFlow.

import { compareAnswers, TOLERANCE } from '@drover/serving-api'
import { InferenceError } from './errors.ts'
import { loadServable } from './load.ts'
import type { Around } from './sample-faults.ts'
import { bool } from './sample-tensors.ts'
import type { Servable, Tensors } from './servable.ts'

/** A model that is loaded twice. */
interface Both {
  fast: Servable
  truth: Servable
}

/** Loads the bytes of a model in a fast engine and in TensorFlow. */
export async function startBoth(
  bytes: Uint8Array,
  { folder, tensorflow }: Around,
): Promise<Both & AsyncDisposable> {
  const directory = await folder.add(bytes)
  const fast = await loadServable(directory, { engine: 'fast', tensorflow })
  const truth = await loadServable(directory, { engine: 'tensorflow', tensorflow })
  return {
    fast,
    truth,
    async [Symbol.asyncDispose]() {
      await fast.close()
      await truth.close()
    },
  }
}

/** What is answered; a refusal is an answer of its own. */
export async function outcomeOf(servable: Servable, inputs: Tensors): Promise<Tensors> {
  try {
    return await servable.run('serving_default', inputs)
  } catch (error) {
    return { refused: bool([error instanceof InferenceError ? 1 : 0]) }
  }
}

/** How what the fast engine answers is to what TensorFlow does. */
export const compareOutcomes = async ({ truth, fast }: Both, inputs: Tensors) =>
  compareAnswers(await outcomeOf(truth, inputs), await outcomeOf(fast, inputs), TOLERANCE.engines)
