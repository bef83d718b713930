// Classify, Regress and MultiInference: signatures that parse examples are run on a batch of them.

import { invalid, ServingError } from '../errors.ts'
import { DEFAULT_SIGNATURE, type ModelSpec } from '../grpc/model-spec.ts'
import { type FitOptions, MethodName } from '../grpc/predict-fit.ts'
import type { SignatureDef, Tensor } from '../tensor.ts'
import { type Classifications, classificationsOf, regressionsOf } from './results.ts'
import {
  Alias,
  findSignature,
  fitClassification,
  fitRegression,
  noSignature,
} from './signature-fit.ts'

type Outputs = Readonly<Record<string, Tensor>>

/** Runs a signature; `outputs` are the aliases that are wanted. */
export type RunSignature = (call: {
  signature: string
  inputs: Readonly<Record<string, Tensor>>
  outputs: readonly string[]
}) => Outputs | Promise<Outputs>

/** A model to be asked. */
export interface Inferring extends FitOptions {
  signatures: Readonly<Record<string, SignatureDef>>
  run: RunSignature
}

/** What is asked about. */
export interface ExamplesInput {
  /** Empty for the default one. */
  signatureName: string
  /** Serialized `tensorflow.Example`s. */
  examples: readonly Uint8Array[]
}

/** Throws INVALID_ARGUMENT in upstream's words, and whatever `run` throws. */
export async function classify(
  model: Inferring,
  { signatureName, examples }: ExamplesInput,
): Promise<Classifications> {
  const { name, signature } = findSignature(model.signatures, signatureName, noSignature)
  const wanted = fitClassification(signature, model)
  const outputs = await runOn(model, examples, { name, wanted })
  return classificationsOf(outputs, wanted, examples.length)
}

/** A number for each example. Throws INVALID_ARGUMENT in upstream's words, and whatever `run` throws. */
export async function regress(
  model: Inferring,
  { signatureName, examples }: ExamplesInput,
): Promise<Float32Array> {
  const { name, signature } = findSignature(model.signatures, signatureName, noSignature)
  const wanted = fitRegression(signature, model)
  const outputs = await runOn(model, examples, { name, wanted })
  return regressionsOf(outputs, examples.length)
}

/** One of the questions of a MultiInferenceRequest. */
export interface InferenceTask {
  spec: ModelSpec
  methodName: string
}

/** The answer to one of them. */
export type InferenceResult =
  | { kind: 'classify'; signatureName: string; classifications: Classifications }
  | { kind: 'regress'; signatureName: string; regressions: Float32Array }

/** The model that all tasks must ask: the first one's; without a name if there is none. */
export const specOfTasks = ([first]: readonly InferenceTask[]): ModelSpec =>
  first?.spec ?? { name: '', signatureName: '' }

/**
 * Asks several signatures of one model about the same examples; answers in the order of the tasks.
 * Throws INVALID_ARGUMENT, and UNIMPLEMENTED for an unknown method, before anything is run.
 */
export async function multiInfer(
  model: Inferring,
  { tasks, examples }: { tasks: readonly InferenceTask[]; examples: readonly Uint8Array[] },
): Promise<InferenceResult[]> {
  const planned = planTasks(model, tasks)
  return await Promise.all(planned.map(async (task) => await runTask(model, examples, task)))
}

/** A task that can be run. */
interface PlannedTask {
  name: string
  kind: InferenceResult['kind']
  wanted: string[]
}

function planTasks(model: Inferring, tasks: readonly InferenceTask[]): PlannedTask[] {
  const seen = new Set<string>()
  const modelName = specOfTasks(tasks).name
  return tasks.map(({ spec, methodName }) => {
    if (spec.name === '') throw invalid('Found ModelSpec with an empty model name.')
    if (spec.name !== modelName)
      throw invalid('All ModelSpecs in a MultiInferenceRequest must access the same model name.')
    const signatureName = spec.signatureName || DEFAULT_SIGNATURE
    if (seen.has(signatureName))
      throw invalid(`Duplicate evaluation of signature: ${signatureName}`)
    seen.add(signatureName)
    const { name, signature } = findSignature(model.signatures, signatureName, notInGraph)
    return { name, ...fitTask(signature, methodName, model) }
  })
}

const notInGraph = (name: string): ServingError =>
  invalid(`Requested signature not found in model graph: ${name}`)

function fitTask(
  signature: SignatureDef,
  methodName: string,
  options: FitOptions,
): Omit<PlannedTask, 'name'> {
  if (methodName === MethodName.CLASSIFY)
    return { kind: 'classify', wanted: fitClassification(signature, options) }
  if (methodName === MethodName.REGRESS)
    return { kind: 'regress', wanted: fitRegression(signature, options) }
  throw new ServingError('UNIMPLEMENTED', `Unsupported signature method_name: ${methodName}`)
}

async function runTask(
  model: Inferring,
  examples: readonly Uint8Array[],
  { name, kind, wanted }: PlannedTask,
): Promise<InferenceResult> {
  const outputs = await runOn(model, examples, { name, wanted })
  return kind === 'classify'
    ? {
        kind,
        signatureName: name,
        classifications: classificationsOf(outputs, wanted, examples.length),
      }
    : { kind, signatureName: name, regressions: regressionsOf(outputs, examples.length) }
}

async function runOn(
  { run }: Inferring,
  examples: readonly Uint8Array[],
  { name, wanted }: { name: string; wanted: readonly string[] },
): Promise<Outputs> {
  if (examples.length === 0) throw invalid('Input is empty.')
  const tensor: Tensor = { dtype: 'DT_STRING', shape: [examples.length], values: [...examples] }
  return await run({ signature: name, inputs: { [Alias.INPUTS]: tensor }, outputs: wanted })
}
