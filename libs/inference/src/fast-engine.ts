import { type SavedModel, SavedModelError } from '@drover/saved-model'
import { InferenceError } from './errors.ts'
import { compileKernels, type KernelModel } from './kernel/compile.ts'
import { openKernels } from './kernel/engine.ts'
import { KernelMemory } from './kernel/memory.ts'
import type { Engine } from './servable.ts'

/** Of models that are loaded and run in one and the same thread. */
const memory = new KernelMemory()

/** Kernels of ours where they are able, else onnxruntime. Throws UNTRANSLATABLE when TensorFlow must run it. */
export async function openFast(savedModel: SavedModel): Promise<Engine> {
  const model = compiled(savedModel)
  if ('reason' in model) {
    // Serving threads import this lib as well, and must not load onnxruntime for nothing.
    const { openOnnx } = await import('./onnx-engine.ts')
    return await openOnnx(savedModel)
  }
  const engine = openKernels(model.message)
  return {
    name: engine.name,
    run: (signature, inputs, options) => engine.run(signature, inputs, options),
    async close() {
      await engine.close()
      model.free()
    },
  }
}

function compiled(savedModel: SavedModel): KernelModel | { reason: string } {
  try {
    return compileKernels(savedModel, memory)
  } catch (cause) {
    if (!(cause instanceof SavedModelError)) throw cause
    throw new InferenceError('LOAD_FAILED', 'the model cannot be compiled', { cause })
  }
}
