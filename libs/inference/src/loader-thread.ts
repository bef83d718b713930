// The thread that decodes models, decides what runs them and does the work for it, so that no other
// has to. The memory of kernel models is its own.

import { keepsState } from '@drover/saved-model'
import type { LoaderProtocol, ReadModel } from './engines/loader.ts'
import { pack } from './engines/parcel.ts'
import { type Answer, serveControl } from './engines/thread-side.ts'
import { InferenceError } from './errors.ts'
import { compileKernels, type KernelModel } from './kernel/compile.ts'
import { KernelMemory } from './kernel/memory.ts'
import { decodeModel, type ModelFiles } from './model-files.ts'
import { translateForOnnx } from './translate-for-onnx.ts'

const memory = new KernelMemory()
/** What gives back the memory of each. */
const kernels = new Map<number, KernelModel['free']>()

type LoadRequest = LoaderProtocol['load']['ask']

function load(request: LoadRequest): Answer {
  const files = decodeModel(request.directory, request, request.tags)
  const { plan, transfer } = planFor(files, request)
  const { uncallable } = files.savedModel
  const result: ReadModel = { sizeBytes: files.sizeBytes, plan, uncallable }
  return { result, transfer }
}

/** Kernels where they are able, onnxruntime where they are not, TensorFlow for the rest. */
function planFor(
  { savedModel, graphBytes }: ModelFiles,
  { engine, load: number }: LoadRequest,
): Required<Pick<Answer, 'transfer'>> & Pick<ReadModel, 'plan'> {
  const { signatures } = savedModel
  const about = () => ({ signatures, graphBytes, keepsState: keepsState(savedModel) })
  if (engine === 'tensorflow') return { plan: { engine, ...about() }, transfer: [] }
  const kernel = engine === 'onnx' ? undefined : compileKernels(savedModel, memory)
  if (kernel !== undefined && !('reason' in kernel)) {
    const { message, residentBytes, free } = kernel
    kernels.set(number, free)
    return { plan: { engine: 'kernel', message, residentBytes, load: number }, transfer: [] }
  }
  try {
    const parcel = pack(translateForOnnx(savedModel))
    const nodes = savedModel.graph.nodes.length
    return { plan: { engine: 'onnx', ...about(), nodes, parcel }, transfer: [parcel] }
  } catch (error) {
    const isOther = error instanceof InferenceError && error.code === 'UNTRANSLATABLE'
    if (!isOther || engine !== 'auto') throw error
    return { plan: { engine: 'tensorflow', ...about() }, transfer: [] }
  }
}

serveControl<LoaderProtocol>(async (request) => {
  switch (request.kind) {
    case 'load':
      try {
        return load(request)
      } catch (cause) {
        if (cause instanceof InferenceError) throw cause
        const message = `the model in ${request.directory} cannot be prepared`
        throw new InferenceError('LOAD_FAILED', message, { cause })
      }
    case 'free':
      kernels.get(request.load)?.()
      kernels.delete(request.load)
      return { result: undefined }
    case 'forgetThread':
      memory.forgetThread(request.thread)
      return { result: undefined }
  }
})
