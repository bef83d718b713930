import type { TensorInfo } from '@drover/serving-api'
import { expect, test } from 'vitest'
import { raggedIn } from './ragged.ts'

const info = (dtype: TensorInfo['dtype'], ...shape: number[]): TensorInfo => ({
  name: 'x:0',
  dtype,
  shape,
})

test('rows of one level share out all values', () => {
  const parts = raggedIn({ ids: info('DT_STRING', -1, 4), ids_1: info('DT_INT64', -1) })

  expect([...parts]).toEqual([
    ['ids_1', { splits: [0, 1, 3] }],
    ['ids', { count: 3 }],
  ])
})

test('rows of several levels share out those within them, in as many as are told', () => {
  const parts = raggedIn({
    d: info('DT_FLOAT', -1, 2),
    x: info('DT_INT32', -1),
    x_1: info('DT_INT32', 5),
    x_2: info('DT_INT32', -1),
  })

  expect([...parts]).toEqual([
    ['x_1', { splits: [0, 0, 1, 1, 2] }],
    ['x_2', { splits: [0, 1, 3] }],
    ['x', { count: 3 }],
  ])
})

test.each<[string, Record<string, TensorInfo>]>([
  ['alone', { x: info('DT_FLOAT', -1) }],
  ['beside numbers', { x: info('DT_FLOAT', -1), x_1: info('DT_FLOAT', -1) }],
  ['beside a matrix', { x: info('DT_FLOAT', -1), x_1: info('DT_INT64', -1, 1) }],
  ['without values', { x_1: info('DT_INT64', -1) }],
  ['of one number', { x: info('DT_FLOAT'), x_1: info('DT_INT64', -1) }],
  ['with more rows than fit', { x: info('DT_FLOAT', -1), x_1: info('DT_INT64', 2 ** 31) }],
])('an input %s is no ragged tensor', (_, inputs) => {
  expect(raggedIn(inputs).size).toBe(0)
})
