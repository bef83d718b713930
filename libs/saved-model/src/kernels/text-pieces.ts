// Pieces of texts, and texts put together along dimensions.

import { bytesOf, decodeText, normalText } from '../bytes-as-text.ts'
import type { NodeDef } from '../graph.ts'
import { boolOf, textOf, untranslatable } from '../node-attrs.ts'
import {
  asIntegers,
  asTexts,
  axisOf,
  countOf,
  invalid,
  isSameShape,
  positionsOf,
  stridesOf,
  texts,
  type Value,
} from '../values.ts'
import { commonShape, repeated } from './broadcast.ts'
import { all, type Cost, elementsOf } from './cost-parts.ts'
import { type Kernel, withThree, withTwo } from './kernel.ts'

/** TensorFlow repeats texts and positions in no more dimensions than these. */
const REPEATED_RANK_MAX = 2

/** From where to where; undefined where the beginning is outside. */
type Span = (bytes: Uint8Array, from: number, length: number) => [number, number] | undefined

/** A length below zero reaches to the end. */
const spanOfBytes: Span = (bytes, from, length) => {
  const start = from < 0 ? bytes.length + from : from
  if (start < 0 || start > bytes.length) return undefined
  return [start, length < 0 ? bytes.length : Math.min(start + length, bytes.length)]
}

/** Whether a byte is one of those after the first of a character. */
const isTrail = (byte: number | undefined): boolean => byte !== undefined && (byte & 0xc0) === 0x80

/** Where so many characters more end, and how many of them there were. */
function forward(bytes: Uint8Array, from: number, characters: number): [at: number, met: number] {
  let [at, met] = [from, 0]
  for (; met < characters && at < bytes.length; met++) {
    do at++
    while (isTrail(bytes[at]))
  }
  return [at, met]
}

function backward(bytes: Uint8Array, from: number, characters: number): [at: number, met: number] {
  let [at, met] = [from, 0]
  for (; met < characters && at > 0; met++) {
    do at--
    while (isTrail(bytes[at]) && at > 0)
  }
  return [at, met]
}

const spanOfCharacters: Span = (bytes, from, length) => {
  if (from >= 0) {
    const [start, met] = forward(bytes, 0, from)
    return met === from ? [start, forward(bytes, start, length)[0]] : undefined
  }
  const skipped = Math.max(0, -from - length)
  const [end, afterIt] = backward(bytes, bytes.length, skipped)
  const [start, before] = backward(bytes, end, -from - skipped)
  return afterIt === skipped && before === -from - skipped ? [start, end] : undefined
}

const SPANS: Readonly<Record<string, Span>> = { BYTE: spanOfBytes, UTF8_CHAR: spanOfCharacters }

const substr: Kernel = (node) => {
  const unit = textOf(node, 'unit', 'BYTE')
  const spanOf = SPANS[unit]
  if (spanOf === undefined) throw untranslatable(node, `it counts in ${unit}`)
  const piece = (text: string, from: number, length: number): string => {
    const bytes = bytesOf(text)
    const span = spanOf(bytes, from, length)
    if (span === undefined) throw invalid(`pos ${from} out of range for a string`)
    // A text with as many bytes as units consists of ASCII.
    return bytes.length === text.length ? text.slice(...span) : decodeText(bytes.subarray(...span))
  }
  return withThree((input, positions, lengths) => {
    const shape = pieceShape(input, positions, lengths)
    const whole = asTexts(repeated(input, shape))
    const starts = asIntegers(repeated(positions, shape))
    const counts = asIntegers(repeated(lengths, shape))
    return texts(
      shape,
      whole.map((text, index) => piece(text, starts[index] ?? 0, counts[index] ?? 0)),
    )
  })
}

function pieceShape(input: Value, positions: Value, lengths: Value): readonly number[] {
  if (!isSameShape(positions.shape, lengths.shape))
    throw invalid('pos and len should have the same shape')
  if (positions.values.length === 0) throw invalid('received empty tensor pos_tensor')
  const isPlain = positions.shape.length === 0 || isSameShape(input.shape, positions.shape)
  const shape = commonShape(input.shape, positions.shape)
  if (!isPlain && shape.length > REPEATED_RANK_MAX)
    throw invalid(`Substr broadcast not implemented for ${shape.length} dimensions`)
  countOf(shape)
  return shape
}

/** The first of the dimensions that are joined is the one along which neighbours are joined first. */
const reduceJoin: Kernel = (node) => {
  const isKept = boolOf(node, 'keep_dims', false)
  const separator = textOf(node, 'separator', '')
  return withTwo((input, indices) => {
    const values = asTexts(input)
    const { shape } = input
    const joined = asIntegers(indices).map((axis) => axisOf(axis, shape.length))
    if (new Set(joined).size < joined.length) throw invalid('Duplicate reduction dimension')
    const others = shape.map((_, axis) => axis).filter((axis) => !joined.includes(axis))
    const strides = stridesOf(shape)
    const startsOf = (axes: readonly number[]) =>
      positionsOf(
        axes.map((axis) => shape[axis] ?? 1),
        axes.map((axis) => strides[axis] ?? 1),
      )
    const within = startsOf(joined.toReversed())
    const found = Array.from(startsOf(others), (start) =>
      normalText(Array.from(within, (at) => values[start + at] ?? '').join(separator)),
    )
    const kept = shape.map((size, axis) => (joined.includes(axis) ? 1 : size))
    return texts(isKept ? kept : others.map((axis) => shape[axis] ?? 1), found)
  })
}

/** Operations on pieces of texts. */
export const textPieceKernels: Readonly<Record<string, Kernel>> = {
  ReduceJoin: reduceJoin,
  Substr: substr,
}

/** What they cost; a piece costs like any other operation on each text. */
export const textPieceCosts: Readonly<Record<string, (node: NodeDef) => Cost>> = {
  ReduceJoin: (node) => {
    const separated = textOf(node, 'separator', '').length
    return (inputs) => all(inputs) + elementsOf(inputs) * (100 + 2 * separated)
  },
}
