import assert from 'node:assert'
import type { SavedModel } from '@drover/saved-model'
import { passedOverBy } from './choice.ts'
import { chooseHere, openFast } from './fast-engine.ts'
import { type ModelFiles, readModelFiles } from './model-files.ts'
import { type Engine, type Servable, servableOf } from './servable.ts'
import { hostedEngine } from './tensorflow-engine.ts'
import type { TensorflowHost } from './tensorflow-host.ts'

/** What is to run a model; `onnx` is for comparing it with the others. */
type LoadOptions =
  | { engine: 'fast' | 'onnx'; tensorflow?: TensorflowHost }
  | { engine: 'tensorflow' | 'auto'; tensorflow: TensorflowHost }

/**
 * Loads a SavedModel's folder to run it in this thread. `fast` is a kernel or onnx; `auto` takes
 * TensorFlow for what these cannot run. Throws LOAD_FAILED for what no engine loads and UNTRANSLATABLE
 * for what the one asked for does not.
 */
export async function loadServable(directory: string, options: LoadOptions): Promise<Servable> {
  const files = await readModelFiles(directory)
  const { savedModel, sizeBytes } = files
  const { signatures } = savedModel
  const engine =
    (await openedHere(savedModel, options)) ?? (await openedByHost(directory, files, options))
  return servableOf(engine, signatures, sizeBytes)
}

/** Undefined where TensorFlow is to run it. */
async function openedHere(
  savedModel: SavedModel,
  { engine }: LoadOptions,
): Promise<Engine | undefined> {
  const choice = chooseHere(savedModel, engine)
  if (choice.engine === 'tensorflow') return undefined
  try {
    return await openFast(choice)
  } catch (error) {
    passedOverBy(error, engine)
    return undefined
  }
}

async function openedByHost(
  directory: string,
  { savedModel, needsMending, stamps }: ModelFiles,
  { tensorflow }: LoadOptions,
): Promise<Engine> {
  assert(
    tensorflow !== undefined,
    'TensorFlow is chosen only where it is among what may run a model',
  )
  const hosted = await tensorflow.load(directory, { needsMending, stamps })
  return hostedEngine(hosted, savedModel.signatures)
}
