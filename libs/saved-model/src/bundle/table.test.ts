import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { blockOf, tableOf } from './bundle.fixture.ts'
import { refusalOf } from '../refusal.fixture.ts'
import { ByteWriter } from './byte-writer.ts'
import { compareBytes, Compression, readTable, type TableEntry } from './table.ts'
import { writeTable } from './table-write.ts'

const entry = (key: string, value = ''): TableEntry => ({
  key: new TextEncoder().encode(key),
  value: new TextEncoder().encode(value),
})
const read = (file: Uint8Array) => refusalOf(() => [...readTable(file)])

const entries = fc
  .uniqueArray(fc.uint8Array({ maxLength: 5 }), { maxLength: 60, selector: String })
  .map((keys) => keys.toSorted(compareBytes))
  .chain((keys) =>
    fc.tuple(...keys.map((key) => fc.record({ key: fc.constant(key), value: fc.uint8Array() }))),
  )

test('what is written is read again, in however many blocks', () => {
  fc.assert(
    fc.property(entries, fc.integer({ min: 1, max: 400 }), (given, blockBytes) => {
      expect(read(writeTable(given, blockBytes))).toEqual(given)
    }),
  )
})

test('keys leave out what they share with the one before', () => {
  const long = 'x'.repeat(1000)
  const given = Array.from({ length: 64 }, (_, at) => entry(long + String.fromCharCode(32 + at)))

  const file = writeTable(given)

  // Every sixteenth is there in full.
  expect(file.length).toBeGreaterThan(4 * long.length)
  expect(file.length).toBeLessThan(6 * long.length)
  expect(read(file)).toEqual(given)
})

test('keys that are out of order are a mistake of the caller', () => {
  expect(() => writeTable([entry('b'), entry('a')])).toThrow('the keys are not in order')
})

/** A block of one entry with these numbers in front. */
const oddBlock = (...numbers: number[]): Uint8Array => {
  const block = new ByteWriter()
  for (const number of numbers) block.varint(number)
  return block.uint32(0).uint32(1).finish()
}

describe('a refusal says why', () => {
  const good = writeTable([entry('a', 'one'), entry('b', 'two')])
  const cases: [string, Uint8Array, RegExp][] = [
    ['nothing', new Uint8Array(), /^NOT_A_SAVED_MODEL: the index is shorter than its footer/],
    ['zeros', new Uint8Array(100), /^NOT_A_SAVED_MODEL: the index does not end like a table/],
    ['a table cut off at its front', good.subarray(9), /outside the table|checksum|compressed/],
    [
      'a changed byte',
      good.with(5, 99),
      /^NOT_A_SAVED_MODEL: the block at 0 does not have the check/,
    ],
    [
      'Snappy',
      tableOf([blockOf([])], { compression: Compression.SNAPPY }),
      /^NOT_A_SAVED_MODEL: .* by Snappy/,
    ],
    ['a compression nobody knows', tableOf([blockOf([])], { compression: 7 }), /in an unknown way/],
    ['keys out of order', tableOf([blockOf([entry('b'), entry('a')])]), /keys .* not in order/],
    ['a key twice', tableOf([blockOf([entry('a')]), blockOf([entry('a')])]), /not in order/],
    ['a block of two bytes', tableOf([Uint8Array.of(1, 0)]), /a block of the table has no end/],
    ['restarts without end', tableOf([Uint8Array.of(255, 255, 255, 255)]), /more restarts than/],
    ['a key that shares too much', tableOf([oddBlock(3, 0, 0)]), /shares more than there is/],
    [
      'a block whose first key shares some of the block before',
      tableOf([blockOf([entry('abc')]), oddBlock(2, 1, 0, 100)]),
      /shares more than there is/,
    ],
    [
      'a key that is not there',
      tableOf([oddBlock(0, 9, 0)]),
      /a block of the table ends too early/,
    ],
    ['a value that is not there', tableOf([oddBlock(0, 0, 9)]), /ends too early/],
    ['a number without end', tableOf([oddBlock(2 ** 53)]), /a number that is too high/],
    ['half an entry', tableOf([oddBlock(0)]), /ends inside a number/],
  ]
  test.each(cases)('of %s', (_, file, refusal) => {
    expect(read(file)).toMatch(refusal)
  })
})

test('long keys of a few bytes each do not fill the memory', () => {
  const block = new ByteWriter().varint(0).varint(60_000).varint(0).bytes(new Uint8Array(60_000))
  for (let at = 0; at < 10_000; at++)
    block
      .varint(60_000 + at)
      .varint(1)
      .varint(0)
      .byte(0)

  expect(read(tableOf([block.uint32(0).uint32(1).finish()]))).toMatch(
    /^TOO_LARGE: the keys of the table are far longer than its file/,
  )
})

test('more entries than the limit are refused', () => {
  const file = writeTable(['a', 'b', 'c'].map((key) => entry(key)))

  // The one block counts too.
  expect(refusalOf(() => [...readTable(file, 4)])).toHaveLength(3)
  expect(refusalOf(() => [...readTable(file, 3)])).toBe('TOO_LARGE: the table has too many entries')
})

test('a block that is listed twice is refused, since it could be listed a million times', () => {
  expect(read(tableOf([blockOf([entry('a')])], { listed: [0, 0] }))).toMatch(
    /the blocks of the table are not one after the other/,
  )
})
