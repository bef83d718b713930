import type { ModelChoice } from '../paths.ts'
import { type WireReader, WireReader as Reader, WireType } from '../wire/reader.ts'
import { fieldSize, int64Size, textSize, type WireWriter } from '../wire/writer.ts'

/** The signature that is asked when a request names none. */
export const DEFAULT_SIGNATURE = 'serving_default'

/** What a request asks, by its `model_spec`. */
export interface ModelSpec extends ModelChoice {
  /** Empty if the request names none. */
  signatureName: string
}

/** What an answer came from. */
export interface AnsweredSpec {
  name: string
  version: bigint
  /** `serving_default` where the request named none; undefined leaves it out. */
  signatureName?: string | undefined
}

/** Of `ModelSpec`. */
const NAME = 1
const VERSION = 2
const SIGNATURE = 3
const LABEL = 4
/** Of `Int64Value`. */
const VALUE = 1
/** A number's tag within `Int64Value`. */
const VALUE_TAG_BYTES = 1

/** The name of the signature that a request means. */
export const signatureNameOf = (spec: { signatureName: string } | undefined): string =>
  spec?.signatureName || DEFAULT_SIGNATURE

/** Reads a ModelSpec. Of `version` and `version_label` the one that comes last counts. */
export function decodeModelSpec(message: Uint8Array): ModelSpec {
  const reader = new Reader(message)
  const spec: ModelSpec = { name: '', signatureName: '' }
  while (reader.next()) {
    if (reader.type !== WireType.BYTES) reader.skip()
    else readSpecField(reader, spec)
  }
  return spec
}

function readSpecField(reader: WireReader, spec: ModelSpec): void {
  switch (reader.field) {
    case NAME:
      spec.name = reader.readText()
      return
    case SIGNATURE:
      spec.signatureName = reader.readText()
      return
    case VERSION:
      delete spec.label
      spec.version = readInt64Value(reader, spec.version ?? 0n)
      return
    case LABEL:
      delete spec.version
      spec.label = reader.readText()
      return
    default:
      reader.skip()
  }
}

/** An Int64Value; what came before if it says nothing. */
function readInt64Value(reader: WireReader, before: bigint): bigint {
  const inner = new Reader(reader.readBytes())
  let value = before
  while (inner.next()) {
    if (inner.field === VALUE && inner.type === WireType.VARINT) value = inner.readInt64()
    else inner.skip()
  }
  return value
}

/** An answer's ModelSpec whose size as a message has been counted. */
export interface MeasuredSpec {
  spec: AnsweredSpec
  size: number
  nameSize: number
  versionSize: number
  signatureSize: number
}

/** Counts the bytes of a ModelSpec. */
export function measureSpec(spec: AnsweredSpec): MeasuredSpec {
  const nameSize = textSize(spec.name)
  const versionSize = spec.version === 0n ? 0 : VALUE_TAG_BYTES + int64Size(spec.version)
  const signatureSize = textSize(spec.signatureName ?? '')
  const size =
    sizeOfText(NAME, nameSize) +
    fieldSize(VERSION, versionSize) +
    sizeOfText(SIGNATURE, signatureSize)
  return { spec, size, nameSize, versionSize, signatureSize }
}

/** Empty texts are left out. */
const sizeOfText = (field: number, size: number): number =>
  size === 0 ? 0 : fieldSize(field, size)

/** Writes the fields of a ModelSpec. */
export function writeSpec(writer: WireWriter, measured: MeasuredSpec): void {
  const { spec, nameSize, versionSize, signatureSize } = measured
  if (nameSize > 0) writer.text(NAME, spec.name, nameSize)
  writer.head(VERSION, versionSize)
  if (versionSize > 0) {
    writer.tag(VALUE, WireType.VARINT)
    writer.int64(spec.version)
  }
  if (signatureSize > 0) writer.text(SIGNATURE, spec.signatureName ?? '', signatureSize)
}
