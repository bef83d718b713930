// Whether the tensors of a request are those of a signature, in TensorFlow's words.

import { typeText } from './element-types.ts'
import { ServingError } from './errors.ts'
import { findPredictSignature, fitPredict } from './grpc/predict-fit.ts'
import type { SignatureDef, Tensor } from './tensor.ts'

/** Tensors by alias. */
type Tensors = Readonly<Record<string, Tensor>>

/**
 * Whether a request names a signature and its inputs, but for those that have a default; the reason
 * why not, or undefined. Shapes are not looked at: the model itself says what it can take.
 */
export function misfitOf(
  signatures: Readonly<Record<string, SignatureDef>>,
  signature: string,
  inputs: Tensors,
): string | undefined {
  if (Object.hasOwn(signatures, signature) && fits(signatures[signature], inputs)) return undefined
  try {
    const found = findPredictSignature(signatures, signature)
    return misfitOfTypes(found, fitPredict(found, { inputs }).inputs)
  } catch (error) {
    if (error instanceof ServingError) return error.message
    throw error
  }
}

/** Whether all inputs are there and no others: what most requests are, and nothing to be worded. */
function fits(signature: SignatureDef | undefined, inputs: Tensors): boolean {
  if (signature === undefined) return false
  let missing = Object.keys(inputs).length
  for (const alias in signature.inputs)
    if (inputs[alias]?.dtype === signature.inputs[alias]?.dtype) missing--
    else return false
  return missing === 0
}

/**
 * The first input of another shape than the signature says, in words; undefined where there is none. A
 * model may take it all the same.
 */
export function misfitOfShapes(
  { inputs: wanted }: SignatureDef,
  inputs: Tensors,
): string | undefined {
  for (const [alias, { shape }] of Object.entries(inputs)) {
    const said = wanted[alias]?.shape
    if (said === undefined) continue
    const isSaid =
      said.length === shape.length && said.every((size, at) => size < 0 || size === shape[at])
    if (!isSaid)
      return `the input ${alias} has the shape [${shape.join(', ')}], and the signature says [${said.join(', ')}]`
  }
  return undefined
}

/** The inputs with the signature's defaults for those that are left out. */
export const withDefaults = ({ defaults }: SignatureDef, inputs: Tensors): Tensors =>
  defaults === undefined ? inputs : { ...defaults, ...inputs }

function misfitOfTypes({ inputs: wanted }: SignatureDef, inputs: Tensors): string | undefined {
  let index = 0
  for (const [alias, { dtype }] of Object.entries(wanted)) {
    const tensor = inputs[alias]
    // What refers to a variable takes the type of its values.
    if (tensor !== undefined && tensor.dtype !== dtype && `${tensor.dtype}_REF` !== dtype)
      return (
        `Expects arg[${index}] to be ${typeText(dtype).replace(/_ref$/, '')} ` +
        `but ${typeText(tensor.dtype)} is provided`
      )
    index++
  }
  return undefined
}
