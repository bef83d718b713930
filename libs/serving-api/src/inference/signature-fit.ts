// Which signatures can be asked to classify or to regress: upstream's checks, order and words.

import { invalid, type ServingError } from '../errors.ts'
import { type FitOptions, MethodName } from '../grpc/predict-fit.ts'
import { DEFAULT_SIGNATURE } from '../grpc/model-spec.ts'
import type { SignatureDef } from '../tensor.ts'
import { signatureText } from './signature-text.ts'

/** The aliases that such signatures have. */
export const Alias = {
  INPUTS: 'inputs',
  CLASSES: 'classes',
  SCORES: 'scores',
  OUTPUTS: 'outputs',
} as const

type Signatures = Readonly<Record<string, SignatureDef>>

/** Looks a signature up by the name in a request, which may be empty. */
export function findSignature(
  signatures: Signatures,
  signatureName: string,
  missing: (name: string) => ServingError,
): { name: string; signature: SignatureDef } {
  const name = signatureName || DEFAULT_SIGNATURE
  const signature = Object.hasOwn(signatures, name) ? signatures[name] : undefined
  if (signature === undefined) throw missing(name)
  return { name, signature }
}

/** The error of a classify or regress request whose signature is not there. */
export const noSignature = (name: string): ServingError =>
  invalid(`No signature was found with the name: ${name}`)

/** The outputs to ask a signature for when it is to classify; throws INVALID_ARGUMENT if it cannot. */
export function fitClassification(signature: SignatureDef, options: FitOptions): string[] {
  checkMethod(signature, { ...options, what: 'classification', method: MethodName.CLASSIFY })
  const outputs = Object.keys(signature.outputs)
  if (Object.keys(signature.inputs).length !== 1) throw invalid('Expected one input Tensor.')
  if (outputs.length !== 1 && outputs.length !== 2)
    throw invalid(`Expected one or two output Tensors, found ${outputs.length}`)
  if (!Object.hasOwn(signature.inputs, Alias.INPUTS))
    throw notFound('classification inputs', signature)
  const wanted = [Alias.CLASSES, Alias.SCORES].filter((alias) =>
    Object.hasOwn(signature.outputs, alias),
  )
  if (wanted.length === 0)
    throw invalid(
      'Expected classification signature outputs to contain at least one of ' +
        `"${Alias.CLASSES}" or "${Alias.SCORES}". Signature was: ${signatureText(signature)}`,
    )
  return wanted
}

/** As `fitClassification`, of a signature that is to regress. */
export function fitRegression(signature: SignatureDef, options: FitOptions): string[] {
  checkMethod(signature, { ...options, what: 'regression', method: MethodName.REGRESS })
  if (Object.keys(signature.inputs).length !== 1) throw invalid('Expected one input Tensor.')
  if (Object.keys(signature.outputs).length !== 1) throw invalid('Expected one output Tensor.')
  if (!Object.hasOwn(signature.inputs, Alias.INPUTS)) throw notFound('regression inputs', signature)
  if (!Object.hasOwn(signature.outputs, Alias.OUTPUTS))
    throw notFound('regression outputs', signature)
  return [Alias.OUTPUTS]
}

const notFound = (what: string, signature: SignatureDef): ServingError =>
  invalid(`No ${what} found in SignatureDef: ${signatureText(signature)}`)

function checkMethod(
  { methodName }: SignatureDef,
  { checkMethodName = false, what, method }: FitOptions & { what: string; method: string },
): void {
  if (checkMethodName && methodName !== method)
    throw invalid(`Expected ${what} signature method_name to be ${method}. Was: ${methodName}`)
}
