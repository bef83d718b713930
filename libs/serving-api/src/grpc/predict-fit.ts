// Whether a predict request fits a signature: upstream's checks, in upstream's order and words.

import { invalid, ServingError } from '../errors.ts'
import type { SignatureDef, Tensor } from '../tensor.ts'
import type { PredictRequest } from './predict-request.ts'

/** What a method is called in a SavedModel's signature. */
export const MethodName = {
  PREDICT: 'tensorflow/serving/predict',
  CLASSIFY: 'tensorflow/serving/classify',
  REGRESS: 'tensorflow/serving/regress',
} as const

/** What is asked of a signature. */
export interface PredictCall {
  /** As the signature has them; defaults stand in for what the request leaves out. */
  inputs: Record<string, Tensor>
  /** Aliases of the outputs that are wanted; all of them if undefined. */
  outputs: string[] | undefined
}

/** How strictly signatures are looked at. */
export interface FitOptions {
  /** `--enable_signature_method_name_check`: whether the signature's method must be the request's. */
  checkMethodName?: boolean
}

/** The signature with a name; FAILED_PRECONDITION if there is none. */
export function findPredictSignature(
  signatures: Readonly<Record<string, SignatureDef>>,
  name: string,
): SignatureDef {
  const signature = Object.hasOwn(signatures, name) ? signatures[name] : undefined
  if (signature === undefined)
    throw new ServingError('FAILED_PRECONDITION', `Serving signature key "${name}" not found.`)
  return signature
}

/**
 * What to run for a request. Throws INVALID_ARGUMENT for inputs that are missing, too many or no
 * tensors, and for outputs that are unknown or asked for twice. Element types and shapes are left to
 * the engine.
 */
export function fitPredict(
  signature: SignatureDef,
  request: Pick<PredictRequest, 'inputs'> & Partial<PredictRequest>,
  { checkMethodName = false }: FitOptions = {},
): PredictCall {
  const { inputs, faults = NO_FAULTS, outputFilter = [] } = request
  if (checkMethodName) verifyMethod(signature)
  const sent = faults.size === 0 ? Object.keys(inputs) : [...Object.keys(inputs), ...faults]
  checkNumber(signature, sent)
  const gathered = gatherInputs(signature, { inputs, faults, sent })
  checkNames(signature, sent)
  checkOutputs(signature, outputFilter)
  return { inputs: gathered, outputs: outputFilter.length === 0 ? undefined : outputFilter }
}

const NO_FAULTS: ReadonlySet<string> = new Set()

/** Fewer are enough for a signature that has defaults. */
function checkNumber({ inputs, defaults = {} }: SignatureDef, sent: readonly string[]): void {
  const known = Object.keys(inputs)
  const isFewer = sent.length < known.length && Object.keys(defaults).length === 0
  if (sent.length > known.length || isFewer) throw wrongNumber(sent, known)
}

function checkNames({ inputs }: SignatureDef, sent: readonly string[]): void {
  if (sent.every((alias) => Object.hasOwn(inputs, alias))) return
  const used = sent.filter((alias) => Object.hasOwn(inputs, alias))
  throw invalid(
    `Inputs contains invalid name. Used request inputs: ${list(used)}, request input: ${list(sent)}`,
  )
}

function gatherInputs(
  { inputs: infos, defaults = {} }: SignatureDef,
  {
    inputs,
    faults,
    sent,
  }: {
    inputs: Readonly<Record<string, Tensor>>
    faults: ReadonlySet<string>
    sent: readonly string[]
  },
): Record<string, Tensor> {
  const gathered: Record<string, Tensor> = {}
  for (const [alias, info] of Object.entries(infos)) {
    if (faults.has(alias)) throw invalid(`tensor parsing error: ${alias}`)
    const own = Object.hasOwn(inputs, alias) ? inputs[alias] : undefined
    const tensor = own ?? (Object.hasOwn(defaults, alias) ? defaults[alias] : undefined)
    if (tensor === undefined)
      throw invalid(
        `Signature input alias: ${alias}(feed name: ${info.name}) not found in request and no ` +
          `default value provided. Inputs expected to be in the request {${list(sent)}}, or default ` +
          `input alias set: ${list(Object.keys(defaults))}`,
      )
    gathered[alias] = tensor
  }
  return gathered
}

function checkOutputs({ outputs }: SignatureDef, filter: readonly string[]): void {
  const seen = new Set<string>()
  for (const alias of filter) {
    if (!Object.hasOwn(outputs, alias))
      throw invalid(
        `output tensor alias not found in signature: ${alias} Outputs expected to be in the set ` +
          `{${list(Object.keys(outputs))}}.`,
      )
    if (seen.has(alias)) throw invalid(`duplicate output tensor alias: ${alias}`)
    seen.add(alias)
  }
}

function verifyMethod({ methodName }: SignatureDef): void {
  const known: string[] = Object.values(MethodName)
  if (!known.includes(methodName))
    throw new ServingError(
      'INTERNAL',
      'Expected prediction signature method_name to be one of {' +
        `${known.join(', ')}}. Was: ${methodName}`,
    )
}

function wrongNumber(sent: readonly string[], known: readonly string[]): ServingError {
  const extra = sent.filter((alias) => !known.includes(alias))
  const missing = known.filter((alias) => !sent.includes(alias))
  return invalid(
    `input size does not match signature: ${sent.length}!=${known.length} len({${list(sent)}}) != ` +
      `len({${list(known)}}). Sent extra: {${list(extra)}}. Missing but required: {${list(missing)}}.`,
  )
}

/** Upstream keeps such names in order. */
const list = (aliases: readonly string[]): string => aliases.toSorted().join(',')
