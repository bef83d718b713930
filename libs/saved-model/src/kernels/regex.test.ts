import { describe, expect, test } from 'vitest'
import { decodeText } from '../bytes-as-text.ts'
import { translateRegex } from './regex.ts'

const replace = (pattern: string, text: string): string | undefined => {
  const regex = translateRegex(pattern, { isGlobal: true })
  return regex && text.replace(regex, '_')
}

describe('a pattern of single characters with the last one repeated', () => {
  test.each([
    [String.raw`[^\pL\pN]+`, 'a, b!é', 'a_b_é'],
    [String.raw`[!"#$%&()\*\+,-\./:;<=>?@\[\\\]^_\x60{|}~\']`, `a[b]c-d'e`, 'a_b_c_d_e'],
    [String.raw`\s+`, 'a \t\nb\u00A0c', 'a_b\u00A0c'],
    [String.raw`\S`, 'a b', '_ _'],
    [String.raw`[[:punct:]]`, 'a.b', 'a_b'],
    [String.raw`[]x]`, 'a]bx', 'a_b_'],
    [String.raw`[a-cx-]`, 'abz-', '__z_'],
    [String.raw`\p{Greek}+`, 'abγδe', 'ab_e'],
    [String.raw`\PL`, 'a1b', 'a_b'],
    [String.raw`\x{1F600}`, 'a😀b', 'a_b'],
    ['a.+', 'xab\ncd', 'x_\ncd'],
    ['ab', 'abab', '__'],
  ])('%s turns %j into %j', (pattern, text, replaced) => {
    expect(replace(pattern, text)).toBe(replaced)
  })
})

test('a byte that is no UTF-8 matches nothing', () => {
  const text = decodeText(Uint8Array.of(0x61, 0xff, 0x21))

  expect(replace(String.raw`[^\pL]`, text)).toBe('a\uDCFF_')
  expect(replace('.', text)).toBe('_\uDCFF_')
})

test.each([
  '',
  'a*',
  'a?',
  'a+b',
  '(a|b)',
  '^a',
  'a$',
  String.raw`\bx`,
  'a{2}',
  'a+?',
  '[a',
  '[b-a]',
])('%j is left to TensorFlow', (pattern) => {
  expect(translateRegex(pattern, { isGlobal: true })).toBeUndefined()
})
