// What operations on texts refuse. What they answer is compared with TensorFlow: see libs/inference.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { attr, type NodeDef } from '../graph.ts'
import { refusalOrNone } from '../refusal.fixture.ts'
import { integers, texts, type Value } from '../values.ts'
import { kernelOf } from './index.ts'

const nodeOf = (op: string, attrs: NodeDef['attrs']): NodeDef => ({
  name: 'y',
  op,
  inputs: [],
  attrs,
})
const run = (op: string, attrs: NodeDef['attrs'], inputs: readonly Value[]) =>
  kernelOf(op)?.(nodeOf(op, attrs))(inputs)

const ints = (...values: number[]): Value => integers('DT_INT32', [values.length], values)
const one = (value: number): Value => integers('DT_INT32', [], [value])
const words = (...values: string[]): Value => texts([values.length], values)
const double = (value: number): Value => ({
  dtype: 'DT_DOUBLE',
  shape: [],
  values: Float64Array.of(value),
})
const DOUBLES = { T: attr.type('DT_DOUBLE') }
const FLOATS = { T: attr.type('DT_FLOAT') }
const SHORT = { shortest: attr.bool(true) }
const INT32 = { out_type: attr.type('DT_INT32') }
const STRICT = {
  input_encoding: attr.string('UTF-8'),
  output_encoding: attr.string('UTF-8'),
  errors: attr.string('strict'),
}
const UTF8 = { unit: attr.string('UTF8_CHAR') }

describe('a request is refused', () => {
  test.each<[string, string, NodeDef['attrs'], readonly Value[]]>([
    ['letters outside of base64', 'DecodeBase64', {}, [words('a+bc')]],
    ['base64 with padding inside', 'DecodeBase64', {}, [words('YQ==YQ==')]],
    ['base64 that is padded to no whole groups', 'DecodeBase64', {}, [words('YQ=')]],
    ['one letter of base64', 'DecodeBase64', {}, [words('YWJjY')]],
    ['base64 of other characters', 'DecodeBase64', {}, [words('äöüß')]],
    ['a piece from behind the end', 'Substr', {}, [words('abc'), one(4), one(1)]],
    ['a piece from before the beginning', 'Substr', {}, [words('abc'), one(-4), one(1)]],
    ['characters from behind the end', 'Substr', UTF8, [words('äö'), one(3), one(1)]],
    ['characters from before the beginning', 'Substr', UTF8, [words('äö'), one(-3), one(1)]],
    ['fewer than no characters before the end', 'Substr', UTF8, [words('äö'), one(-1), one(-1)]],
    ['positions and lengths that do not fit', 'Substr', {}, [words('a'), ints(0), one(1)]],
    ['no positions', 'Substr', {}, [words(), ints(), ints()]],
    [
      'pieces repeated in three dimensions',
      'Substr',
      {},
      [texts([1, 1, 2], ['a', 'b']), ints(0, 0), ints(1, 1)],
    ],
    ['sizes below zero', 'Reshape', {}, [words('a', 'b'), ints(-2, -1)]],
    ['a dimension that is not there', 'ReduceJoin', {}, [words('a'), ints(1)]],
    ['the same dimension twice', 'ReduceJoin', {}, [words('a'), ints(0, -1)]],
    ['a matrix to be split', 'StringSplit', {}, [texts([1, 1], ['a']), texts([], [','])]],
    ['two separators', 'StringSplitV2', {}, [words('a'), words(',', ';')]],
    ['a double next to zero', 'AsString', { ...DOUBLES, ...SHORT }, [double(5e-324)]],
    ['a text that is no number', 'StringToNumber', {}, [words('1 2')]],
    ['a number of too many digits', 'StringToNumber', {}, [words('1'.repeat(2_001))]],
    ['a number with a fraction', 'StringToNumber', INT32, [words('1.5')]],
    ['a number of more than 32 bits', 'StringToNumber', INT32, [words('2147483648')]],
    ['bytes that are no text', 'UnicodeDecode', STRICT, [words('a\uDCFF')]],
    ['a surrogate', 'UnicodeEncode', STRICT, [ints(0xd800), ints(0, 1)]],
    ['splits that go back', 'UnicodeEncode', STRICT, [ints(65, 66), ints(0, 2, 1, 2)]],
    ['no splits', 'UnicodeEncode', STRICT, [ints(), ints()]],
  ])('with %s', (_, op, attrs, inputs) => {
    expect(refusalOrNone(() => run(op, attrs, inputs))).toMatch(/^INVALID_INPUT: /)
  })
})

