import { describe, expect, test } from 'vitest'
import { cut, faultOfReading, flipped, WHOLE } from './damage.fixture.ts'

/** The slow suite takes every offset; a prime, so that no field is skipped each time. */
const STRIDE = 211

test('an axis that no tensor has is refused where it is met', () => {
  // A bit of the axis along which columns are joined.
  expect(faultOfReading(flipped(WHOLE['tabular']?.() ?? new Uint8Array(), 1_415))).toBeUndefined()
})

describe.each(Object.entries(WHOLE))('the %s model', (_, make) => {
  const bytes = make()

  test('cut short is refused', () => {
    for (let at = 0; at < bytes.length; at += STRIDE)
      expect(faultOfReading(cut(bytes, at)), `cut at ${at}`).toBeUndefined()
  })

  test('with a bit turned is read or refused', () => {
    for (let bit = 0; bit < bytes.length * 8; bit += STRIDE * 8 + 1)
      expect(faultOfReading(flipped(bytes, bit)), `bit ${bit}`).toBeUndefined()
  })
})
