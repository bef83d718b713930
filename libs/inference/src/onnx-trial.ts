// Models that onnxruntime would never be let run: what is calculated from a request says how large their tensors
// become, such as how long each sound lasts, and of that nothing is told ahead. TensorFlow runs them.

import {
  type OnnxModel,
  openTranslation,
  SavedModelError,
  type TranslatedSignature,
  type TranslationData,
} from '@drover/saved-model'
import {
  isNumericType,
  type SignatureDef,
  sizeOf,
  stringTensor,
  type Tensor,
  tensorOfBuffer,
  bytesOfType,
} from '@drover/serving-api'
import { InferenceError } from './errors.ts'
import { RunLimits } from './onnx-limits.ts'

/** Larger ones are not made only to see. */
const ELEMENTS_MAX = 2 ** 20

/** Throws UNTRANSLATABLE, naming the node, where even a request of one zero is told to take too much memory. */
export function checkForetold(translation: TranslationData): void {
  // Most models have none, and there are thousands of models.
  if (!Object.values(translation.signatures).some((each) => each.isSizedByValues)) return
  for (const each of Object.values(openTranslation(translation).signatures)) {
    const { signature, model, begin, isSizedByValues } = each
    const feeds = isSizedByValues ? feedsOf(signature, begin) : undefined
    if (model !== undefined && feeds !== undefined) check(model, feeds)
  }
}

function check({ bytes, sources }: OnnxModel, feeds: Readonly<Record<string, Tensor>>): void {
  try {
    new RunLimits(bytes).check(feeds, { sources })
  } catch (cause) {
    if (!(cause instanceof InferenceError)) throw cause
    // It only takes long, as a large model may.
    if (cause.code !== 'INVALID_INPUT') return
    throw new InferenceError('UNTRANSLATABLE', 'nobody knows ahead how large its tensors are', {
      cause: cause.cause,
    })
  }
}

/** What the ONNX model is given for a request of zeros; undefined where the model does not take that. */
function feedsOf(
  { inputs }: SignatureDef,
  begin: TranslatedSignature['begin'],
): Readonly<Record<string, Tensor>> | undefined {
  const given: [string, Tensor][] = []
  for (const [alias, { dtype, shape = [] }] of Object.entries(inputs)) {
    const sizes = shape.map((size) => (size === -1 ? 1 : size))
    if (sizeOf(sizes) > ELEMENTS_MAX) return undefined
    given.push([alias, zeroOf(dtype, sizes)])
  }
  try {
    return begin(Object.fromEntries(given)).feeds
  } catch (error) {
    if (error instanceof SavedModelError && error.code === 'INVALID_INPUT') return undefined
    throw error
  }
}

function zeroOf(dtype: string, shape: readonly number[]): Tensor {
  const count = sizeOf(shape)
  if (!isNumericType(dtype))
    return stringTensor(
      Array.from({ length: count }, () => ''),
      shape,
    )
  return tensorOfBuffer(dtype, shape, new ArrayBuffer(count * bytesOfType(dtype)))
}
