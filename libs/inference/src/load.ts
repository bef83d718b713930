import { openFast } from './fast-engine.ts'
import { InferenceError } from './errors.ts'
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
  const engine = await openEngine(directory, files, options)
  return servableOf(engine, files.savedModel.signatures, files.sizeBytes)
}

async function openEngine(
  directory: string,
  { savedModel }: ModelFiles,
  options: LoadOptions,
): Promise<Engine> {
  switch (options.engine) {
    case 'fast':
      return await openFast(savedModel)
    case 'onnx': {
      // Serving threads import this lib as well, and must not load onnxruntime for nothing.
      const { openOnnx } = await import('./onnx-engine.ts')
      return await openOnnx(savedModel)
    }
    case 'tensorflow':
    case 'auto':
      break
  }
  const { engine, tensorflow } = options
  try {
    if (engine === 'auto') return await openFast(savedModel)
  } catch (error) {
    const isOther = error instanceof InferenceError && error.code === 'UNTRANSLATABLE'
    if (!isOther) throw error
  }
  return hostedEngine(await tensorflow.load(directory), savedModel.signatures)
}
