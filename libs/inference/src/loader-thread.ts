// The thread that reads models, decides what runs them and does the work for it, so that no other
// has to. The memory of kernel models is its own.

import type { LoaderProtocol, ReadModel } from './engines/loader.ts'
import { pack } from './engines/parcel.ts'
import { type Answer, serveControl } from './engines/thread-side.ts'
import { InferenceError } from './errors.ts'
import { compileKernels, type KernelModel } from './kernel/compile.ts'
import { KernelMemory } from './kernel/memory.ts'
import { type ModelFiles, readModelFiles } from './model-files.ts'
import { translateForOnnx } from './translate-for-onnx.ts'

const memory = new KernelMemory()
const kernels = new Map<number, KernelModel>()

type LoadRequest = LoaderProtocol['load']['ask']

async function load(request: LoadRequest): Promise<Answer> {
  const files = await readModelFiles(request.directory, request.tags)
  const { plan, transfer } = planFor(files, request)
  const result: ReadModel = { sizeBytes: files.sizeBytes, plan }
  return { result, transfer }
}

/** Kernels where they are able, onnxruntime where they are not, TensorFlow for the rest. */
function planFor(
  { savedModel, graphBytes }: ModelFiles,
  { engine, load: number }: LoadRequest,
): Required<Pick<Answer, 'transfer'>> & Pick<ReadModel, 'plan'> {
  const { signatures } = savedModel
  const about = { signatures, graphBytes }
  if (engine === 'tensorflow') return { plan: { engine, ...about }, transfer: [] }
  const kernel = engine === 'onnx' ? undefined : compileKernels(savedModel, memory)
  if (kernel !== undefined && !('reason' in kernel)) {
    kernels.set(number, kernel)
    const { message, residentBytes } = kernel
    return { plan: { engine: 'kernel', message, residentBytes, load: number }, transfer: [] }
  }
  try {
    const parcel = pack(translateForOnnx(savedModel))
    const nodes = savedModel.graph.nodes.length
    return { plan: { engine: 'onnx', ...about, nodes, parcel }, transfer: [parcel] }
  } catch (error) {
    const isOther = error instanceof InferenceError && error.code === 'UNTRANSLATABLE'
    if (!isOther || engine !== 'auto') throw error
    return { plan: { engine: 'tensorflow', ...about }, transfer: [] }
  }
}

serveControl<LoaderProtocol>(async (request) => {
  switch (request.kind) {
    case 'load':
      try {
        return await load(request)
      } catch (cause) {
        if (cause instanceof InferenceError) throw cause
        const message = `the model in ${request.directory} cannot be prepared`
        throw new InferenceError('LOAD_FAILED', message, { cause })
      }
    case 'free':
      kernels.get(request.load)?.free()
      kernels.delete(request.load)
      return { result: undefined }
    case 'forgetThread':
      memory.forgetThread(request.thread)
      return { result: undefined }
  }
})
