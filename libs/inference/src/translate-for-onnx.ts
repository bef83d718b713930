import {
  type SavedModel,
  SavedModelError,
  translateToData,
  type TranslationData,
} from '@drover/saved-model'
import { InferenceError } from './errors.ts'
import { checkForetold } from './onnx-trial.ts'

/**
 * Translates a SavedModel, for `openTranslated` in whatever thread. Throws UNTRANSLATABLE when TensorFlow must run
 * it, and LOAD_FAILED for what no engine can run.
 */
export function translateForOnnx(savedModel: SavedModel): TranslationData {
  try {
    const translation = translateToData(savedModel)
    checkForetold(translation)
    return translation
  } catch (cause) {
    if (!(cause instanceof SavedModelError)) throw cause
    const code = cause.code === 'UNTRANSLATABLE' ? 'UNTRANSLATABLE' : 'LOAD_FAILED'
    throw new InferenceError(code, 'the model cannot be translated to ONNX', { cause })
  }
}
