import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { dumpJson } from './json-dump.ts'
import { JsonCursor } from './json-read.ts'
import { scanJson } from './json-scan.ts'

const scan = (text: string) => scanJson(Buffer.from(text), ['a', 'b'])

const refusals: [string, string, number][] = [
  ['instances = [1, 2]', 'Invalid value.', 0],
  [' \n', 'The document is empty.', 2],
  [']', 'The document is empty.', 0],
  ['{"a":tru}', 'Invalid value.', 8],
  ['{"a":nan}', 'Invalid value.', 6],
  ['{"a":Infinitx}', 'Invalid value.', 12],
  ['{"a":-x}', 'Invalid value.', 6],
  ['{"a":+1}', 'Invalid value.', 5],
  ['{"a":.5}', 'Invalid value.', 5],
  ['{"a":}', 'Invalid value.', 5],
  ['[1,]', 'Invalid value.', 3],
  ['[1', "Missing a comma or ']' after an array element.", 2],
  ['[01]', "Missing a comma or ']' after an array element.", 2],
  ['[1}', "Missing a comma or ']' after an array element.", 2],
  ['{a:1}', 'Missing a name for object member.', 1],
  ["{'a':1}", 'Missing a name for object member.', 1],
  ['{"a":1,}', 'Missing a name for object member.', 7],
  ['{"a" 1}', 'Missing a colon after a name of object member.', 5],
  ['{"a":1 "b":2}', "Missing a comma or '}' after an object member.", 7],
  ['{"a":1]', "Missing a comma or '}' after an object member.", 6],
  ['{"a', 'Missing a closing quotation mark in string.', 3],
  ['{"a":"\\x"}', 'Invalid escape character in string.', 6],
  ['{"a":"\t"}', 'Invalid escape character in string.', 6],
  ['{"a":"\\u12g4"}', 'Incorrect hex digit after \\u escape in string.', 6],
  ['{"a":"\\ud800"}', 'The surrogate pair in string is invalid.', 6],
  ['{"a":"\\ud800\\u0041"}', 'The surrogate pair in string is invalid.', 6],
  ['{"a":1.}', 'Miss fraction part in number.', 7],
  ['{"a":1e}', 'Miss exponent in number.', 7],
  ['{"a":1e+}', 'Miss exponent in number.', 8],
  ['{"a":1e400}', 'Number too big to be stored in double.', 5],
  [`{"a":-${'9'.repeat(310)}}`, 'Number too big to be stored in double.', 5],
  ['{"a": /* b */ 1}', 'Invalid value.', 6],
]
test.each(refusals)('%s is refused: %s at %i', (text, what, offset) => {
  expect(() => scan(text)).toThrow(`JSON Parse error: ${what} at offset: ${offset}`)
})

test('an empty body has a text of its own', () => {
  expect(() => scan('')).toThrow(/^JSON Parse error: The document is empty$/)
})

test.each([
  '{"a":NaN,"b":-NaN,"c":Inf,"d":-Inf,"e":Infinity,"f":-Infinity}',
  '{"a":1} and more',
  '\ufeff{"a":1}',
  '{"a":1,"a":2}',
  '{"a":1e-400,"b":1E+308,"c":0.1e309}',
  '{"a":"\\udc00"}',
  '{"a":""}',
  ' [ ] ',
])('%s is accepted', (text) => {
  expect(() => scan(text)).not.toThrow()
})

test.each([[[0xef, 0xbb, 0xbf]], [[0xef]], [[0xbb, 0xbf]], [[0xbf]]])(
  'of a byte order mark any bytes in order are left out: %j',
  (mark) => {
    const { start } = scanJson(Buffer.concat([Uint8Array.from(mark), Buffer.from('{"a":1}')]))

    expect(start).toBe(mark.length)
  },
)

test('a member is found by its name, however that is written, and only there', () => {
  const { members } = scan('{"x":{"a":1},"\\u0061":2,"a":3,"\\u0062\\u0062":4}')

  expect([...members.keys()]).toEqual(['a'])
  expect(members.get('a')).toBe(22)
})

