import { expect, test } from 'vitest'
import { parseRow } from './predict.ts'

test.each<[string, string, unknown]>([
  ['a JSON object', '{"hour": 21}', { hour: 21 }],
  ['a JSON array', ' [21, 0.5]', [21, 0.5]],
  ['a JSON string', '"21"', '21'],
  ['a text', 'my card is lost', 'my card is lost'],
  ['a text in brackets', '[urgent] my card is lost', '[urgent] my card is lost'],
])('a row may be %s', (_, text, row) => {
  expect(parseRow(text)).toEqual(row)
})

test('an object that is cut is refused by what was typed', () => {
  expect(() => parseRow('{"hour": ')).toThrow('is no JSON object of columns')
})
