import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Name, parseServedName, ServedName, servedName, Traceparent, Version } from './names.ts'

const name = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/).filter((text) => {
  return text !== 'constructor'
})

describe('a name', () => {
  test.each(['a', '0', 'a-b', 'a--b', 'x'.repeat(63), '1a', 'jfk'])('may be %j', (text) => {
    expect(Name.safeParse(text).success).toBe(true)
  })

  test.each([
    '',
    '-a',
    'a-',
    'A',
    'a_b',
    'a.b',
    'a/b',
    '..',
    'a b',
    'é',
    'a\n',
    'a\0',
    'x'.repeat(64),
    'constructor',
    7,
    undefined,
  ])('may not be %j', (text) => {
    expect(Name.safeParse(text).success).toBe(false)
  })
})

describe('a served name', () => {
  test('is taken apart into what it was made of', () => {
    fc.assert(
      fc.property(name, name, (tenant, model) => {
        expect(parseServedName(servedName({ tenant, model }))).toEqual({ tenant, model })
      }),
    )
  })

  test('of another pair is another name', () => {
    const pair = fc.record({ tenant: name, model: name })
    fc.assert(
      fc.property(pair, pair, (a, b) => {
        expect(servedName(a) === servedName(b)).toBe(a.tenant === b.tenant && a.model === b.model)
      }),
    )
  })

  test.each(['a', 'a.', '.b', 'a.b.c', 'a.B', 'a/b', '../a.b', 'a.b '])('may not be %j', (text) => {
    expect(ServedName.safeParse(text).success).toBe(false)
    expect(() => parseServedName(text)).toThrow('<tenant>.<model>')
  })

  test('is not made of what is no name', () => {
    expect(() => servedName({ tenant: 'a.b', model: 'm' })).toThrow('a name is')
    expect(() => servedName({ tenant: 'a', model: '../m' })).toThrow('a name is')
  })
})

test.each([0, -1, 1.5, 2 ** 53, '1', Number.NaN])('%j is no version', (version) => {
  expect(Version.safeParse(version).success).toBe(false)
})

test.each([
  `00-${'a'.repeat(32)}-${'b'.repeat(16)}`,
  `00-${'A'.repeat(32)}-${'b'.repeat(16)}-01`,
  `01-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
  `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01\n`,
  `00-${'0'.repeat(32)}-${'b'.repeat(16)}-01`,
  `00-${'a'.repeat(32)}-${'0'.repeat(16)}-01`,
])('%j is no traceparent', (text) => {
  expect(Traceparent.safeParse(text).success).toBe(false)
})
