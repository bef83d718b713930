// The throw-away process of a probe. Its argument is the engine that it has loaded ahead.

import { performance } from 'node:perf_hooks'
import { SavedModelError, translate } from '@drover/saved-model'
import { decodeTensors } from '@drover/serving-api'
import { serveParent } from './child-side.ts'
import { openFast } from './fast-engine.ts'
import { type ProbeReply, ProbeRequest } from './messages.ts'
import { type ModelFiles, readModelFiles } from './model-files.ts'
import { type Engine, servableOf } from './servable.ts'
import { callOf } from './tensorflow-engine.ts'
import { loadAddon, loadModel, runModel, unloadModel } from './tensorflow-addon.ts'

function openTensorflow(directory: string, { savedModel }: ModelFiles): Engine {
  const model = loadModel(directory)
  return {
    name: 'tensorflow',
    async run(signature, inputs) {
      const { fed, wanted, answersOf } = callOf(savedModel.signatures[signature], inputs)
      return answersOf(runModel(model, fed, wanted))
    },
    close: async () => unloadModel(model),
  }
}

/** Whether every operation is one of ours, none of which can touch a file or another model. */
function isPure({ savedModel }: ModelFiles): boolean {
  try {
    translate(savedModel)
    return true
  } catch (error) {
    if (error instanceof SavedModelError) return false
    throw error
  }
}

async function check({ directory, engine, requests }: ProbeRequest): Promise<ProbeReply> {
  const start = performance.now()
  const files = await readModelFiles(directory)
  const { savedModel, sizeBytes } = files
  const opened = engine === 'fast' ? await openFast(savedModel) : openTensorflow(directory, files)
  const loadMs = performance.now() - start
  const servable = servableOf(opened, savedModel.signatures, sizeBytes)
  try {
    const answers: ProbeReply['answers'] = []
    let runMs = 0
    for (const { signature, inputs } of requests.requests) {
      const tensors = decodeTensors(inputs)
      const before = performance.now()
      answers.push(await servable.run(signature, tensors))
      runMs += performance.now() - before
    }
    const { signatures } = savedModel
    const { name } = opened
    return { engine: name, signatures, sizeBytes, loadMs, runMs, answers, isPure: isPure(files) }
  } finally {
    await servable.close()
  }
}

if (process.argv[2] === 'tensorflow') loadAddon()
serveParent(async (body) => await check(ProbeRequest.parse(body)))
