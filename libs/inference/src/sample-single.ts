// One model with a signature for each case of one operation, and how answers of two engines are compared
// where numbers may be infinite or none.

import {
  type Attr,
  attr,
  compileModel,
  GraphBuilder,
  readSavedModel,
  type SavedModel,
  SavedModelError,
  writeSavedModel,
} from '@drover/saved-model'
import { compareAnswers, type SignatureDef, type Tensor, TOLERANCE } from '@drover/serving-api'
import { InferenceError, type InferenceErrorCode } from './errors.ts'
import { info, modelBytes } from './sample-models.ts'
import type { Case } from './sample-slices.ts'
import type { Servable } from './servable.ts'

/** Operations that have no attribute T: TensorFlow refuses them with it. */
const UNTYPED =
  /^(Logical|All|Any|Cast$|String|GatherV2|GatherNd|Range$|Unicode|Regex|StaticRegex|.*Base64$|ReduceJoin$|SparseCross$|RaggedGather$)/

export const nameOf = ({ op }: Case, index: number): string => `${index}_${op}`

/** The attributes of a case as TensorFlow takes them. */
export const attrsOf = ({ op, attrs: { T, ...attrs } }: Case): Record<string, Attr> =>
  UNTYPED.test(op) || T === undefined ? attrs : { T, ...attrs }

/** What a request brings. */
export const inputsOf = ({ operands }: Case): Record<string, Tensor> =>
  Object.fromEntries(
    operands.flatMap((operand, index) => ('constant' in operand ? [] : [[`x${index}`, operand]])),
  )

/** The channels that a convolution backwards is asked for are known from its shape alone where they are fed. */
function shapeAttrs({ op, operands: [sizes] }: Case): Record<string, Attr> {
  if (!op.includes('Backprop') || sizes === undefined || 'constant' in sizes) return {}
  if (sizes.dtype !== 'DT_INT32') return {}
  const shape = Array.from(sizes.values, (size, at) => (at === sizes.values.length - 1 ? size : -1))
  return { _output_shapes: attr.shapes([shape]) }
}

/** The SavedModel; the shape that a signature says of an operand is all of it unless `shapeOf` says less. */
export function singleModel(
  cases: readonly Case[],
  shapeOf: (operand: Tensor, at: number) => readonly number[] = ({ shape }) => shape,
): Uint8Array {
  const builder = new GraphBuilder()
  const signatures: Record<string, Pick<SignatureDef, 'inputs' | 'outputs'>> = {}
  for (const [index, each] of cases.entries()) {
    const name = nameOf(each, index)
    const inputs: SignatureDef['inputs'] = {}
    const operands = each.operands.map((operand, at) => {
      const node = `${name}/x${at}`
      if ('constant' in operand) return builder.constant(node, operand.constant)
      const shape = shapeOf(operand, at)
      Object.assign(inputs, { [`x${at}`]: info(`${node}:0`, operand.dtype, shape) })
      return builder.add('Placeholder', node, [], { dtype: attr.type(operand.dtype) })
    })
    const y = builder.add(each.op, `${name}/y`, operands, { ...attrsOf(each), ...shapeAttrs(each) })
    signatures[name] = { inputs, outputs: { y: info(`${y}:${each.port}`, each.type, 'unknown') } }
  }
  return modelBytes(builder, signatures)
}

/** Every dimension may be of any size but the last, the channels, as in what Keras saves. */
export const channelsKnown = ({ shape }: Tensor): readonly number[] =>
  shape.map((size, axis) => (axis === shape.length - 1 ? size : -1))

/** Undefined where the model is refused in one of these ways. */
export async function loadedUnless(
  refusals: readonly InferenceErrorCode[],
  loading: Promise<Servable>,
): Promise<Servable | undefined> {
  try {
    return await loading
  } catch (error) {
    if (error instanceof InferenceError && refusals.includes(error.code)) return undefined
    throw error
  }
}

export type Answer = Readonly<Record<string, Tensor>>

/** The answer; undefined where the caller is told of a mistake of his, which `onRefusal` is told as well. */
export async function answerOf(
  servable: Servable,
  signature: string,
  inputs: Readonly<Record<string, Tensor>>,
  onRefusal: (error: InferenceError) => void = () => {},
): Promise<Answer | undefined> {
  try {
    return await servable.run(signature, inputs)
  } catch (error) {
    if (!(error instanceof InferenceError)) throw error
    if (error.code !== 'INVALID_INPUT' && error.code !== 'RUN_FAILED') throw error
    onRefusal(error)
    return undefined
  }
}

/** Parts what is infinite or no number from the numbers, which the comparison of answers knows alone. */
const parted = (answer: Answer): Answer =>
  Object.fromEntries(
    Object.entries(answer).flatMap(([alias, tensor]): [string, Tensor][] => {
      if (tensor.dtype !== 'DT_FLOAT' && tensor.dtype !== 'DT_DOUBLE') return [[alias, tensor]]
      const { shape } = tensor
      const kinds = Int32Array.from(tensor.values, (value) =>
        Number.isNaN(value) ? 2 : Number.isFinite(value) ? 0 : Math.sign(value),
      )
      const finite = tensor.values.map((value) => (Number.isFinite(value) ? value : 0))
      const numbers: Tensor =
        tensor.dtype === 'DT_FLOAT'
          ? { dtype: 'DT_FLOAT', shape, values: Float32Array.from(finite) }
          : { dtype: 'DT_DOUBLE', shape, values: Float64Array.from(finite) }
      return [
        [alias, numbers],
        [`what is not finite of ${alias}`, { dtype: 'DT_INT32', shape, values: kinds }],
      ]
    }),
  )

/** In what two answers differ; undefined where they do not. */
export function differenceOf(expected: Answer, answer: Answer): string | undefined {
  return compareAnswers(parted(expected), parted(answer), TOLERANCE.engines).reason
}

/** The same model with no signatures but those that kernels take. */
export function forKernels(bytes: Uint8Array): Uint8Array {
  const whole = readSavedModel(bytes)
  const taken = Object.entries(whole.signatures).filter(([name]) => hasKernels(whole, name))
  return writeSavedModel({ graph: whole.graph, signatures: Object.fromEntries(taken) })
}

/** Whether kernels take a signature of a model; none that it does not have. */
export function hasKernels(whole: SavedModel, name: string): boolean {
  const { [name]: signature } = whole.signatures
  if (signature === undefined) return false
  try {
    compileModel({ ...whole, signatures: { [name]: signature } })
    return true
  } catch (error) {
    if (error instanceof SavedModelError && error.code === 'UNTRANSLATABLE') return false
    throw error
  }
}
