import { misfitOf, type SignatureDef, sizeOf, type Tensor } from '@drover/serving-api'
import { InferenceError } from './errors.ts'

/** What runs a model's signatures. */
export type EngineName = 'onnx' | 'tensorflow'

/** A loaded model. */
export interface Servable {
  readonly engine: EngineName
  readonly signatures: Readonly<Record<string, SignatureDef>>
  /** Bytes of the files that it was loaded from. */
  readonly sizeBytes: number
  /** Throws `InferenceError`; INVALID_INPUT is the caller's mistake. */
  run(signature: string, inputs: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>>
  /** Gives the model's memory back. Requests after it fail. */
  close(): Promise<void>
}

/** One engine with one model in it; inputs have been checked. */
export interface Engine {
  readonly name: EngineName
  run(signature: string, inputs: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>>
  close(): Promise<void>
}

/** A model in an engine, with its inputs checked before it sees them. */
export function servableOf(
  engine: Engine,
  signatures: Readonly<Record<string, SignatureDef>>,
  sizeBytes: number,
): Servable {
  return {
    engine: engine.name,
    signatures,
    sizeBytes,
    async run(signature, inputs) {
      const fault = faultOf(signatures, signature, inputs)
      if (fault !== undefined) throw new InferenceError('INVALID_INPUT', fault)
      return await engine.run(signature, inputs)
    },
    close: async () => await engine.close(),
  }
}

function faultOf(
  signatures: Readonly<Record<string, SignatureDef>>,
  signature: string,
  inputs: Readonly<Record<string, Tensor>>,
): string | undefined {
  const misfit = misfitOf(signatures, signature, inputs)
  if (misfit !== undefined) return misfit
  for (const [alias, info] of Object.entries(signatures[signature]?.inputs ?? {})) {
    const tensor = inputs[alias]
    if (tensor === undefined) continue
    if (tensor.values.length !== sizeOf(tensor.shape))
      return `the input ${alias} has ${tensor.values.length} values for the shape ${show(tensor.shape)}`
    if (info.shape !== undefined && !isFitting(tensor.shape, info.shape))
      return `the input ${alias} has the shape ${show(tensor.shape)}, not ${show(info.shape)}`
  }
  return undefined
}

const show = (shape: readonly number[]): string => `[${shape.join(', ')}]`

const isFitting = (shape: readonly number[], wanted: readonly number[]): boolean =>
  shape.length === wanted.length &&
  wanted.every((size, axis) => size === -1 || size === shape[axis])
