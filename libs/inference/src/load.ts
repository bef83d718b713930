import type { SignatureDef, Tensor } from '@drover/serving-api'
import { InferenceError } from './errors.ts'
import { type ModelFiles, readModelFiles } from './model-files.ts'
import { openOnnx } from './onnx-engine.ts'
import { type Engine, type Servable, servableOf } from './servable.ts'
import type { HostedModel, TensorflowHost } from './tensorflow-host.ts'

/**
 * Loads a SavedModel's folder. `auto` takes onnx, and TensorFlow for what cannot be translated.
 * Throws LOAD_FAILED for what no engine loads and UNTRANSLATABLE for what `onnx` alone does not.
 */
export async function loadServable(
  directory: string,
  options: { engine: 'onnx' | 'tensorflow' | 'auto'; tensorflow: TensorflowHost },
): Promise<Servable> {
  const files = await readModelFiles(directory)
  const engine = await openEngine(directory, files, options)
  return servableOf(engine, files.savedModel.signatures, files.sizeBytes)
}

async function openEngine(
  directory: string,
  { savedModel }: ModelFiles,
  { engine, tensorflow }: { engine: 'onnx' | 'tensorflow' | 'auto'; tensorflow: TensorflowHost },
): Promise<Engine> {
  if (engine !== 'tensorflow') {
    try {
      return await openOnnx(savedModel)
    } catch (error) {
      const isOther = error instanceof InferenceError && error.code === 'UNTRANSLATABLE'
      if (!isOther || engine === 'onnx') throw error
    }
  }
  return hosted(await tensorflow.load(directory), savedModel.signatures)
}

function hosted(model: HostedModel, signatures: Readonly<Record<string, SignatureDef>>): Engine {
  return {
    name: 'tensorflow',
    async run(signature, inputs) {
      const { fed, wanted, answersOf } = callOf(signatures, signature, inputs)
      return answersOf(await model.run(fed, wanted))
    },
    close: async () => await model.close(),
  }
}

/** A request in the graph's own names, and the way back. */
export function callOf(
  signatures: Readonly<Record<string, SignatureDef>>,
  signature: string,
  inputs: Readonly<Record<string, Tensor>>,
) {
  const { inputs: inputInfos = {}, outputs = {} } = signatures[signature] ?? {}
  const fed = Object.entries(inputInfos).flatMap(([alias, { name }]) => {
    const tensor = inputs[alias]
    return tensor === undefined ? [] : [{ name, tensor }]
  })
  const aliases = Object.keys(outputs)
  return {
    fed,
    wanted: Object.values(outputs).map(({ name }) => name),
    answersOf: (answers: readonly Tensor[]): Record<string, Tensor> =>
      Object.fromEntries(answers.map((answer, index) => [aliases[index], answer])),
  }
}
