// String operations, as TensorFlow's kernels do them.

import { encodeText, isEscaped, wellFormed } from '../bytes-as-text.ts'
import { fingerprint64 } from '../fingerprint.ts'
import { boolOf, intOf, intsOf, textOf, typeOf, untranslatable } from '../node-attrs.ts'
import { lowerCase, upperCase } from '../text.ts'
import { asIntegers, asTexts, integers, ints, invalid, texts } from '../values.ts'
import { commonShape, repeated } from './broadcast.ts'
import { type Kernel, type Run, withOne, withTwo } from './kernel.ts'

import { translateRegex } from './regex.ts'
import { checkSplits } from './splits.ts'

/** Changes each text by itself. */
export const mapTexts = (change: (text: string) => string): Run =>
  withOne((input) => texts(input.shape, asTexts(input).map(change)))

const stringLower: Kernel = (node) =>
  textOf(node, 'encoding', '') === 'utf-8'
    ? mapTexts((text) => lowerCase(wellFormed(text)))
    : mapTexts((text) => text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()))

const stringUpper: Kernel = (node) =>
  textOf(node, 'encoding', '') === 'utf-8'
    ? mapTexts((text) => upperCase(wellFormed(text)))
    : mapTexts((text) => text.replace(/[a-z]+/g, (letters) => letters.toUpperCase()))

const staticRegexReplace: Kernel = (node) => {
  const pattern = textOf(node, 'pattern')
  const rewrite = textOf(node, 'rewrite')
  const regex = translateRegex(pattern, { isGlobal: boolOf(node, 'replace_global', true) })
  if (regex === undefined || rewrite.includes('\\'))
    throw untranslatable(node, `the pattern ${JSON.stringify(pattern)} is not run here`)
  return mapTexts((text) => text.replace(regex, () => rewrite))
}

const stringSplit: Kernel = (node) => {
  if (intOf(node, 'maxsplit', -1) !== -1) throw untranslatable(node, 'it limits the splits')
  return withTwo((input, separator) => {
    const [by, ...more] = asTexts(separator)
    if (by === undefined || more.length > 0 || input.shape.length !== 1)
      throw invalid('a vector of texts and one separator were expected')
    const rows = asTexts(input).map((text) =>
      by === '' ? text.split(/[ \t\n\v\f\r]+/).filter((word) => word !== '') : text.split(by),
    )
    const words = rows.flat()
    const places = new BigInt64Array(2 * words.length)
    let [at, widest] = [0, 0]
    for (const [index, row] of rows.entries()) {
      widest = Math.max(widest, row.length)
      for (let position = 0; position < row.length; position++) {
        places[at++] = BigInt(index)
        places[at++] = BigInt(position)
      }
    }
    return [
      ints([words.length, 2], places),
      texts([words.length], words),
      ints([2], [BigInt(rows.length), BigInt(widest)]),
    ]
  })
}

const stringNGrams: Kernel = (node) => {
  if (intOf(node, 'pad_width', 0) !== 0 || boolOf(node, 'preserve_short_sequences', false))
    throw untranslatable(node, 'it pads or keeps short sequences')
  const separator = textOf(node, 'separator')
  const widths = intsOf(node, 'ngram_widths').map(Number)
  const splitsType = typeOf(node, 'Tsplits', 'DT_INT64')
  return withTwo((data, splits) => {
    const words = asTexts(data)
    const ends = asIntegers(splits)
    checkSplits(ends, words.length)
    const grams: string[] = []
    const gramEnds = ends.slice(0, 1)
    for (const [index, end] of ends.slice(1).entries()) {
      const row = words.slice(ends[index], end)
      for (const width of widths)
        for (let at = 0; at + width <= row.length; at++)
          grams.push(width === 1 ? (row[at] ?? '') : row.slice(at, at + width).join(separator))
      gramEnds.push(grams.length)
    }
    return [texts([grams.length], grams), integers(splitsType, [gramEnds.length], gramEnds)]
  })
}

const stringToHashBucket: Kernel = (node) => {
  const buckets = BigInt(intOf(node, 'num_buckets'))
  if (buckets < 1n) throw untranslatable(node, 'it has no buckets')
  return withOne((input) => {
    const values = asTexts(input)
    const found = new BigInt64Array(values.length)
    for (const [index, text] of values.entries())
      found[index] = fingerprint64(bytesOf(text)) % buckets
    return ints(input.shape, found)
  })
}

/** Where texts are encoded that nobody needs afterwards. */
const scratch = new Uint8Array(1_024)
const encoder = new TextEncoder()
const BYTES_PER_UNIT_MAX = 3

/** The bytes of a text, good until the next one's are asked for. */
function bytesOf(text: string): Uint8Array {
  if (BYTES_PER_UNIT_MAX * text.length > scratch.length || isEscaped(text)) return encodeText(text)
  return scratch.subarray(0, encoder.encodeInto(text, scratch).written)
}

const stringJoin: Kernel = (node) => {
  const separator = textOf(node, 'separator', '')
  return (inputs) => {
    const [first, ...more] = inputs
    if (first === undefined) throw invalid('there is nothing to join')
    return [
      more.reduce((left, right) => {
        const shape = commonShape(left.shape, right.shape)
        const others = asTexts(repeated(right, shape))
        return texts(
          shape,
          asTexts(repeated(left, shape)).map(
            (text, index) => `${text}${separator}${others[index] ?? ''}`,
          ),
        )
      }, first),
    ]
  }
}

/** The operations on text. */
export const stringKernels: Readonly<Record<string, Kernel>> = {
  StaticRegexReplace: staticRegexReplace,
  StringJoin: stringJoin,
  StringLower: stringLower,
  StringNGrams: stringNGrams,
  StringSplitV2: stringSplit,
  StringToHashBucketFast: stringToHashBucket,
  StringUpper: stringUpper,
}
