import type { InferenceResult } from '../inference/infer.ts'
import type { Classifications } from '../inference/results.ts'
import { NOTHING, WireType } from '../wire/reader.ts'
import { fieldSize, WireWriter } from '../wire/writer.ts'
import { type AnsweredSpec, measureSpec, writeSpec } from './model-spec.ts'

const FLOAT_FIELD_BYTES = 5

/** Of both responses. */
const RESULT = 1
const SPEC = 2
/** Of `ClassificationResult`, `Classifications` and `RegressionResult`. */
const ITEMS = 1
/** Of `Class`. */
const LABEL = 1
const SCORE = 2
/** Of `Regression`. */
const VALUE = 1

/** A ClassificationResponse. */
export const encodeClassificationResponse = (
  spec: AnsweredSpec,
  result: Classifications,
): Uint8Array => encodeResponse(spec, encodeClassifications(result))

/** A RegressionResponse. */
export const encodeRegressionResponse = (
  spec: AnsweredSpec,
  regressions: Float32Array,
): Uint8Array => encodeResponse(spec, encodeRegressions(regressions))

/** A MultiInferenceResponse. */
export function encodeMultiInferenceResponse(
  model: { name: string; version: bigint },
  results: readonly InferenceResult[],
): Uint8Array {
  const encoded = results.map((result) => encodeResult(model, result))
  const writer = new WireWriter(
    encoded.reduce((sum, { length }) => sum + fieldSize(ITEMS, length), 0),
  )
  for (const each of encoded) {
    writer.head(ITEMS, each.length)
    writer.raw(each)
  }
  return writer.bytes
}

/** An `InferenceResult`: its fields are the spec and one of the two results. */
function encodeResult(
  model: { name: string; version: bigint },
  result: InferenceResult,
): Uint8Array {
  // Named one by one: a spread would leave out what a class gives by its accessors.
  const { name, version } = model
  const spec = { name, version, signatureName: result.signatureName }
  return result.kind === 'classify'
    ? encodeParts(spec, {
        specField: 1,
        field: 2,
        bytes: encodeClassifications(result.classifications),
      })
    : encodeParts(spec, { specField: 1, field: 3, bytes: encodeRegressions(result.regressions) })
}

const encodeResponse = (spec: AnsweredSpec, bytes: Uint8Array): Uint8Array =>
  encodeParts(spec, { specField: SPEC, field: RESULT, bytes })

function encodeParts(
  spec: AnsweredSpec,
  { specField, field, bytes }: { specField: number; field: number; bytes: Uint8Array },
): Uint8Array {
  const measured = measureSpec(spec)
  const writer = new WireWriter(
    fieldSize(specField, measured.size) + fieldSize(field, bytes.length),
  )
  writer.head(specField, measured.size)
  writeSpec(writer, measured)
  writer.head(field, bytes.length)
  writer.raw(bytes)
  return writer.bytes
}

/** Zero is what a field is that is not there; minus zero is another number. */
const isThere = (value: number): boolean => !Object.is(value, 0)

function writeFloat(writer: WireWriter, field: number, value: number): void {
  writer.tag(field, WireType.FIXED32)
  writer.float(value)
}

function encodeRegressions(values: Float32Array): Uint8Array {
  const sizes = Array.from(values, (value): number => (isThere(value) ? FLOAT_FIELD_BYTES : 0))
  const writer = new WireWriter(sizes.reduce((sum, size) => sum + fieldSize(ITEMS, size), 0))
  for (const value of values) {
    writer.head(ITEMS, isThere(value) ? FLOAT_FIELD_BYTES : 0)
    if (isThere(value)) writeFloat(writer, VALUE, value)
  }
  return writer.bytes
}

function encodeClassifications(result: Classifications): Uint8Array {
  const rows = Array.from({ length: result.examples }, (_, example) => measureRow(result, example))
  const writer = new WireWriter(rows.reduce((sum, size) => sum + fieldSize(ITEMS, size), 0))
  for (const [example, size] of rows.entries()) {
    writer.head(ITEMS, size)
    for (let index = example * result.classes; index < (example + 1) * result.classes; index++)
      writeClass(writer, result, index)
  }
  return writer.bytes
}

function measureRow(result: Classifications, example: number): number {
  let size = 0
  for (let index = example * result.classes; index < (example + 1) * result.classes; index++)
    size += fieldSize(ITEMS, measureClass(result, index))
  return size
}

function measureClass({ labels, scores }: Classifications, index: number): number {
  const { length } = labels?.[index] ?? NOTHING
  const scoreSize = isThere(scores?.[index] ?? 0) ? FLOAT_FIELD_BYTES : 0
  return (length === 0 ? 0 : fieldSize(LABEL, length)) + scoreSize
}

function writeClass(writer: WireWriter, result: Classifications, index: number): void {
  const label = result.labels?.[index] ?? NOTHING
  const score = result.scores?.[index] ?? 0
  writer.head(ITEMS, measureClass(result, index))
  if (label.length > 0) {
    writer.head(LABEL, label.length)
    writer.raw(label)
  }
  if (isThere(score)) writeFloat(writer, SCORE, score)
}
