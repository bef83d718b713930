// Texts as code points, and back; a sequence of bytes that is none stands for the replacement.

import { decodeText, encodeText, isEscaped } from '../bytes-as-text.ts'
import type { NodeDef } from '../graph.ts'
import { boolOf, intOf, textOf, typeOf, untranslatable } from '../node-attrs.ts'
import { asIntegers, asTexts, integers, invalid, numbers, texts } from '../values.ts'
import { all, type Cost } from './cost-parts.ts'
import { type Kernel, withOne, withTwo } from './kernel.ts'
import { mapTexts } from './map-texts.ts'
import { scriptOf } from './scripts.ts'
import { splitsOf } from './splits.ts'

const REPLACEMENT = 0xfffd
const POINT_MAX = 0x10ffff
const CONTROL_MAX = 0x1f
const POLICIES: ReadonlySet<string> = new Set(['replace', 'ignore', 'strict'])

interface Errors {
  policy: string
  replacement: number
  replacesControls: boolean
}

function errorsOf(node: NodeDef): Errors {
  const policy = textOf(node, 'errors', 'replace')
  const replacement = intOf(node, 'replacement_char', REPLACEMENT)
  if (!POLICIES.has(policy)) throw untranslatable(node, `errors are not met by ${policy}`)
  if (!isPoint(replacement)) throw untranslatable(node, `${replacement} is no character`)
  return {
    policy,
    replacement,
    replacesControls: boolOf(node, 'replace_control_characters', false),
  }
}

const isPoint = (point: number): boolean =>
  point >= 0 && point <= POINT_MAX && (point < 0xd800 || point > 0xdfff)

/** One code point with the bytes that it takes; below zero for bytes that are none. */
interface Point {
  point: number
  bytes: number
}

const lenient = new TextDecoder('utf-8', { ignoreBOM: true })

function* pointsIn(text: string): Generator<Point> {
  if (isEscaped(text)) yield* brokenPoints(text)
  else for (const character of text) yield pointOf(character)
}

const pointOf = (character: string): Point => {
  const point = character.codePointAt(0) ?? 0
  return { point, bytes: point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4 }
}

const ESCAPED_OR_NOT = /([\uDC80-\uDCFF]+)|[^\uDC80-\uDCFF]+/gu

/** Bytes that begin a character and lack its end are one error together, as everywhere on the web. */
function* brokenPoints(text: string): Generator<Point> {
  for (const [part, broken] of text.matchAll(ESCAPED_OR_NOT)) {
    if (broken === undefined) for (const character of part) yield pointOf(character)
    else yield* errorsIn(encodeText(broken))
  }
}

function* errorsIn(bytes: Uint8Array): Generator<Point> {
  for (let at = 0; at < bytes.length;) {
    let length = 1
    while (at + length < bytes.length && isOneError(bytes.subarray(at, at + length + 1))) length++
    yield { point: -1, bytes: length }
    at += length
  }
}

const isOneError = (bytes: Uint8Array): boolean => lenient.decode(bytes).length === 1

/** What an operation makes of a code point, or of bytes that are none; undefined where it leaves it out. */
function treated(
  point: number,
  { policy, replacement, replacesControls }: Errors,
): number | undefined {
  if (point < 0 && policy === 'strict') throw invalid('Invalid formatting on input string')
  const isFaulty = point < 0 || (replacesControls && point <= CONTROL_MAX)
  if (!isFaulty) return point
  return policy === 'ignore' ? undefined : replacement
}

const INPUT = /^utf-?8$/i

function checkInput(node: NodeDef): void {
  const encoding = textOf(node, 'input_encoding')
  if (!INPUT.test(encoding)) throw untranslatable(node, `it reads ${encoding}`)
}

