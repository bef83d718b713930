// Short ways for tests to write a case of one operation.

import { type Attr, attr } from '@drover/saved-model'
import type { Case } from './sample-slices.ts'

export const [FLOAT, STRING, BOOL] = [
  attr.type('DT_FLOAT'),
  attr.type('DT_STRING'),
  attr.type('DT_BOOL'),
]
export const [INT32, INT64] = [attr.type('DT_INT32'), attr.type('DT_INT64')]

/** For `JSON.stringify`, which knows no bigints. */
export const asText = (_: string, value: unknown): unknown =>
  typeof value === 'bigint' ? `${value}` : value

/** What of a case is not as usual. */
export type Rest = Partial<Case> & { T?: Attr }

/** A case of floats to floats, unless said otherwise. */
export const of = (
  op: string,
  operands: Case['operands'],
  { attrs = {}, type = 'DT_FLOAT', T = FLOAT, port = 0 }: Rest = {},
): Case => ({ op, operands, attrs: { T, ...attrs }, type, port })
