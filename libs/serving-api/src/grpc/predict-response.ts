import type { Tensor } from '../tensor.ts'
import { measureTensor, writeTensor } from '../wire/tensor-encode.ts'
import { fieldSize, textSize, WireWriter } from '../wire/writer.ts'
import { type AnsweredSpec, measureSpec, writeSpec } from './model-spec.ts'

/** Of `PredictResponse`. */
const OUTPUTS = 1
const SPEC = 2
/** Of an entry of a map. */
const KEY = 1
const VALUE = 2

/**
 * A PredictResponse. Tensors are written as lists of their type, or with `asTensorContent` as bytes
 * (`--prefer_tensor_content`).
 */
export function encodePredictResponse(
  spec: AnsweredSpec,
  outputs: Readonly<Record<string, Tensor>>,
  { asTensorContent = false }: { asTensorContent?: boolean } = {},
): Uint8Array {
  const measuredSpec = measureSpec(spec)
  let size = fieldSize(SPEC, measuredSpec.size)
  const entries = Object.entries(outputs).map(([alias, tensor]) => {
    const measured = measureTensor(tensor, asTensorContent)
    const aliasSize = textSize(alias)
    const entrySize = fieldSize(KEY, aliasSize) + fieldSize(VALUE, measured.size)
    size += fieldSize(OUTPUTS, entrySize)
    return { alias, aliasSize, measured, entrySize }
  })
  const writer = new WireWriter(size)
  for (const { alias, aliasSize, measured, entrySize } of entries) {
    writer.head(OUTPUTS, entrySize)
    writer.text(KEY, alias, aliasSize)
    writer.head(VALUE, measured.size)
    writeTensor(writer, measured)
  }
  writer.head(SPEC, measuredSpec.size)
  writeSpec(writer, measuredSpec)
  return writer.bytes
}
