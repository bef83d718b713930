import { floatTensor, sizeOf } from '@drover/serving-api'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { pick, positionsOf, stridesOf } from '../values.ts'
import { turned } from './turned.ts'

const counted = (shape: readonly number[]) => {
  const { values } = floatTensor(
    Array.from({ length: sizeOf(shape) }, (_, index) => index),
    [...shape],
  )
  return { dtype: 'DT_FLOAT', shape, values } as const
}

const shapesAndPerms = fc
  .array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 5 })
  .chain((shape) =>
    fc.tuple(
      fc.constant(shape),
      fc.shuffledSubarray([...shape.keys()], { minLength: shape.length }),
    ),
  )

test('weights that are turned are those which are picked one by one', () => {
  fc.assert(
    fc.property(shapesAndPerms, ([shape, perm]) => {
      const value = counted(shape)
      const strides = stridesOf(shape)
      const to = perm.map((axis) => shape[axis] ?? 1)
      const positions = positionsOf(
        to,
        perm.map((axis) => strides[axis] ?? 0),
      )

      expect(turned(value, perm)).toEqual(pick(value, to, positions))
    }),
    { numRuns: 300 },
  )
})