test('half a million levels cost no stack', () => {
  const deep = `${'['.repeat(500_000)}${']'.repeat(500_000)}`

  const { members } = scan(`{"nested":${deep},"b":1}`)

  expect([...members.keys()]).toEqual(['b'])
})

test('a document that is deeper than the limit is refused', () => {
  expect(() => scan('['.repeat(2_000_001))).toThrow('Nested deeper than 2000000 levels')
})

/** What JSON.parse makes of it, by the cursor. */
function toValue(cursor: JsonCursor): unknown {
  switch (cursor.typeOf()) {
    case 'Array':
      return membersOf(cursor, () => toValue(cursor))
    case 'Object':
      return Object.fromEntries(membersOf(cursor, () => [cursor.readKey(), toValue(cursor)]))
    case 'String':
      return cursor.readText()
    case 'Number':
      return cursor.readNumber() + 0
    case 'True':
      return cursor.skip() ?? true
    case 'False':
      return cursor.skip() ?? false
    case 'Null':
      return cursor.skip() ?? null
  }
}

function membersOf<T>(cursor: JsonCursor, read: () => T): T[] {
  const members: T[] = []
  for (let isMore = cursor.enter(); isMore; isMore = cursor.next()) members.push(read())
  return members
}

describe('what JSON.parse reads', () => {
  const json = fc.json({ stringUnit: 'binary', maxDepth: 5 })

  test('is read the same', () => {
    fc.assert(
      fc.property(json, fc.constantFrom(undefined, 1, '\t'), (text, space) => {
        const spaced = JSON.stringify(JSON.parse(text), undefined, space)
        const bytes = Buffer.from(spaced)

        const { start } = scanJson(bytes)

        expect(toValue(new JsonCursor(bytes, start))).toEqual(JSON.parse(spaced, plain))
      }),
      { numRuns: 1_000 },
    )
  })

  test('is skipped and counted in full', () => {
    fc.assert(
      fc.property(fc.array(json, { maxLength: 5 }), (texts) => {
        const bytes = Buffer.from(`{"a":[${texts.join(' ,')}],"b":1}`)
        const at = scanJson(bytes, ['a']).members.get('a') ?? 0

        const cursor = new JsonCursor(bytes, at)

        expect(cursor.count()).toBe(texts.length)
        cursor.skip()
        expect(bytes.subarray(cursor.at).toString()).toBe(',"b":1}')
      }),
    )
  })

  test('is refused once a piece is cut off', () => {
    fc.assert(
      fc.property(json, fc.nat(), (text, at) => {
        const cut = `[${text}`.slice(0, at % (text.length + 1))
        expect(() => scan(cut)).toThrow('JSON Parse error')
      }),
    )
  })
})
const plain = (_key: string, value: unknown): unknown =>
  typeof value === 'number' ? value + 0 : value

const numbers = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
  fc.tuple(fc.bigInt(), fc.nat()).map(([whole, part]) => `${whole}.${part}`),
  fc.bigInt().map(String),
)
test('every number is read as the nearest double', () => {
  fc.assert(
    fc.property(numbers, (text) => {
      expect(new JsonCursor(Buffer.from(`${text},`), 0).readNumber() + 0).toBe(Number(text) + 0)
    }),
    { numRuns: 5_000 },
  )
})

const dumps: [string, string][] = [
  [
    '{"a":[1,2.0,{"b":[]}],"c":{}}',
    '{\n    "a": [1, 2.0, {\n            "b": []\n        }],\n    "c": {}\n}',
  ],
  [
    '[1e30, 1.5e-7, 12345678901234567890, -0.0, null, true, "x\\n"]',
    '[1e30, 1.5e-7, 12345678901234567890, -0.0, null, true, "x\\n"]',
  ],
  ['[1, NaN, 2]', '[1, '],
  [`[${'1234567890,'.repeat(30)}0]`, `[${Array(22).fill('1234567890').join(', ')}`],
]
test.each(dumps)('%s is shown as RapidJSON shows it', (text, dump) => {
  expect(dumpJson(Buffer.from(text), 0)).toBe(dump)
})
