// Answers byte for byte as TensorFlow Serving writes them: RapidJSON's pretty form, indented by
// four, lists of a row on one line. Texts here hold one byte a character, so that strings that are
// no UTF-8 pass as they are.

import { AnswerText } from './answer-text.ts'
import { type DataType, isJsonDataType, typeText } from './element-types.ts'
import { invalid } from './errors.ts'
import { floatRowsSteps, writeFloatRows } from './float-rows.ts'
import { doubleText, floatText } from './number-text.ts'
import type { Tensor } from './tensor.ts'
import { writeText } from './text.ts'
import { atOnce, type Steps } from './steps.ts'

/** How a request was laid out, and so its answer: `instances` or `inputs`. */
export type PredictFormat = 'row' | 'column'

/** Values that are written between two pauses. */
const VALUES_A_STEP = 1_000
const INDENT = '    '
/** Strings under such an alias are bytes and not text. */
const BYTES_SUFFIX = '_bytes'

/** The body of a predict answer. Throws INVALID_ARGUMENT when the outputs do not fit the layout. */
export function writePredictAnswer(
  outputs: Readonly<Record<string, Tensor>>,
  format: PredictFormat,
): Buffer {
  const named = Object.entries(outputs)
  const [only] = named
  if (format === 'row' && named.length === 1 && only?.[1].dtype === 'DT_FLOAT')
    return writeFloatRows(only[0], only[1])
  return atOnce(answerSteps(named, format))
}

/** Writes it with pauses. */
export function* predictAnswerSteps(
  outputs: Readonly<Record<string, Tensor>>,
  format: PredictFormat,
): Steps<Buffer> {
  const named = Object.entries(outputs)
  const [only] = named
  if (format === 'row' && named.length === 1 && only?.[1].dtype === 'DT_FLOAT')
    return yield* floatRowsSteps(only[0], only[1])
  return yield* answerSteps(named, format)
}

function* answerSteps(named: Named, format: PredictFormat): Steps<Buffer> {
  if (named.length === 0) throw invalid('Cannot convert empty tensor map to JSON')
  const out = new AnswerText()
  if (format === 'row') yield* writeRows(out, named)
  else yield* writeColumns(out, named)
  return out.bytes()
}

type Named = readonly (readonly [alias: string, tensor: Tensor])[]

