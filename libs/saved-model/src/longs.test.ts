import fc from 'fast-check'
import { expect, test } from 'vitest'
import { longsOf, numbersOf } from './longs.ts'

test('whole numbers become int64 by halves as they would one by one, and numbers again', () => {
  const number = fc.oneof(fc.maxSafeInteger(), fc.integer(), fc.constantFrom(-0, -1, 2 ** 32))

  fc.assert(
    fc.property(fc.array(number), (numbers) => {
      const found = longsOf(numbers)

      expect(found).toEqual(BigInt64Array.from(numbers, BigInt))
      expect(numbersOf(found)).toEqual(numbers.map((each) => each + 0))
    }),
  )
})
