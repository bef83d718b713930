// Answers byte for byte as TensorFlow Serving writes them: RapidJSON's pretty form, indented by
// four, lists of a row on one line. Texts here hold one byte a character, so that strings that are
// no UTF-8 pass as they are.

import { type DataType, isJsonDataType, typeText } from './element-types.ts'
import { invalid } from './errors.ts'
import { writeFloatRows } from './float-rows.ts'
import { doubleText, floatText } from './number-text.ts'
import type { Tensor } from './tensor.ts'
import { writeText } from './text.ts'

/** How a request was laid out, and so its answer: `instances` or `inputs`. */
export type PredictFormat = 'row' | 'column'

const INDENT = '    '
/** Strings under such an alias are bytes and not text. */
const BYTES_SUFFIX = '_bytes'

/** The body of a predict answer. Throws INVALID_ARGUMENT when the outputs do not fit the layout. */
export function writePredictAnswer(
  outputs: Readonly<Record<string, Tensor>>,
  format: PredictFormat,
): Buffer {
  const named = Object.entries(outputs)
  if (named.length === 0) throw invalid('Cannot convert empty tensor map to JSON')
  const [only] = named
  if (format === 'row' && named.length === 1 && only?.[1].dtype === 'DT_FLOAT')
    return writeFloatRows(only[0], only[1])
  return Buffer.from(format === 'row' ? writeRows(named) : writeColumns(named), 'latin1')
}

type Named = readonly (readonly [alias: string, tensor: Tensor])[]

function writeRows(named: Named): string {
  const rows = batchSizeOf(named)
  const [only] = named
  const items =
    only !== undefined && named.length === 1
      ? writePlainRows(placeOf(...only), rows)
      : writeNamedRows(named, rows)
  return `{\n${INDENT}"predictions": [${items}${rows > 0 ? `\n${INDENT}` : ''}]\n}`
}

/** Every output has the batch as its first dimension, of one size. */
function batchSizeOf(named: Named): number {
  let rows = -1
  for (const [alias, { shape }] of named) {
    const [size] = shape
    if (size === undefined) throw invalid(`Tensor name: ${alias} has no shape information `)
    if (rows >= 0 && rows !== size)
      throw invalid(`Tensor name: ${alias} has inconsistent batch size: ${size} expecting: ${rows}`)
    rows = size
  }
  return rows
}

function writePlainRows(place: Place, rows: number): string {
  const step = place.steps[0] ?? 1
  let text = ''
  for (let row = 0; row < rows; row++) {
    if (row > 0) text += ', '
    text += writeList(place, { at: row * step, dimension: 1, level: 2, isLine: true })
  }
  return text
}

function writeNamedRows(named: Named, rows: number): string {
  const places = named.map(([alias, tensor]) => ({
    key: `\n${INDENT.repeat(3)}${keyOf(alias)}: `,
    place: placeOf(alias, tensor),
  }))
  const [before, after] = [`\n${INDENT.repeat(2)}{`, `\n${INDENT.repeat(2)}}`]
  const items = Array.from({ length: rows }, (_, row) => {
    const members = places.map(({ key, place }) => {
      const at = row * (place.steps[0] ?? 1)
      return key + writeList(place, { at, dimension: 1, level: 3, isLine: true })
    })
    return `${before}${members.join()}${after}`
  })
  return items.join()
}

function writeColumns(named: Named): string {
  const [only] = named
  if (only !== undefined && named.length === 1)
    return `{\n${INDENT}"outputs": ${writeWhole(placeOf(...only), 1)}\n}`
  const members = named.map(
    ([alias, tensor]) =>
      `\n${INDENT.repeat(2)}${keyOf(alias)}: ${writeWhole(placeOf(alias, tensor), 2)}`,
  )
  return `{\n${INDENT}"outputs": {${members.join(',')}\n${INDENT}}\n}`
}

const writeWhole = (place: Place, level: number): string =>
  writeList(place, { at: 0, dimension: 0, level, isLine: false })

