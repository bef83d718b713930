// The thread that decodes models, has it decided what runs them and does the work for it, so that no other
// has to. The memory of kernel models is its own.

import { keepsState } from '@drover/saved-model'
import { type Choice, choose, chooseUnread } from './choice.ts'
import type { LoaderProtocol, ReadModel } from './engines/loader.ts'
import { pack } from './engines/parcel.ts'
import { type Answer, serveControl } from './engines/thread-side.ts'
import { InferenceError } from './errors.ts'
import type { KernelModel } from './kernel/compile.ts'
import { KernelMemory } from './kernel/memory.ts'
import { decodeModel, type ModelFiles } from './model-files.ts'

const memory = new KernelMemory()
/** What gives back the memory of each. */
const kernels = new Map<number, KernelModel['free']>()

type LoadRequest = LoaderProtocol['load']['ask']

function load(request: LoadRequest): Answer {
  const files = decodeModel(request.directory, request, request)
  const { savedModel } = files
  const choice =
    request.unread.length === 0
      ? choose(savedModel, request.engine, memory)
      : chooseUnread(savedModel, request.engine)
  if (choice === undefined) return { result: undefined }
  const { plan, transfer } = planOf(choice, files, request.load)
  const { passedOver } = choice
  const { uncallable } = savedModel
  const result: ReadModel = { sizeBytes: files.sizeBytes, plan, passedOver, uncallable }
  return { result, transfer }
}

/** What was chosen, as it leaves this thread. */
function planOf(
  choice: Choice,
  { savedModel, graphBytes, needsMending, stamps }: ModelFiles,
  number: number,
): Required<Pick<Answer, 'transfer'>> & Pick<ReadModel, 'plan'> {
  const { engine } = choice
  if (engine === 'kernel') {
    const { message, residentBytes, free } = choice.kernel
    kernels.set(number, free)
    return { plan: { engine, message, residentBytes, load: number }, transfer: [] }
  }
  const { signatures } = savedModel
  const about = {
    signatures,
    graphBytes,
    keepsState: keepsState(savedModel),
    needsMending,
    stamps,
  }
  if (engine === 'tensorflow') return { plan: { engine, ...about }, transfer: [] }
  const parcel = pack(choice.translation)
  const nodes = savedModel.graph.nodes.length
  return { plan: { engine, ...about, nodes, parcel }, transfer: [parcel] }
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