/** The code points of each text; the last port tells where the bytes of each begin, where that is asked for. */
const unicodeDecode =
  (hasOffsets: boolean): Kernel =>
  (node) => {
    checkInput(node)
    const errors = errorsOf(node)
    const type = typeOf(node, 'Tsplits', 'DT_INT64')
    return withOne((input) => {
      const [points, offsets, ends]: [number[], number[], number[]] = [[], [], [0]]
      for (const text of asTexts(input)) {
        let offset = 0
        for (const { point, bytes } of pointsIn(text)) {
          const found = treated(point, errors)
          if (found !== undefined) {
            points.push(found)
            offsets.push(offset)
          }
          offset += bytes
        }
        ends.push(points.length)
      }
      return [
        integers(type, [ends.length], ends),
        numbers('DT_INT32', [points.length], points),
        ...(hasOffsets ? [integers('DT_INT64', [offsets.length], offsets)] : []),
      ]
    })
  }

type Encode = (points: readonly number[]) => string

const bytewise =
  (size: number, write: (view: DataView, at: number, unit: number) => void) =>
  (units: readonly number[]): string => {
    const view = new DataView(new ArrayBuffer(size * units.length))
    for (const [index, unit] of units.entries()) write(view, size * index, unit)
    return decodeText(new Uint8Array(view.buffer))
  }

const textFrom: Encode = (points) => points.map((point) => String.fromCodePoint(point)).join('')
const writeUtf16 = bytewise(2, (view, at, unit) => view.setUint16(at, unit))
const writeUtf32 = bytewise(4, (view, at, unit) => view.setUint32(at, unit))

const ENCODINGS: Readonly<Record<string, Encode>> = {
  'UTF-8': textFrom,
  'UTF-16-BE': (points) => {
    const text = textFrom(points)
    return writeUtf16(Array.from({ length: text.length }, (_, at) => text.charCodeAt(at)))
  },
  'UTF-32-BE': writeUtf32,
}

function encodeOf(node: NodeDef): Encode {
  const encoding = textOf(node, 'output_encoding', 'UTF-8')
  const encode = Object.hasOwn(ENCODINGS, encoding) ? ENCODINGS[encoding] : undefined
  if (encode === undefined) throw untranslatable(node, `it writes ${encoding}`)
  return encode
}

const unicodeTranscode: Kernel = (node) => {
  checkInput(node)
  const [errors, encode] = [errorsOf(node), encodeOf(node)]
  return mapTexts((text) =>
    encode(Array.from(pointsIn(text), ({ point }) => treated(point, errors) ?? []).flat()),
  )
}

const unicodeEncode: Kernel = (node) => {
  const [{ policy, replacement }, encode] = [errorsOf(node), encodeOf(node)]
  const written = (point: number): number | readonly number[] => {
    if (isPoint(point)) return point
    if (policy === 'strict') throw invalid('Code point is out of range for Unicode')
    return policy === 'ignore' ? [] : replacement
  }
  return withTwo((input, splits) => {
    if (splits.shape.length !== 1) throw invalid('there are no splits')
    const points = asIntegers(input)
    const ends = splitsOf(splits, points.length)
    const rows = ends.slice(1).map((end, row) => points.slice(ends[row], end))
    return texts(
      [rows.length],
      rows.map((row) => encode(row.flatMap(written))),
    )
  })
}

const unicodeScript: Kernel = () =>
  withOne((input) => integers('DT_INT32', input.shape, asIntegers(input).map(scriptOf)))

/** Operations on code points. */
export const unicodeKernels: Readonly<Record<string, Kernel>> = {
  UnicodeDecode: unicodeDecode(false),
  UnicodeDecodeWithOffsets: unicodeDecode(true),
  UnicodeEncode: unicodeEncode,
  UnicodeScript: unicodeScript,
  UnicodeTranscode: unicodeTranscode,
}

/** How many times longer than an element or a character of others it takes. */
const SLOW_FACTOR = 10

/** What they cost. */
export const unicodeCosts: Readonly<Record<string, (node: NodeDef) => Cost>> = Object.fromEntries(
  Object.keys(unicodeKernels).map((op) => [op, () => (inputs) => SLOW_FACTOR * all(inputs)]),
)
