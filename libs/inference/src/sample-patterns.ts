// What operations that look for patterns are tried on.

import { attr } from '@drover/saved-model'
import { stringTensor, type Tensor } from '@drover/serving-api'
import { of, STRING } from './sample-case.ts'
import { type Case, fixed } from './sample-slices.ts'

const TEXTS: Tensor = {
  dtype: 'DT_STRING',
  shape: [9],
  values: [
    ...['Hello, größe 😀', '', 'a1 b22  c333', '<b>x\ny</b> .*', 'ΑΣς ſK ẞ', 'aab-ab-', 'abcd'].map(
      (text) => new TextEncoder().encode(text),
    ),
    Uint8Array.of(0x61, 0xff, 0x62, 0xc3, 0x20),
    Uint8Array.of(0xe2, 0x82, 0x61, 0x0a, 0x31),
  ],
}
const ASCII = stringTensor(['ab cd', '', ' ', '-a_1-'])
/** A surrogate, a character that is written too long, and one outside of Unicode. */
const NEARLY: Tensor = {
  dtype: 'DT_STRING',
  shape: [3],
  values: [
    Uint8Array.of(0x41, 0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80, 0x21, 0x20, 0x62),
    Uint8Array.of(0xe0, 0x80, 0x80, 0x20, 0x20, 0x31, 0x2e),
    Uint8Array.of(0x2d, 0xf5, 0x80, 0x80, 0x80, 0x2d),
  ],
}
const one = (text: string): Tensor => stringTensor([text], [])

const PATTERNS = [
  'a*',
  '(a|ab)(c|bcd)(d*)',
  '(a)|b',
  '(?i)hello.*',
  '(?s)(.)',
  '(?m)^',
  '(?m)$',
  '^a',
  'b$',
  String.raw`(\pL)(\pL*)`,
  String.raw`\d+`,
  String.raw`\b`,
  String.raw`\Q.*\E`,
  '<[^>]*>',
  '[[:space:]]',
  '(?P<x>a)',
  'a{2,3}',
  'a{,2}',
  '[^]a]',
  '[^-a]',
  '(?U)a+',
  '(|a)*',
  '()',
  '(?i)σ',
  '(?i)k',
  '(?i)ß',
  '(?i)s',
  String.raw`\p{Greek}+`,
  String.raw`[^\pL\pN ]+`,
  String.raw`\S+\s?`,
  String.raw`(\D)(\W)?`,
  '😀|ö',
  String.raw`[\x{e4}-\x{fc}]`,
  '',
  '.*?',
  String.raw`\A(.)`,
  String.raw`(.)\z`,
  '(?:ab)+?',
  '(a+)(b+)',
  '[a-c]{2}',
  'a||b',
  '(?-s).+',
]
const REWRITES = ['_', '', String.raw`[\0|\1]`, String.raw`\\\2`]

const replaced = (input: Tensor, pattern: string, rewrite: string, isGlobal = true): Case[] => {
  const replaceGlobal = attr.bool(isGlobal)
  const attrs = { pattern: attr.string(pattern), rewrite: attr.string(rewrite) }
  return [
    of('StaticRegexReplace', [input], {
      type: 'DT_STRING',
      attrs: { ...attrs, replace_global: replaceGlobal },
    }),
    of('RegexReplace', [input, one(pattern), fixed(one(rewrite))], {
      type: 'DT_STRING',
      attrs: { replace_global: replaceGlobal },
    }),
  ]
}
const matched = (input: Tensor, pattern: string): Case[] => [
  of('StaticRegexFullMatch', [input], {
    type: 'DT_BOOL',
    T: STRING,
    attrs: { pattern: attr.string(pattern) },
  }),
  of('RegexFullMatch', [input, one(pattern)], { type: 'DT_BOOL' }),
]

/** What Keras takes out of texts that become words. */
const KERAS = '[!"#$%&()\\*\\+,-\\./:;<=>?@\\[\\\\\\]^_`{|}~\\\']'

/** The cases. */
export const patternCases: readonly Case[] = [
  ...PATTERNS.flatMap((pattern, index) => [
    ...replaced(TEXTS, pattern, REWRITES[index % REWRITES.length] ?? ''),
    ...replaced(TEXTS, pattern, '_', false),
    ...matched(TEXTS, pattern),
  ]),
  ...['(', 'a**', '(?=a)', String.raw`\1`, 'a{1001}'].map((pattern) =>
    of('RegexFullMatch', [TEXTS, one(pattern)], { type: 'DT_BOOL' }),
  ),
  ...[KERAS, String.raw`\s+`, '[[:alnum:]]', 'A', '[0-9a-z.]+'].flatMap((pattern) => [
    ...replaced(NEARLY, pattern, String.raw`<\0>`),
    ...replaced(NEARLY, pattern, '', false),
    ...matched(NEARLY, pattern),
  ]),
  ...replaced(ASCII, String.raw`\B`, '|'),
  ...replaced(ASCII, String.raw`[\D]`, '|'),
]
