import { expect, test } from 'vitest'
import { Budget } from './budget.ts'
import { readTensor } from './tensor-proto.ts'
import { WireWriter } from './wire.ts'

const TYPES = { DT_FLOAT: 1, DT_INT32: 3, DT_COMPLEX64: 8, DT_INT64: 9, DT_UINT64: 23 } as const

test.each(Object.entries(TYPES))('a value of %s without any numbers is zeros', (dtype, number) => {
  const shape = new WireWriter().message(2, new WireWriter().varint(1, 2))
  const bytes = new WireWriter().varint(1, number).message(2, shape).finish()

  const tensor = readTensor(bytes, new Budget(bytes.length), () => 'the node')

  expect(tensor).toMatchObject({ dtype, shape: [2] })
  expect(Array.from(tensor?.values ?? [], Number).every((value) => value === 0)).toBe(true)
})
