import { expect, test } from 'vitest'
import type { Value } from '../values.ts'
import { Constants } from './program.ts'

test('constants with one array are one, under whatever names, but not in another shape', () => {
  const values = Float32Array.of(1, 2, 3, 4)
  const matrix: Value = { dtype: 'DT_FLOAT', shape: [2, 2], values }
  const constants = new Constants()

  const numbers = [
    constants.numberOf('serve/weights', matrix),
    constants.numberOf('predict/weights', { ...matrix }),
    constants.numberOf('predict/vector', { ...matrix, shape: [4] }),
    constants.numberOf('predict/copy', { ...matrix, values: values.slice() }),
    constants.numberOf('predict/weights', matrix),
  ]

  expect(numbers).toEqual([0, 0, 1, 2, 0])
  expect(constants.values).toHaveLength(3)
})
