import fc from 'fast-check'
import { expect, test } from 'vitest'
import { doubleText, floatText } from './number-text.ts'

const floats: [number, string][] = [
  [9_000_000, '9e+06'],
  [999_999, '999999.0'],
  [0.5, '0.5'],
  [0.0003, '0.0003'],
  [0.00003, '3e-05'],
  [555_557.5, '555557.5'],
  [NaN, 'NaN'],
  [Infinity, 'Infinity'],
  [3, '3.0'],
  [-Infinity, '-Infinity'],
  [0.1, '0.1'],
  [0.01, '0.01'],
  [0.0001, '0.0001'],
  [-0.25, '-0.25'],
  [1 / 3, '0.333333343'],
  [1_000_000, '1e+06'],
  [16_777_216, '16777216.0'],
  [100_000, '100000.0'],
  [99_999.99, '99999.9922'],
  [1e-5, '1e-05'],
  [-0, '-0.0'],
  [0, '0.0'],
  [1e10, '1e+10'],
  [1e-45, '1.4013e-45'],
  [3.402_823_466e38, '3.40282347e+38'],
  // Exactly between 0.000122070312 and 0.000122070313: C rounds to the even digit.
  [2 ** -13, '0.000122070312'],
  [3 * 2 ** -13, '0.000366210938'],
]
test.each(floats)('cases 76 and 77: the float %d is written %s', (value, text) => {
  expect(floatText(Math.fround(value))).toBe(text)
})

const doubles: [number, string][] = [
  [1 / 3, '0.33333333333333331'],
  [0.1, '0.1'],
  [123_456_789, '123456789.0'],
  [1e22, '1e+22'],
  [1e-300, '1e-300'],
  [-1.5, '-1.5'],
]
test.each(doubles)('the double %d is written %s', (value, text) => {
  expect(doubleText(value)).toBe(text)
})

const aNumber = /^-?(\d+\.\d+|\d(\.\d+)?e[-+]\d\d+)$/
test('every float is written as a decimal and reads back', () => {
  fc.assert(
    fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => {
      expect(floatText(value)).toMatch(aNumber)
      expect(Math.fround(Number(floatText(value)))).toBe(value)
    }),
    { numRuns: 5_000 },
  )
})

test('the short way to write a float agrees with the long one', () => {
  const decimal = fc.integer({ min: -1e7, max: 1e7 })
  fc.assert(
    fc.property(decimal, fc.integer({ min: 0, max: 9 }), (digits, places) => {
      const value = Math.fround(digits / 10 ** places)

      const text = floatText(value)

      const short = value.toPrecision(6)
      const isSame = Math.fround(Number(short)) === value
      // Where two texts are equally near, C and JavaScript choose differently.
      const far = Math.abs(Number(value.toPrecision(9)) - value)
      const isRight = isSame
        ? Number(text) === Number(short)
        : Math.abs(Number(text) - value) <= far
      expect(isRight, text).toBe(true)
    }),
    { numRuns: 5_000 },
  )
})

test('every double is written as a decimal and reads back', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      expect(doubleText(value)).toMatch(aNumber)
      expect(Number(doubleText(value))).toBe(value)
    }),
    { numRuns: 2_000 },
  )
})
