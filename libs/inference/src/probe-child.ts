// The throw-away process of a probe. Its argument is the engine that it has loaded ahead.

import { performance } from 'node:perf_hooks'
import { SavedModelError, translate } from '@drover/saved-model'
import { decodeTensors } from '@drover/serving-api'
import { serveParent } from './child-side.ts'
import type { Choice } from './choice.ts'
import { InferenceError } from './errors.ts'
import { chooseHere, openFast } from './fast-engine.ts'
import { type ProbeReply, ProbeRequest } from './messages.ts'
import { type ModelFiles, readModelFiles } from './model-files.ts'
import { type Engine, servableOf } from './servable.ts'
import { callOf } from './tensorflow-engine.ts'
import { loadAddon, loadModel, runModel, unloadModel } from './tensorflow-addon.ts'

async function openTensorflow(
  directory: string,
  { savedModel, needsMending, stamps }: ModelFiles,
): Promise<Engine> {
  const model = await loadModel(directory, { needsMending, stamps })
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
function isPure(engine: Choice['engine'], { savedModel }: ModelFiles): boolean {
  if (engine !== 'tensorflow') return true
  try {
    translate(savedModel)
    return true
  } catch (error) {
    if (error instanceof SavedModelError) return false
    throw error
  }
}

async function check(request: ProbeRequest): Promise<ProbeReply> {
  const { directory, engine, allowedOperations, requests } = request
  const start = performance.now()
  const files = await readModelFiles(directory, { allowedOperations })
  const { savedModel, sizeBytes } = files
  const choice = chooseHere(savedModel, engine)
  const opened =
    choice.engine === 'tensorflow' ? await openTensorflow(directory, files) : await openFast(choice)
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
    const { passedOver } = choice
    const found = { engine: opened.name, passedOver, signatures, sizeBytes, loadMs, runMs, answers }
    return { ...found, isPure: isPure(opened.name, files) }
  } finally {
    await servable.close()
  }
}

/** Loads it ahead. Where it cannot be loaded each check is told, in words and with no stack on top. */
function warmUp(): void {
  try {
    loadAddon()
  } catch (error) {
    if (!(error instanceof InferenceError)) throw error
  }
}

if (process.argv[2] === 'tensorflow') warmUp()
serveParent(async (body) => await check(ProbeRequest.parse(body)))
