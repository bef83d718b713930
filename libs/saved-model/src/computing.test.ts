import { expect, test } from 'vitest'
import { COMPUTING } from './computing.ts'
import { FORBIDDEN, whyRefused } from './forbidden.ts'

test('what is known only to compute is not known to do more', () => {
  const both = [...COMPUTING].filter((op) => FORBIDDEN.some(([pattern]) => pattern.test(op)))

  expect(both).toEqual([])
})

test('the names are in their order, each once', () => {
  const names = [...COMPUTING]

  expect(names.length).toBeGreaterThan(900)
  expect(names).toEqual(names.toSorted())
})

test.each(['Add', 'VarHandleOp', 'While', 'LookupTableFindV2', 'RestoreV2', 'TensorArrayV3'])(
  '%s is not refused by its name',
  (op) => {
    expect(whyRefused(op)).toBeUndefined()
  },
)
