import { describe, expect, test } from 'vitest'
import { decodeText } from '../bytes-as-text.ts'
import { refusalOf } from '../refusal.fixture.ts'
import { patternOf, rewriteOf } from './patterns.ts'

function replace(source: string, text: string, { by = '_', isGlobal = true } = {}): string {
  const [pattern, rewrite] = [patternOf(source), rewriteOf(by)]
  if (pattern === undefined || rewrite === undefined) return 'UNSUPPORTED'
  return refusalOf(() => pattern.replace(text, rewrite, isGlobal))
}

/** The answers are TensorFlow 2.21's. */
describe('a pattern is replaced as RE2 does it', () => {
  test.each([
    ['a*', 'baac', '_', '_b_c_'],
    ['a*', 'aéa', '_', '_é_'],
    ['(a|ab)(c|bcd)(d*)', 'abcd', String.raw`[\1][\2][\3]`, '[a][bcd][]'],
    [String.raw`(\pL)(\pL*)`, 'Hello, größe', String.raw`\2-\1`, 'ello-H, röße-g'],
    ['(a)|b', 'ab', String.raw`<\1>`, '<a><>'],
    ['(?i)hello.*', 'HELLO\nx', '_', '_\nx'],
    ['(?s)a.b', 'a\nb', '_', '_'],
    ['(?s:a.)(?-s:.)', 'a\n\n', '_', 'a\n\n'],
    ['(?m)^', 'a\nb', '>', '>a\n>b'],
    [String.raw`\b`, 'ab c', '|', '|ab| |c|'],
    ['<[^>]*>', '<b>x</b>', '<>', '<>x<>'],
    ['<[^>]*>', '<b>', String.raw`\\0`, String.raw`\0`],
    [String.raw`\Q.*\E`, 'a.*b', String.raw`\0\0`, 'a.*.*b'],
    ['(?P<x>a)', 'ba', String.raw`<\1>`, 'b<a>'],
    ['a{2,3}', 'aaaaa', '_', '__'],
    ['a', 'xaya', String.raw`\1`, 'xaya'],
    ['[ab]+', 'xaya', String.raw`$&$1<\0>$$`, 'x$&$1<a>$$y$&$1<a>$$'],
    ['[^]a]', ']ab', '_', ']a_'],
    ['[^-a]', '-ab', '_', '-a_'],
  ])('%s in %j by %j: %j', (source, text, by, expected) => {
    expect(replace(source, text, { by })).toBe(expected)
  })
})

test('only the first match is replaced where no more are asked for', () => {
  expect(replace('(a)', 'bab', { isGlobal: false })).toBe('b_b')
  expect(replace('(a)', 'bb', { isGlobal: false })).toBe('bb')
})

describe('bytes that are no UTF-8', () => {
  const text = decodeText(Uint8Array.of(0x61, 0xff, 0x62))

  test.each([
    ['(.)', '_\uDCFF_'],
    ['(?s)(.)', '_\uDCFF_'],
    [String.raw`(\D|\W)`, '_\uDCFF_'],
    [String.raw`([^\pL])|b`, 'a\uDCFF_'],
    [String.raw`(\PN)`, '_\uDCFF_'],
    ['x*', '_a_\uDCFF_b_'],
  ])('are not matched by %s', (source, expected) => {
    expect(replace(source, text)).toBe(expected)
  })

  test.each([
    String.raw`([\D])`,
    '([[:^alpha:]])',
    String.raw`([a-\x{10FFFF}])`,
    '([a-\u{1F600}])',
  ])('are not for %s, which could match them here', (source) => {
    expect(replace(source, text)).toBe('INVALID_INPUT: a text is no UTF-8')
    expect(replace(source, '')).toBe('')
  })

  test('are refused where RE2 takes them for characters outside of Unicode', () => {
    const surrogate = decodeText(Uint8Array.of(0xed, 0xa0, 0x80))

    for (const source of ['(.)', String.raw`[^\pL]+`, 'é', '[a-ÿ]', '[^a]', String.raw`\W`])
      expect(replace(source, surrogate)).toMatch(/^INVALID_INPUT: .* nearly characters$/)
  })

  test.each(['a', '[a-z]+', String.raw`\w`, '[[:alpha:]]', String.raw`[a!"#\\\]^_]`])(
    'are left alone by %s, which finds ASCII alone',
    (source) => {
      const nearly = decodeText(Uint8Array.of(0x61, 0xed, 0xa0, 0x80, 0x61, 0xe0, 0x80, 0x80))

      expect(replace(source, nearly)).toBe('_\uDCED\uDCA0\uDC80_\uDCE0\uDC80\uDC80')
    },
  )
})

test('what RE2 finds between the bytes of a character is for texts of ASCII alone', () => {
  expect(replace(String.raw`\B`, 'ab')).toBe('a_b')
  expect(replace(String.raw`\B`, 'é')).toBe('INVALID_INPUT: a text is not of ASCII')
})

test.each([
  '(',
  '[a',
  'a**',
  String.raw`\C`,
  String.raw`\pC`,
  String.raw`\p{LC}`,
  String.raw`\p{Any}`,
  '(?<=a)b',
  '(?<n>a)',
  '(?=a)',
  String.raw`\1`,
  'a{1001}',
  '(a{100}){100}',
  '(?:a{900}b{900}c{900})',
  String.raw`\x{D800}`,
  '\uDCFF',
  'a'.repeat(1_001),
  String.raw`\x{`,
  '\\',
])('%j is not run here', (source) => {
  expect(patternOf(source)).toBeUndefined()
})

test.each([String.raw`\x`, '\\', String.raw`a\\\ `])('%j is no rewrite', (by) => {
  expect(rewriteOf(by)).toBeUndefined()
})

test('searches that may look at the same again and again end', { timeout: 20_000 }, () => {
  const text = 'a'.repeat(20_000)

  expect(replace('a.*z|a', text)).toBe('INVALID_INPUT: a text is too long for the pattern')
  expect(replace('(a.*z)', text)).toBe(text)
  expect(replace('(a+)', text)).toBe('_')
})
