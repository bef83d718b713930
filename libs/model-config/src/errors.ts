/** What is wrong with a text of a config. */
export const ModelConfigCode = {
  /** It is not written in protobuf's text format. */
  SYNTAX: 'SYNTAX',
  /** A field that is unknown, given twice, missing, or of another type. */
  FIELD: 'FIELD',
  /** Longer or deeper than is read. */
  TOO_LARGE: 'TOO_LARGE',
} as const
export type ModelConfigCode = (typeof ModelConfigCode)[keyof typeof ModelConfigCode]

/** Where in a text something is; both count from 1. */
export interface TextPlace {
  line: number
  column: number
}

/** A config that cannot be read; the message begins with `line:column`. */
export class ModelConfigError extends Error {
  override readonly name = 'ModelConfigError'
  readonly code: ModelConfigCode
  readonly place: TextPlace

  constructor(code: ModelConfigCode, place: TextPlace, message: string, options?: ErrorOptions) {
    super(`${place.line}:${place.column}: ${message}`, options)
    this.code = code
    this.place = place
  }
}
