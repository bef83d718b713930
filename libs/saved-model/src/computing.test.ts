import { expect, test } from 'vitest'
import { COMPUTING } from './computing.ts'
import { canBeAllowed, FORBIDDEN, whyRefused } from './forbidden.ts'
import { OTHER_OPERATIONS } from './other-operations.ts'

test('what is known only to compute is not known to do more', () => {
  const both = [...COMPUTING].filter((op) => FORBIDDEN.some(([pattern]) => pattern.test(op)))

  expect(both).toEqual([])
})

test.each([
  ['known only to compute', COMPUTING],
  ['others', OTHER_OPERATIONS],
])('the names of those that are %s are in their order, each in one list', (_which, set) => {
  const names = [...set]

  expect(names.length).toBeGreaterThan(500)
  expect(names).toEqual(names.toSorted())
  expect(names.filter((name) => COMPUTING.has(name) && OTHER_OPERATIONS.has(name))).toEqual([])
})

test.each([
  ['ReadFile', 'reads files', true],
  ['FIFOQueueV2', 'is not known only to compute', true],
  ['Readfile', 'TensorFlow 2.15 does not have', false],
  ['MatMul', undefined, false],
])('of %s it is told why it is refused, and whether it can be allowed', (op, why, can) => {
  expect([whyRefused(op), canBeAllowed(op)]).toEqual([why, can])
})

test.each(['Add', 'VarHandleOp', 'While', 'LookupTableFindV2', 'RestoreV2', 'TensorArrayV3'])(
  '%s is not refused by its name',
  (op) => {
    expect(whyRefused(op)).toBeUndefined()
  },
)
