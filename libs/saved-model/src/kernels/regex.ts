// TensorFlow's regular expressions are RE2's. They are run by JavaScript's only where both say the
// same and take time in proportion to the text: a sequence of single characters and classes, of
// which the last may be repeated.

/** A byte that is no UTF-8 (here a lone surrogate) matches nothing. */
const VALID = String.raw`(?![\uDC80-\uDCFF])`
const POSIX = new Map(
  Object.entries({
    alnum: '0-9A-Za-z',
    alpha: 'A-Za-z',
    ascii: String.raw`\x00-\x7F`,
    blank: String.raw`\t `,
    cntrl: String.raw`\x00-\x1F\x7F`,
    digit: '0-9',
    graph: '!-~',
    lower: 'a-z',
    print: ' -~',
    punct: String.raw`!-\/:-@\[-\x60\{-~`,
    space: String.raw`\t\n\v\f\r `,
    upper: 'A-Z',
    word: '0-9A-Za-z_',
    xdigit: '0-9A-Fa-f',
  }),
)
const CLASSES: Record<string, string> = { d: '0-9', s: String.raw`\t\n\f\r `, w: '0-9A-Za-z_' }
const CONTROLS: Record<string, number> = { a: 7, f: 12, t: 9, n: 10, r: 13, v: 11 }
const PUNCTUATION = /[!-/:-@[-`{-~]/

/** One thing of the pattern: a character, or more of them as the inside of a class. */
type Item = { character: number } | { inside: string } | { outside: string }

class Unsupported extends Error {}

class Pattern {
  readonly #characters: string[]
  at = 0

  constructor(source: string) {
    this.#characters = Array.from(source)
  }

  peek(): string | undefined {
    return this.#characters[this.at]
  }

  take(): string {
    const character = this.#characters[this.at++]
    if (character === undefined) throw new Unsupported()
    return character
  }

  skip(text: string): boolean {
    const isNext = this.#characters.slice(this.at, this.at + text.length).join('') === text
    if (isNext) this.at += text.length
    return isNext
  }

  takeUntil(end: string): string {
    let text = ''
    while (!this.skip(end)) text += this.take()
    return text
  }
}

/** The JavaScript expression for one of RE2's; undefined when it may not do the same. */
export function translateRegex(source: string, options: { isGlobal: boolean }): RegExp | undefined {
  try {
    return new RegExp(partsOf(new Pattern(source)), options.isGlobal ? 'gu' : 'u')
  } catch (error) {
    if (error instanceof Unsupported || error instanceof SyntaxError) return undefined
    throw error
  }
}

/** The same for texts whose bytes are all UTF-8. */
export const withoutEscapes = ({ source, flags }: RegExp): RegExp =>
  new RegExp(source.replaceAll(VALID, ''), flags)

const BEYOND_ASCII = /\[\^|\\p|\\u\{(?:[89a-f][0-9a-f]|[0-9a-f]{3,})\}/

/** Whether all that it finds is of ASCII, whatever else is in a text. */
export const findsAsciiAlone = (regex: RegExp): boolean =>
  !BEYOND_ASCII.test(withoutEscapes(regex).source)

function partsOf(pattern: Pattern): string {
  const parts: string[] = []
  let quantifier = ''
  while (pattern.peek() !== undefined) {
    // Anything after a repeated part could make the search take quadratic time.
    if (quantifier !== '') throw new Unsupported()
    const part = `(?:${VALID}${atomOf(pattern)})`
    if (/^[*+?]$/.test(pattern.peek() ?? '')) quantifier = pattern.take()
    parts.push(part + quantifier)
  }
  const isNeverEmpty = parts.length > 1 || (parts.length === 1 && /^\+?$/.test(quantifier))
  if (!isNeverEmpty) throw new Unsupported()
  return parts.join('')
}

function atomOf(pattern: Pattern): string {
  if (pattern.skip('[')) return classOf(pattern)
  if (pattern.skip('.')) return String.raw`[^\n]`
  if (/[\^$()|*+?{}]/.test(pattern.peek() ?? '')) throw new Unsupported()
  const item = itemOf(pattern)
  return 'outside' in item ? `[^${item.outside}]` : `[${insideOf(item)}]`
}

function classOf(pattern: Pattern): string {
  let inside = pattern.skip('^') ? '^' : ''
  for (let isFirst = true; isFirst || pattern.peek() !== ']'; isFirst = false)
    inside += rangeOf(pattern)
  pattern.take()
  return `[${inside}]`
}

function rangeOf(pattern: Pattern): string {
  if (pattern.skip('[:')) {
    const set = POSIX.get(pattern.takeUntil(':]'))
    if (set === undefined) throw new Unsupported()
    return set
  }
  const from = itemOf(pattern)
  if ('outside' in from) throw new Unsupported()
  if (!('character' in from) || pattern.peek() !== '-') return insideOf(from)
  pattern.take()
  if (pattern.peek() === ']') return String.raw`${insideOf(from)}\-`
  const to = itemOf(pattern)
  if (!('character' in to)) throw new Unsupported()
  return `${insideOf(from)}-${insideOf(to)}`
}

const insideOf = (item: { character: number } | { inside: string }): string =>
  'inside' in item ? item.inside : String.raw`\u{${item.character.toString(16)}}`

const codeOf = (character: string): Item => ({ character: character.codePointAt(0) ?? 0 })

function itemOf(pattern: Pattern): Item {
  const first = pattern.take()
  if (first !== '\\') return codeOf(first)
  const escaped = pattern.take()
  const set = CLASSES[escaped.toLowerCase()]
  if (set !== undefined) return escaped in CLASSES ? { inside: set } : { outside: set }
  if (escaped === 'p' || escaped === 'P') return propertyOf(pattern, escaped === 'P')
  const control = CONTROLS[escaped]
  if (control !== undefined) return { character: control }
  if (escaped === 'x') return { character: hexOf(pattern) }
  if (!PUNCTUATION.test(escaped)) throw new Unsupported()
  return codeOf(escaped)
}

function propertyOf(pattern: Pattern, isOutside: boolean): Item {
  const name = pattern.skip('{') ? pattern.takeUntil('}') : pattern.take()
  // RE2 counts unassigned characters to no category.
  if (name.startsWith('C') && name.length <= 2) throw new Unsupported()
  const isCategory = /^[LMNPSZ][a-z]?$/.test(name)
  if (!isCategory && !/^[A-Z][A-Za-z_]+$/.test(name)) throw new Unsupported()
  const property = String.raw`\p{${isCategory ? name : `Script=${name}`}}`
  return isOutside ? { outside: property } : { inside: property }
}

function hexOf(pattern: Pattern): number {
  const digits = pattern.skip('{') ? pattern.takeUntil('}') : pattern.take() + pattern.take()
  if (!/^[0-9A-Fa-f]{1,6}$/.test(digits)) throw new Unsupported()
  return Number.parseInt(digits, 16)
}
