// Words next to each other, joined.

import { normalText } from '../bytes-as-text.ts'
import type { NodeDef } from '../graph.ts'
import { boolOf, intOf, intsOf, textOf, typeOf, untranslatable } from '../node-attrs.ts'
import { asIntegers, asTexts, countOf, integers, texts } from '../values.ts'
import { all, type Cost, elementsOf, textsNs } from './cost-parts.ts'
import { type Kernel, withTwo } from './kernel.ts'
import { checkSplits } from './splits.ts'

/** Padding is added to every row, so that more of it could take any amount of memory. */
const PADDING_MAX = 1_000

interface Form {
  separator: string
  left: string
  right: string
  /** Below zero as wide as each width allows. */
  padding: number
  widths: readonly number[]
  keepsShort: boolean
}

function formOf(node: NodeDef): Form {
  const padding = intOf(node, 'pad_width', 0)
  const keepsShort = boolOf(node, 'preserve_short_sequences', false)
  const widths = intsOf(node, 'ngram_widths').map(Number)
  if (widths.some((width) => width < 1))
    throw untranslatable(node, 'ngram_widths must contain positive values')
  const most = padding < 0 ? Math.max(0, ...widths) : padding
  if (padding !== 0 && most > PADDING_MAX) throw untranslatable(node, 'it pads too widely')
  return {
    separator: textOf(node, 'separator'),
    left: textOf(node, 'left_pad', ''),
    right: textOf(node, 'right_pad', ''),
    padding,
    widths,
    keepsShort,
  }
}

/** Never more than would make an n-gram of padding alone. */
const paddingOf = ({ padding }: Pick<Form, 'padding'>, width: number): number =>
  Math.min(padding < 0 ? width - 1 : padding, width - 1)

/** Adds the n-grams of one width of a row. */
function addGrams(grams: string[], row: readonly string[], width: number, form: Form): void {
  const padding = paddingOf(form, width)
  const padded =
    padding === 0
      ? row
      : [
          ...Array<string>(padding).fill(form.left),
          ...row,
          ...Array<string>(padding).fill(form.right),
        ]
  for (let at = 0; at + width <= padded.length; at++) {
    let gram = padded[at] ?? ''
    for (let next = at + 1; next < at + width; next++) gram += form.separator + (padded[next] ?? '')
    grams.push(width === 1 ? gram : normalText(gram))
  }
}

const stringNGrams: Kernel = (node) => {
  const form = formOf(node)
  const splitsType = typeOf(node, 'Tsplits', 'DT_INT64')
  return withTwo((data, splits) => {
    const words = asTexts(data)
    const ends = asIntegers(splits)
    checkSplits(ends, words.length)
    // Where there are no words at all, TensorFlow does not even give padding.
    if (words.length === 0)
      return [
        texts([0], []),
        integers(
          splitsType,
          [ends.length],
          ends.map(() => 0),
        ),
      ]
    const grams: string[] = []
    const gramEnds = ends.slice(0, 1)
    for (const [index, end] of ends.slice(1).entries()) {
      const row = words.slice(ends[index], end)
      const before = grams.length
      for (const width of form.widths) addGrams(grams, row, width, form)
      if (form.keepsShort && grams.length === before && row.length > 0)
        addGrams(grams, row, row.length + 2 * Math.max(0, form.padding), form)
      countOf([grams.length])
      gramEnds.push(grams.length)
    }
    return [texts([grams.length], grams), integers(splitsType, [gramEnds.length], gramEnds)]
  })
}

/** Operations on words next to each other. */
export const ngramKernels: Readonly<Record<string, Kernel>> = { StringNGrams: stringNGrams }

/** A word of padding in an n-gram, and each of its characters. */
const PAD_NS = 40
const CHARACTER_NS = 2

/** Every width goes through all words, and each n-gram is made of so many. */
const ngrams = (node: NodeDef): Cost => {
  const form = formOf(node)
  const words = form.widths.reduce((sum, width) => sum + width, 1)
  const pads = form.widths.reduce((sum, width) => sum + 2 * paddingOf(form, width) * width, 0)
  const padNs = PAD_NS + CHARACTER_NS * (form.left.length + form.right.length)
  return (inputs) => {
    const rows = elementsOf(inputs.slice(1))
    return words * textsNs(inputs) + all(inputs) + rows * pads * padNs
  }
}

/** What they cost. */
export const ngramCosts: Readonly<Record<string, (node: NodeDef) => Cost>> = {
  StringNGrams: ngrams,
}