const GRAMS = { separator: attr.string(' '), ngram_widths: attr.ints([2]) }

describe('a model is left to TensorFlow', () => {
  test.each<[string, string, NodeDef['attrs']]>([
    ['no buckets', 'StringToHashBucket', { num_buckets: attr.int(0) }],
    [
      'a key of one number',
      'StringToHashBucketStrong',
      { num_buckets: attr.int(5), key: attr.ints([1]) },
    ],
    ['a unit that is none', 'Substr', { unit: attr.string('WORD') }],
    ['much padding', 'StringNGrams', { ...GRAMS, pad_width: attr.int(2_000_000_000) }],
    ['n-grams of no words', 'StringNGrams', { ...GRAMS, ngram_widths: attr.ints([0]) }],
    [
      'much padding by wide n-grams',
      'StringNGrams',
      { ...GRAMS, ngram_widths: attr.ints([5_000]), pad_width: attr.int(-1) },
    ],
    ['a fill that is none', 'AsString', { ...FLOATS, fill: attr.string('x') }],
    ['two forms at once', 'AsString', { ...FLOATS, ...SHORT, scientific: attr.bool(true) }],
    ['places of a whole number', 'AsString', { T: INT32.out_type, precision: attr.int(2) }],
    ['a billion places', 'AsString', { ...FLOATS, precision: attr.int(1e9) }],
    ['a billion spaces', 'AsString', { ...FLOATS, width: attr.int(1e9) }],
    ['text to be printed', 'AsString', { T: attr.type('DT_STRING') }],
    ['numbers of no type', 'StringToNumber', { out_type: attr.type('DT_BOOL') }],
    ['another encoding', 'UnicodeDecode', { ...STRICT, input_encoding: attr.string('SHIFT-JIS') }],
    ['an encoding for writing', 'UnicodeEncode', { output_encoding: attr.string('UTF-7') }],
    ['another way with errors', 'UnicodeTranscode', { ...STRICT, errors: attr.string('guess') }],
    ['a replacement that is none', 'UnicodeEncode', { replacement_char: attr.int(0xd800) }],
  ])('with %s', (_, op, attrs) => {
    expect(refusalOrNone(() => kernelOf(op)?.(nodeOf(op, attrs)))).toMatch(/^UNTRANSLATABLE: /)
  })
})

test('pieces of a character that are put together are the character', () => {
  const joined = run('StringJoin', {}, [words('\uDCC3'), words('\uDCA4')])

  expect(joined).toEqual([words('ä')])
})

test('words are what stands between spaces of ASCII', () => {
  const unit = fc.constantFrom(
    'a',
    'é',
    '\u00A0',
    '\u2003',
    '\b',
    ' ',
    '\t',
    '\n',
    '\v',
    '\f',
    '\r',
    '\x0E',
  )

  fc.assert(
    fc.property(fc.array(fc.string({ unit })), (rows) => {
      const separator: Value = { dtype: 'DT_STRING', shape: [], values: [''] }
      const [, found] = run('StringSplitV2', {}, [words(...rows), separator]) ?? []

      const expected = rows.flatMap((row) =>
        row.split(/[ \t\n\v\f\r]+/).filter((word) => word !== ''),
      )
      expect(found?.values).toEqual(expected)
    }),
  )
})
