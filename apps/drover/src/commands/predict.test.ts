import { expect, test } from 'vitest'
import { readJson, rowOf } from './predict.ts'

test.each<[string, string, string]>([
  ['a JSON object', '{"hour": 21}', '{"hour": 21}'],
  ['a JSON array', ' [21, 0.5]', ' [21, 0.5]'],
  ['a JSON string', '"21"', '"21"'],
  ['a text', 'my "card" is lost', '"my \\"card\\" is lost"'],
  ['a text in brackets', '[urgent] my card is lost', '"[urgent] my card is lost"'],
  ['a number that JSON lacks', '[NaN, -Infinity]', '[NaN, -Infinity]'],
  ['an integer that a number would round', '{"x": 9007199254740993}', '{"x": 9007199254740993}'],
])('a row may be %s', (_, text, row) => {
  expect(rowOf(text)).toBe(row)
})

test('numbers of an answer that a number would round, or that JSON lacks, are read as texts', () => {
  const text =
    '{"y": [9007199254740993, -9223372036854775808, 7, 1e20, -Infinity, NaN], "z": "a\\" 9007199254740993 NaN"}'

  expect(readJson(text)).toEqual({
    y: ['9007199254740993', '-9223372036854775808', 7, 1e20, '-Infinity', 'NaN'],
    z: 'a" 9007199254740993 NaN',
  })
})

test('an object that is cut is refused by what was typed', () => {
  expect(() => rowOf('{"hour": ')).toThrow('is no JSON object of columns')
})
