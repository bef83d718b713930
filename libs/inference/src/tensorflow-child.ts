// The process in which `startTensorflowHost` keeps models.

import { serveParent } from './child-side.ts'
import { fromShared } from './engines/clock.ts'
import { InferenceError } from './errors.ts'
import { HostRequest } from './messages.ts'
import { loadModel, runModel, unloadModel } from './tensorflow-addon.ts'

/** From the parent's number of a model to TensorFlow's. */
const models = new Map<number, number>()

function take(model: number): number {
  const found = models.get(model)
  if (found === undefined) throw new InferenceError('UNAVAILABLE', 'the model is not loaded')
  return found
}

serveParent(async (body) => {
  const request = HostRequest.parse(body)
  switch (request.kind) {
    case 'load':
      models.set(request.model, loadModel(request.directory, request.tags))
      return undefined
    case 'unload':
      unloadModel(take(request.model))
      models.delete(request.model)
      return undefined
    case 'run':
      // Nobody waits for it any more; those behind it do.
      if (fromShared(request.deadline ?? Infinity) < performance.now())
        throw new InferenceError('TIMEOUT', 'its time was over before its turn came')
      return runModel(take(request.model), request.inputs, request.outputs)
  }
})