const keyOf = (alias: string): string => writeText(Buffer.from(alias).toString('latin1'))

/** A tensor, and how its elements are written. */
interface Place {
  shape: readonly number[]
  /** How many elements lie below one index of each dimension. */
  steps: readonly number[]
  /** Writes the elements from one to before another. */
  write: (from: number, to: number, gap: Gap) => string
}

/** What is between elements, and how many lists and objects are around each. */
interface Gap {
  between: string
  level: number
}

function placeOf(alias: string, tensor: Tensor): Place {
  const { shape } = tensor
  return { shape, steps: stepsOf(shape), write: writerOf(alias, tensor) }
}

function stepsOf(shape: readonly number[]): number[] {
  const steps = shape.map(() => 1)
  for (let axis = shape.length - 2; axis >= 0; axis--)
    steps[axis] = (steps[axis + 1] ?? 1) * (shape[axis + 1] ?? 1)
  return steps
}

function writerOf(alias: string, tensor: Tensor): Place['write'] {
  const { dtype } = tensor
  if (dtype === 'DT_FLOAT') return floatsOf(tensor.values)
  if (!isJsonDataType(dtype)) return () => refuse(dtype)
  if (dtype === 'DT_STRING') return stringsOf(tensor.values, alias.endsWith(BYTES_SUFFIX))
  const { values } = tensor
  if (values instanceof Float64Array) return each((index) => doubleText(values[index] ?? NaN))
  return dtype === 'DT_BOOL'
    ? each((index) => (values[index] ? 'true' : 'false'))
    : each((index) => `${values[index]}`)
}

/** The answers of most models: a loop of its own, so that nothing in it is called by way of a value. */
const floatsOf =
  (values: Float32Array): Place['write'] =>
  (from, to, { between }) => {
    let text = floatText(values[from] ?? NaN)
    for (let index = from + 1; index < to; index++)
      text += between + floatText(values[index] ?? NaN)
    return text
  }

const each =
  (write: (index: number, level: number) => string): Place['write'] =>
  (from, to, { between, level }) => {
    let text = write(from, level)
    for (let index = from + 1; index < to; index++) text += between + write(index, level)
    return text
  }

/** JSON has no form for such values; a tensor without any is written all the same. */
function refuse(dtype: DataType): never {
  throw invalid(`Failed to write JSON value for tensor type: ${typeText(dtype)}`)
}

const stringsOf = (values: readonly Uint8Array[], isBytes: boolean): Place['write'] =>
  each((index, level) => {
    const bytes = Buffer.from(values[index] ?? [])
    return isBytes ? bytesText(bytes, level) : writeText(bytes.toString('latin1'))
  })

function bytesText(bytes: Buffer, level: number): string {
  const text = `"b64": "${bytes.toString('base64')}"`
  return `{\n${INDENT.repeat(level + 1)}${text}\n${INDENT.repeat(level)}}`
}

interface Part {
  /** Index of the part's first element. */
  at: number
  dimension: number
  /** How many lists and objects are around it. */
  level: number
  /** Whether lists stay on one line. */
  isLine: boolean
}

/** Writes what is below one index of each dimension before this one. */
function writeList(place: Place, { at, dimension, level, isLine }: Part): string {
  const { shape, steps } = place
  const size = shape[dimension]
  if (size === undefined) return place.write(at, at + 1, { between: '', level })
  if (size === 0) return '[]'
  const before = isLine ? '' : `\n${INDENT.repeat(level + 1)}`
  const between = isLine ? ', ' : `,${before}`
  const after = isLine ? '' : `\n${INDENT.repeat(level)}`
  if (dimension === shape.length - 1)
    return `[${before}${place.write(at, at + size, { between, level: level + 1 })}${after}]`
  const step = steps[dimension] ?? 1
  let text = ''
  for (let index = 0; index < size; index++) {
    const part = { at: at + index * step, dimension: dimension + 1, level: level + 1, isLine }
    text += `${index > 0 ? between : ''}${writeList(place, part)}`
  }
  return `[${before}${text}${after}]`
}
