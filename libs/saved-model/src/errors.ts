/** Why a SavedModel was refused. */
export const SavedModelErrorCode = {
  /** The bytes are no SavedModel, or a damaged one. */
  NOT_A_SAVED_MODEL: 'NOT_A_SAVED_MODEL',
  /** It is larger than a named limit allows. */
  TOO_LARGE: 'TOO_LARGE',
  /** It holds no graph with the tag `serve`. */
  NO_SERVE_GRAPH: 'NO_SERVE_GRAPH',
  /** A node has no translation; TensorFlow may still run it. */
  UNTRANSLATABLE: 'UNTRANSLATABLE',
  /** A translated graph cannot take these inputs; TensorFlow would refuse them too. */
  INVALID_INPUT: 'INVALID_INPUT',
} as const
export type SavedModelErrorCode = keyof typeof SavedModelErrorCode

/** The one expected failure of this lib; switch on `code`. */
export class SavedModelError extends Error {
  override readonly name = 'SavedModelError'
  readonly code: SavedModelErrorCode

  constructor(code: SavedModelErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
