import { expect, test } from 'vitest'
import { Budget } from './budget.ts'
import { refusalOf } from './refusal.fixture.ts'
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

/** A tensor of so many places, and what is written for them. */
function read(type: number, places: number, write: (to: WireWriter) => WireWriter) {
  const shape = new WireWriter().message(2, new WireWriter().varint(1, places))
  const bytes = write(new WireWriter().varint(1, type).message(2, shape)).finish()
  return refusalOf(() => readTensor(bytes, new Budget(bytes.length), () => 'the node'))
}
const text = (letter: string) => Buffer.from(letter)

test('the last value stands for those that are left out, as a whole', () => {
  const halves = Uint8Array.from(new Uint8Array(Float32Array.of(1, 2, 3).buffer))

  expect(read(8, 2, (to) => to.bytes(9, halves))).toMatchObject({
    values: Float32Array.of(1, 2, 1, 2),
  })
  expect(read(7, 3, (to) => to.bytes(8, text('a')).bytes(8, text('b')))).toMatchObject({
    values: [text('a'), text('b'), text('b')].map((each) => Uint8Array.from(each)),
  })
})

test('more values than there are places are refused', () => {
  const two = Uint8Array.from(new Uint8Array(Float32Array.of(1, 2).buffer))

  expect(read(1, 1, (to) => to.bytes(5, two))).toMatch(/^NOT_A_SAVED_MODEL: the node/)
  expect(read(7, 1, (to) => to.bytes(8, text('a')).bytes(8, text('b')))).toMatch(
    /^NOT_A_SAVED_MODEL: the node/,
  )
})
