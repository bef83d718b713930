// Texts split into pieces: each with its row, and its place in the row.

import type { NodeDef } from '../graph.ts'
import { boolOf, intOf } from '../node-attrs.ts'
import { bytewise, decodeText, isEscaped } from '../bytes-as-text.ts'
import { longsOf } from '../longs.ts'
import { asTexts, ints, invalid, texts, type Value } from '../values.ts'
import { all, type Cost } from './cost-parts.ts'
import { type Kernel, withTwo } from './kernel.ts'

type Split = (text: string) => readonly string[]

const fromBytewise = (text: string): string => decodeText(Buffer.from(text, 'latin1'))

/** Splits by bytes what it is told to; the pieces are texts again. */
const byBytes =
  (split: Split): Split =>
  (text) =>
    split(bytewise(text)).map(fromBytewise)

const splitKernel = (splitBy: (separator: string) => Split): ReturnType<Kernel> =>
  withTwo((input, separator) => {
    const [by, ...more] = asTexts(separator)
    if (by === undefined || more.length > 0 || input.shape.length !== 1)
      throw invalid('a vector of texts and one separator were expected')
    return piecesOf(asTexts(input).map(splitBy(by)))
  })

function piecesOf(rows: readonly (readonly string[])[]): Value[] {
  const words: string[] = []
  const places: number[] = []
  let widest = 0
  for (let index = 0; index < rows.length; index++) {
    const row = rows[index] ?? []
    widest = Math.max(widest, row.length)
    for (let position = 0; position < row.length; position++) {
      words.push(row[position] ?? '')
      places.push(index, position)
    }
  }
  return [
    ints([words.length, 2], longsOf(places)),
    texts([words.length], words),
    ints([2], longsOf([rows.length, widest])),
  ]
}

/** At most so many times; below zero stands for any number. */
const stringSplitV2: Kernel = (node) => {
  const splits = intOf(node, 'maxsplit', -1)
  return splitKernel((separator) => {
    if (splits === 0) return (text) => [text]
    if (separator === '') return (text) => wordsOf(text, splits)
    const split: Split = (text) => partsOf(text, separatorOf(separator), splits)
    return isEscaped(separator) ? byBytes(split) : split
  })
}

const separatorOf = (separator: string): string =>
  isEscaped(separator) ? bytewise(separator) : separator

function partsOf(text: string, separator: string, splits: number): string[] {
  const parts = text.split(separator)
  if (splits < 0 || parts.length <= splits + 1) return parts
  return [...parts.slice(0, splits), parts.slice(splits).join(separator)]
}

/** The codes of a space and of what stands between tab and carriage return. */
const [SPACE, TAB, RETURN] = [0x20, 0x09, 0x0d]
const LEADING_SPACES = /^[ \t\n\v\f\r]+/
const WORD = /[^ \t\n\v\f\r]+[ \t\n\v\f\r]*/y

/** What stands between spaces: by a loop, which takes a fifth of what a pattern takes. */
function allWordsOf(text: string): string[] {
  const words: string[] = []
  let from = -1
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    const isSpace = code === SPACE || (code >= TAB && code <= RETURN)
    if (!isSpace && from < 0) from = at
    if (!isSpace || from < 0) continue
    words.push(text.slice(from, at))
    from = -1
  }
  if (from >= 0) words.push(text.slice(from))
  return words
}

/** Once there were so many words, the rest is one as it is, even where nothing is left. */
function wordsOf(text: string, splits: number): string[] {
  if (splits < 0) return allWordsOf(text)
  const whole = text.replace(LEADING_SPACES, '')
  const words: string[] = []
  WORD.lastIndex = 0
  let at = 0
  while (words.length < splits && WORD.test(whole)) {
    words.push(whole.slice(at, WORD.lastIndex).replace(/[ \t\n\v\f\r]+$/, ''))
    at = WORD.lastIndex
  }
  return words.length === splits ? [...words, whole.slice(at)] : words
}

/** The first version: every byte of the separator is one, and without any each byte is a piece. */
const stringSplit: Kernel = (node) => {
  const skipsEmpty = boolOf(node, 'skip_empty', true)
  return splitKernel((separator) => {
    const bytes = new Set(bytewise(separator))
    return byBytes((text) => {
      if (text === '') return []
      if (bytes.size === 0) return Array.from(text)
      const parts = splitAtAny(text, bytes)
      return skipsEmpty ? parts.filter((part) => part !== '') : parts
    })
  })
}

function splitAtAny(text: string, separators: ReadonlySet<string>): string[] {
  const parts: string[] = []
  let from = 0
  for (let at = 0; at < text.length; at++) {
    if (!separators.has(text.charAt(at))) continue
    parts.push(text.slice(from, at))
    from = at + 1
  }
  parts.push(text.slice(from))
  return parts
}

/** Operations that split texts. */
export const splittingKernels: Readonly<Record<string, Kernel>> = {
  StringSplit: stringSplit,
  StringSplitV2: stringSplitV2,
}

/** What they cost. */
export const splittingCosts: Readonly<Record<string, (node: NodeDef) => Cost>> = {
  StringSplit: () => (inputs) => 4 * all(inputs),
  StringSplitV2: () => all,
}