function* writeRows(out: AnswerText, named: Named): Steps<void> {
  const rows = batchSizeOf(named)
  const [only] = named
  out.add(`{\n${INDENT}"predictions": [`)
  if (only !== undefined && named.length === 1)
    yield* writePlainRows(out, placeOf(out, ...only), rows)
  else yield* writeNamedRows(out, named, rows)
  out.add(`${rows > 0 ? `\n${INDENT}` : ''}]\n}`)
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

function* writePlainRows(out: AnswerText, place: Place, rows: number): Steps<void> {
  const step = place.steps[0] ?? 1
  for (let row = 0; row < rows; row++) {
    if (row > 0) out.add(', ')
    const part = { at: row * step, dimension: 1, level: 2, isLine: true }
    if (step > VALUES_A_STEP) yield* listSteps(out, place, part)
    else writeList(out, place, part)
    if (isPauseDue(row, step)) yield
  }
}

function* writeNamedRows(out: AnswerText, named: Named, rows: number): Steps<void> {
  const places = named.map(([alias, tensor], index) => ({
    key: `${index > 0 ? ',' : ''}\n${INDENT.repeat(3)}${keyOf(alias)}: `,
    place: placeOf(out, alias, tensor),
  }))
  const [before, after] = [`\n${INDENT.repeat(2)}{`, `\n${INDENT.repeat(2)}}`]
  for (let row = 0; row < rows; row++) {
    out.add(row > 0 ? `,${before}` : before)
    for (const { key, place } of places) {
      out.add(key)
      const step = place.steps[0] ?? 1
      const part = { at: row * step, dimension: 1, level: 3, isLine: true }
      if (step > VALUES_A_STEP) yield* listSteps(out, place, part)
      else writeList(out, place, part)
      if (isPauseDue(row, step)) yield
    }
    out.add(after)
  }
}

function* writeColumns(out: AnswerText, named: Named): Steps<void> {
  const [only] = named
  out.add(`{\n${INDENT}"outputs": `)
  if (only !== undefined && named.length === 1) yield* writeWhole(out, placeOf(out, ...only), 1)
  else yield* writeNamedColumns(out, named)
  out.add('\n}')
}

function* writeNamedColumns(out: AnswerText, named: Named): Steps<void> {
  for (const [index, [alias, tensor]] of named.entries()) {
    out.add(`${index > 0 ? ',' : '{'}\n${INDENT.repeat(2)}${keyOf(alias)}: `)
    yield* writeWhole(out, placeOf(out, alias, tensor), 2)
  }
  out.add(`\n${INDENT}}`)
}

const writeWhole = (out: AnswerText, place: Place, level: number): Steps<void> =>
  listSteps(out, place, { at: 0, dimension: 0, level, isLine: false })

const keyOf = (alias: string): string => writeText(Buffer.from(alias).toString('latin1'))

/** A tensor, and how its elements are written. */
interface Place {
  shape: readonly number[]
  /** How many elements lie below one index of each dimension. */
  steps: readonly number[]
  /** Writes the elements from one to before another. */
  write: (from: number, to: number, gap: Gap) => void
}

/** What is between elements, and how many lists and objects are around each. */
interface Gap {
  between: string
  level: number
}

function placeOf(out: AnswerText, alias: string, tensor: Tensor): Place {
  const { shape } = tensor
  return { shape, steps: stepsOf(shape), write: writerOf(out, alias, tensor) }
}

function stepsOf(shape: readonly number[]): number[] {
  const steps = shape.map(() => 1)
  for (let axis = shape.length - 2; axis >= 0; axis--)
    steps[axis] = (steps[axis + 1] ?? 1) * (shape[axis + 1] ?? 1)
  return steps
}

function writerOf(out: AnswerText, alias: string, tensor: Tensor): Place['write'] {
  const { dtype } = tensor
  if (dtype === 'DT_FLOAT') return floatsOf(out, tensor.values)
  if (!isJsonDataType(dtype)) return () => refuse(dtype)
  if (dtype === 'DT_STRING') return stringsOf(out, tensor.values, alias.endsWith(BYTES_SUFFIX))
  const { values } = tensor
  if (values instanceof Float64Array) return each(out, (index) => doubleText(values[index] ?? NaN))
  return dtype === 'DT_BOOL'
    ? each(out, (index) => (values[index] ? 'true' : 'false'))
    : each(out, (index) => `${values[index]}`)
}

/** The answers of most models: a loop of its own, so that nothing in it is called by way of a value. */
const floatsOf =
  (out: AnswerText, values: Float32Array): Place['write'] =>
  (from, to, { between }) => {
    out.add(floatText(values[from] ?? NaN))
    for (let index = from + 1; index < to; index++)
      out.add(between + floatText(values[index] ?? NaN))
  }

const each =
  (out: AnswerText, write: (index: number, level: number) => string): Place['write'] =>
  (from, to, { between, level }) => {
    out.add(write(from, level))
    for (let index = from + 1; index < to; index++) out.add(between + write(index, level))
  }

/** JSON has no form for such values; a tensor without any is written all the same. */
function refuse(dtype: DataType): never {
  throw invalid(`Failed to write JSON value for tensor type: ${typeText(dtype)}`)
}

const stringsOf = (
  out: AnswerText,
  values: readonly Uint8Array[],
  isBytes: boolean,
): Place['write'] =>
  each(out, (index, level) => {
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
function writeList(out: AnswerText, place: Place, part: Part): void {
  const { shape, steps } = place
  const { at, dimension, level, isLine } = part
  const size = shape[dimension]
  if (size === undefined) return place.write(at, at + 1, { between: '', level })
  if (size === 0) return out.add('[]')
  const { before, between, after } = marksOf(part)
  out.add(before)
  if (dimension === shape.length - 1) place.write(at, at + size, { between, level: level + 1 })
  else {
    const step = steps[dimension] ?? 1
    for (let index = 0; index < size; index++) {
      if (index > 0) out.add(between)
      const below = { at: at + index * step, dimension: dimension + 1, level: level + 1, isLine }
      writeList(out, place, below)
    }
  }
  out.add(after)
}

/** The same with pauses, for what is long. */
function* listSteps(out: AnswerText, place: Place, part: Part): Steps<void> {
  const { shape, steps } = place
  const { at, dimension, level, isLine } = part
  const [size = 1, step = 1] = [shape[dimension], steps[dimension]]
  if (size * step <= VALUES_A_STEP) return writeList(out, place, part)
  const { before, between, after } = marksOf(part)
  const isLast = dimension === shape.length - 1
  const stride = isLast ? VALUES_A_STEP : 1
  out.add(before)
  for (let index = 0; index < size; index += stride) {
    if (index > 0) out.add(between)
    const start = at + index * step
    if (isLast)
      place.write(start, at + Math.min(index + stride, size), { between, level: level + 1 })
    else
      yield* listSteps(out, place, {
        at: start,
        dimension: dimension + 1,
        level: level + 1,
        isLine,
      })
    if (isLast || isPauseDue(index, step)) yield
  }
  out.add(after)
}

/** Whether as many values as make a step end with this one of things that have so many each. */
const isPauseDue = (index: number, values: number): boolean =>
  index % Math.max(1, Math.floor(VALUES_A_STEP / Math.max(1, values))) === 0 && index > 0

/** What is before, between and behind the members of a list. */
function marksOf({ level, isLine }: Part): { before: string; between: string; after: string } {
  const indent = isLine ? '' : `\n${INDENT.repeat(level + 1)}`
  return {
    before: `[${indent}`,
    between: isLine ? ', ' : `,${indent}`,
    after: isLine ? ']' : `\n${INDENT.repeat(level)}]`,
  }
}
