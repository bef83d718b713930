// Loads graphs by chance, which not every engine takes.

import { InferenceError } from './errors.ts'
import { loadServable } from './load.ts'
import type { Servable } from './servable.ts'
import type { TensorflowHost } from './tensorflow-host.ts'

/** Undefined where the engine does not take it. */
export async function loadedFrom(
  directory: string,
  engine: 'fast' | 'onnx' | 'tensorflow',
  tensorflow: TensorflowHost,
): Promise<Servable | undefined> {
  const refusal = engine === 'tensorflow' ? 'LOAD_FAILED' : 'UNTRANSLATABLE'
  try {
    return await loadServable(directory, { engine, tensorflow })
  } catch (error) {
    if (error instanceof InferenceError && error.code === refusal) return undefined
    throw error
  }
}
