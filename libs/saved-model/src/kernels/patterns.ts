// TensorFlow's patterns, run: by JavaScript's regular expressions where these certainly do the same in time
// that is in proportion to the text, else by re2js.

import { type Matcher, RE2JS, RE2JSException } from 're2js'
import { isEscaped } from '../bytes-as-text.ts'
import { invalid } from '../values.ts'
import { findsAsciiAlone, translateRegex, withoutEscapes } from './regex.ts'
import { adaptPattern, type Adapted, UnsupportedPattern } from './re2-syntax.ts'

/** A pattern that is ready to run. */
export interface Pattern {
  /** What a character may take, in nanoseconds. */
  characterNs: number
  replace: (text: string, rewrite: Rewrite, isGlobal: boolean) => string
  isWhole: (text: string) => boolean
}

/** Texts, and numbers of the groups that come between them. */
export type Rewrite = readonly (string | number)[]

/** Longer patterns are no patterns of anybody, and take their time. */
const SOURCE_MAX = 1_000
const PROGRAM_MAX = 2_000
/** How many characters all searches in a text may look at, where they might look at the same again and again. */
const LOOKS_MAX = 2_000_000
const KEPT_MAX = 100

const kept = new Map<string, Pattern | undefined>()

/** Undefined for what is not run here, or is no pattern. */
export function patternOf(source: string): Pattern | undefined {
  if (kept.has(source)) return kept.get(source)
  const pattern = source.length > SOURCE_MAX ? undefined : compiled(source)
  if (kept.size >= KEPT_MAX) kept.clear()
  kept.set(source, pattern)
  return pattern
}

function compiled(source: string): Pattern | undefined {
  try {
    const adapted = adaptPattern(source)
    const regex = RE2JS.compile(adapted.source)
    const size = regex.programSize()
    if (size > PROGRAM_MAX) return undefined
    return fastPattern(source) ?? fullPattern(adapted, regex, size)
  } catch (error) {
    if (error instanceof UnsupportedPattern || error instanceof RE2JSException) return undefined
    throw error
  }
}

const FAST_NS = 30

function fastPattern(source: string): Pattern | undefined {
  const [each, first] = [true, false].map((isGlobal) => translateRegex(source, { isGlobal }))
  if (each === undefined || first === undefined) return undefined
  // Where all bytes are UTF-8, nobody has to look out for others at each character.
  const [eachPlain, firstPlain] = [each, first].map(withoutEscapes)
  const whole = new RegExp(`^(?:${first.source})$`, first.flags)
  const check = findsAsciiAlone(first) ? () => {} : checkBytes
  return {
    characterNs: FAST_NS,
    replace(text, rewrite, isGlobal) {
      if (rewrite.some((part) => typeof part === 'number' && part > 0)) {
        check(text)
        return text
      }
      if (!isEscaped(text))
        return text.replace((isGlobal ? eachPlain : firstPlain) ?? each, writtenAs(rewrite))
      check(text)
      return text.replace(isGlobal ? each : first, writtenAs(rewrite))
    },
    isWhole(text) {
      check(text)
      return whole.test(text)
    },
  }
}

/** A rewrite without groups in JavaScript's notation. */
const writtenAs = (rewrite: Rewrite): string =>
  rewrite.map((part) => (typeof part === 'number' ? '$&' : part.replaceAll('$', '$$$$'))).join('')

/** What is like a character, but too long or outside of Unicode: RE2 takes some of it for one. */
const NEARLY = /[\uDCE0-\uDCEF][\uDC80-\uDCBF]{2}|[\uDCF0-\uDCF7][\uDC80-\uDCBF]{3}/u

function checkBytes(text: string): void {
  if (isEscaped(text) && NEARLY.test(text))
    throw invalid('a text has bytes that are nearly characters')
}

function fullPattern(
  { isLoose, looksIntoCharacters, isLinear }: Adapted,
  regex: RE2JS,
  size: number,
): Pattern {
  const check = (text: string): void => {
    checkBytes(text)
    if (isLoose && isEscaped(text)) throw invalid('a text is no UTF-8')
    if (looksIntoCharacters && Buffer.byteLength(text) !== text.length)
      throw invalid('a text is not of ASCII')
  }
  return {
    characterNs: 100 + 20 * size,
    replace(text, rewrite, isGlobal) {
      check(text)
      return replaced({ text, regex, isLinear }, rewrite, isGlobal)
    },
    isWhole(text) {
      check(text)
      return regex.matcher(text).matches()
    },
  }
}

/** As RE2 does it: an empty match at the end of the last one is passed over, with the character after it. */
function replaced(
  { text, regex, isLinear }: { text: string; regex: RE2JS; isLinear: boolean },
  rewrite: Rewrite,
  isGlobal: boolean,
): string {
  const matcher = regex.matcher(text)
  if (rewrite.some((part) => typeof part === 'number' && part > matcher.groupCount())) return text
  const parts: string[] = []
  let [at, end, looks] = [0, -1, 0]
  while (at <= text.length && matcher.find(at)) {
    const [from, to] = [matcher.start(), matcher.end()]
    looks += text.length - at
    if (!isLinear && looks > LOOKS_MAX) throw invalid('a text is too long for the pattern')
    parts.push(text.slice(at, from))
    if (from === to && from === end) {
      const character = characterAt(text, from)
      parts.push(character)
      at = from + Math.max(1, character.length)
      continue
    }
    parts.push(...written(rewrite, matcher))
    at = to
    end = to
    if (!isGlobal) break
  }
  return parts.join('') + text.slice(at)
}

const written = (rewrite: Rewrite, matcher: Matcher): string[] =>
  rewrite.map((part) => (typeof part === 'number' ? (matcher.group(part) ?? '') : part))

function characterAt(text: string, at: number): string {
  const point = text.codePointAt(at)
  return point === undefined ? '' : String.fromCodePoint(point)
}

/** Undefined for what RE2 would not take. */
export function rewriteOf(source: string): Rewrite | undefined {
  if (/\\(?![0-9\\])/.test(source.replaceAll('\\\\', ''))) return undefined
  return Array.from(source.matchAll(/\\([0-9\\])|[^\\]+/g), ([text, escaped]) =>
    escaped === undefined ? text : escaped === '\\' ? escaped : Number(escaped),
  )
}
