import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalJson, digestOf, sha256 } from './canonical.ts'

/** The same value with the fields of each object in another order. */
function shuffled(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shuffled)
  if (typeof value !== 'object' || value === null) return value
  const fields = Object.entries(value).toReversed()
  return Object.fromEntries(fields.map(([key, field]) => [key, shuffled(field)]))
}

describe('canonical JSON', () => {
  test('reads back as what was written', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)))
      }),
    )
  })

  test('is the same text whatever the order of the fields', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(canonicalJson(shuffled(value))).toBe(canonicalJson(value))
      }),
    )
  })

  test('is another text for another value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
        const isSame = canonicalJson(a) === canonicalJson(b)
        expect(isSame).toBe(canonicalJson(JSON.parse(canonicalJson(a))) === canonicalJson(b))
        expect(digestOf(a) === digestOf(b)).toBe(isSame)
      }),
    )
  })

  test.each<[unknown, string]>([
    [{ b: 1, a: [true, null, 'x'] }, '{"a":[true,null,"x"],"b":1}'],
    [{ a: undefined, b: { d: 1, c: undefined } }, '{"b":{"d":1}}'],
    [{ é: 1, z: 2, Z: 3, '10': 4, '9': 5 }, '{"10":4,"9":5,"Z":3,"z":2,"é":1}'],
    [-0, '0'],
    [1e21, '1e+21'],
    ['\u2028"\ud800', '"\u2028\\"\\ud800"'],
    [Object.create(null), '{}'],
  ])('of %j is %s', (value, text) => {
    expect(canonicalJson(value)).toBe(text)
  })

  test.each<[string, unknown]>([
    ['undefined', undefined],
    ['undefined', [undefined]],
    ['number', Number.NaN],
    ['number', { a: Number.POSITIVE_INFINITY }],
    ['bigint', 1n],
    ['function', { a: () => {} }],
    ['symbol', Symbol('a')],
    ['Date', { at: new Date(0) }],
    ['Map', new Map([['a', 1]])],
    ['Uint8Array', new Uint8Array(1)],
  ])('cannot carry a %s', (what, value) => {
    expect(() => canonicalJson(value)).toThrow(new TypeError(`JSON cannot carry a ${what}`))
  })
})

test('a digest is the sha256 of the text', () => {
  expect(digestOf({ b: 1, a: 2 })).toBe(sha256('{"a":2,"b":1}'))
  expect(sha256('')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
})
