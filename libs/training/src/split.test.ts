import fc from 'fast-check'
import { expect, test } from 'vitest'
import { minimise } from './lbfgs.ts'
import { FOLDED_ROWS_MAX, foldOf, splitOf } from './split.ts'

const foldsOf = (rows: number): Uint8Array => Uint8Array.from({ length: rows }, (_, row) => row % 5)

test.each([
  [FOLDED_ROWS_MAX, 'folds', 6, FOLDED_ROWS_MAX],
  [FOLDED_ROWS_MAX + 5, 'fifth', 2, FOLDED_ROWS_MAX / 5 + 1],
])(
  'of %i rows each that is judged is judged by a model that it did not train',
  (rows, heldOut, models, judged) => {
    const split = splitOf(foldsOf(rows))
    const judges = Array.from({ length: rows }, (_, row) => split.judgeOf(row))

    expect(split).toMatchObject({ heldOut, models })
    expect(judges.filter((judge) => judge !== undefined)).toHaveLength(judged)
    for (const [row, judge] of judges.entries()) {
      expect(judge !== undefined && split.trains(row, judge)).toBe(false)
      expect(split.trains(row, models - 1)).toBe(true)
    }
  },
)

test('fewer models fit into memory: one fifth is held out', () => {
  expect(splitOf(foldsOf(100), 5)).toMatchObject({ heldOut: 'fifth', models: 2 })
})

test('equal rows are held out together, and rows spread over all folds', () => {
  fc.assert(fc.property(fc.array(fc.string()), (fields) => foldOf(fields) === foldOf([...fields])))
  const counts = [0, 0, 0, 0, 0]
  for (let row = 0; row < 5_000; row++) counts[foldOf([`${row}`, 'x'])]! += 1
  expect(Math.min(...counts)).toBeGreaterThan(900)
})

test('the minimum of a convex function is found, wherever it is', async () => {
  const place = fc.array(fc.double({ min: -10, max: 10, noNaN: true }), {
    minLength: 1,
    maxLength: 12,
  })
  await fc.assert(
    fc.asyncProperty(place, async (centre) => {
      const found = await minimise(
        async (at) => {
          const off = at.map((value, index) => value - (centre[index] ?? 0))
          return {
            value: off.reduce((sum, each, index) => sum + (1 + index) * (each ** 2 + each ** 4), 0),
            gradient: off.map((each, index) => (1 + index) * (2 * each + 4 * each ** 3)),
          }
        },
        new Float64Array(centre.length),
        1e-12,
      )
      for (const [index, value] of found.entries())
        expect(value).toBeCloseTo(centre[index] ?? NaN, 3)
    }),
  )
})
