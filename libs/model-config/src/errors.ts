/** What is wrong with a config. */
export const ModelConfigCode = {
  /** It is not written in protobuf's text format. */
  SYNTAX: 'SYNTAX',
  /** A field that is unknown, given twice, missing, or of another type. */
  FIELD: 'FIELD',
  /** Longer or deeper than is read. */
  TOO_LARGE: 'TOO_LARGE',
  /** It can be read, and what it asks for is not to be had from any server. */
  REFUSED: 'REFUSED',
} as const
export type ModelConfigCode = (typeof ModelConfigCode)[keyof typeof ModelConfigCode]

/** Where in a text something is; both count from 1. */
export interface TextPlace {
  line: number
  column: number
}

/** A config that cannot be read or is refused; where it has a place, the message begins with `line:column`. */
export class ModelConfigError extends Error {
  override readonly name = 'ModelConfigError'
  readonly code: ModelConfigCode
  readonly place: TextPlace | undefined

  constructor(
    code: ModelConfigCode,
    place: TextPlace | undefined,
    message: string,
    options?: ErrorOptions,
  ) {
    super(place === undefined ? message : `${place.line}:${place.column}: ${message}`, options)
    this.code = code
    this.place = place
  }
}
