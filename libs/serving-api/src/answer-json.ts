// Answers byte for byte as TensorFlow Serving writes them: RapidJSON's pretty form, indented by
// four, lists of a row on one line. Texts here hold one byte a character, so that strings that are
// no UTF-8 pass as they are.

import { type DataType, typeText } from './element-types.ts'
import { invalid } from './errors.ts'
import { doubleText, floatText } from './number-text.ts'
import { sizeOf, type Tensor, type TensorOf } from './tensor.ts'
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
  return Buffer.from(format === 'row' ? writeRows(named) : writeColumns(named), 'latin1')
}

type Named = readonly (readonly [alias: string, tensor: Tensor])[]

function writeRows(named: Named): string {
  const rows = batchSizeOf(named)
  const places = named.map(([alias, tensor]) => ({
    key: keyOf(alias),
    place: placeOf(alias, tensor),
    size: sizeOf(tensor.shape.slice(1)),
  }))
  const isPlain = places.length === 1
  const items: string[] = []
  for (let row = 0; row < rows; row++) {
    const values = places.map(({ key, place, size }) => {
      const at = row * size
      return isPlain
        ? writeDimension(place, { at, dimension: 1, level: 2, isLine: true })
        : `\n${INDENT.repeat(3)}${key}: ${writeDimension(place, { at, dimension: 1, level: 3, isLine: true })}`
    })
    items.push(
      isPlain ? values.join('') : `\n${INDENT.repeat(2)}{${values.join(',')}\n${INDENT.repeat(2)}}`,
    )
  }
  const end = rows > 0 ? `\n${INDENT}` : ''
  return `{\n${INDENT}"predictions": [${items.join(isPlain ? ', ' : ',')}${end}]\n}`
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
  writeDimension(place, { at: 0, dimension: 0, level, isLine: false })

const keyOf = (alias: string): string => writeText(Buffer.from(alias).toString('latin1'))

/** A tensor, and how one element of it is written. */
interface Place {
  shape: readonly number[]
  write: (index: number, level: number) => string
}

function placeOf(alias: string, tensor: Tensor): Place {
  const { shape } = tensor
  switch (tensor.dtype) {
    case 'DT_FLOAT':
      return { shape, write: (index) => floatText(tensor.values[index] ?? NaN) }
    case 'DT_DOUBLE':
      return { shape, write: (index) => doubleText(tensor.values[index] ?? NaN) }
    case 'DT_INT32':
    case 'DT_INT16':
    case 'DT_INT8':
    case 'DT_UINT8':
    case 'DT_UINT32':
    case 'DT_INT64':
    case 'DT_UINT64':
      return { shape, write: (index) => `${tensor.values[index]}` }
    case 'DT_BOOL':
      return { shape, write: (index) => (tensor.values[index] ? 'true' : 'false') }
    case 'DT_STRING':
      return { shape, write: stringWriter(tensor, alias.endsWith(BYTES_SUFFIX)) }
    case 'DT_UINT16':
    case 'DT_HALF':
    case 'DT_BFLOAT16':
    case 'DT_COMPLEX64':
    case 'DT_COMPLEX128':
      return { shape, write: () => refuse(tensor.dtype) }
  }
}

/** JSON has no form for such values; one without elements is written all the same. */
function refuse(dtype: DataType): never {
  throw invalid(`Failed to write JSON value for tensor type: ${typeText(dtype)}`)
}

function stringWriter({ values }: TensorOf<'DT_STRING'>, isBytes: boolean): Place['write'] {
  return (index, level) => {
    const bytes = Buffer.from(values[index] ?? [])
    return isBytes ? bytesText(bytes, level) : writeText(bytes.toString('latin1'))
  }
}

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
function writeDimension(place: Place, { at, dimension, level, isLine }: Part): string {
  const { shape, write } = place
  const size = shape[dimension]
  if (size === undefined) return write(at, level)
  const step = sizeOf(shape.slice(dimension + 1))
  const before = isLine ? '' : `\n${INDENT.repeat(level + 1)}`
  const between = isLine ? ', ' : `,${before}`
  let text = ''
  for (let index = 0; index < size; index++) {
    const start = at + index * step
    text += index === 0 ? before : between
    text +=
      dimension === shape.length - 1
        ? write(start, level + 1)
        : writeDimension(place, { at: start, dimension: dimension + 1, level: level + 1, isLine })
  }
  return `[${text}${isLine || size === 0 ? '' : `\n${INDENT.repeat(level)}`}]`
}
