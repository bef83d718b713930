import type { Tensor } from '../tensor.ts'
import { atOnce, type Steps } from '../steps.ts'
import { measureTensor, writeTensor } from '../wire/tensor-encode.ts'
import { fieldSize, textSize, WireWriter } from '../wire/writer.ts'
import { type AnsweredSpec, measureSpec, writeSpec } from './model-spec.ts'

/** Of `PredictResponse`. */
const OUTPUTS = 1
const SPEC = 2
/** Of an entry of a map. */
const KEY = 1
const VALUE = 2

/** How tensors are written: as lists of their type, or as bytes (`--prefer_tensor_content`). */
export interface ResponseOptions {
  asTensorContent?: boolean
}

/** A PredictResponse. */
export const encodePredictResponse = (
  spec: AnsweredSpec,
  outputs: Readonly<Record<string, Tensor>>,
  options: ResponseOptions = {},
): Uint8Array => atOnce(predictResponseSteps(spec, outputs, options))

/** Writes a PredictResponse with pauses. */
export function* predictResponseSteps(
  spec: AnsweredSpec,
  outputs: Readonly<Record<string, Tensor>>,
  { asTensorContent = false }: ResponseOptions = {},
): Steps<Uint8Array> {
  const measuredSpec = measureSpec(spec)
  let size = fieldSize(SPEC, measuredSpec.size)
  const entries = []
  for (const [alias, tensor] of Object.entries(outputs)) {
    const measured = yield* measureTensor(tensor, asTensorContent)
    const aliasSize = textSize(alias)
    const entrySize = fieldSize(KEY, aliasSize) + fieldSize(VALUE, measured.size)
    size += fieldSize(OUTPUTS, entrySize)
    entries.push({ alias, aliasSize, measured, entrySize })
  }
  const writer = new WireWriter(size)
  for (const { alias, aliasSize, measured, entrySize } of entries) {
    writer.head(OUTPUTS, entrySize)
    writer.text(KEY, alias, aliasSize)
    writer.head(VALUE, measured.size)
    yield* writeTensor(writer, measured)
  }
  writer.head(SPEC, measuredSpec.size)
  writeSpec(writer, measuredSpec)
  return writer.bytes
}
