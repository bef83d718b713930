// Damaged checkpoints: always a refusal or the right values, soon, and with little memory.

import { isDeepStrictEqual } from 'node:util'
import {
  crc32c,
  maskedCrc32c,
  floatTensor,
  stringTensor,
  type Tensor,
  tensorOfBuffer,
} from '@drover/serving-api'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { openBundle, readBundleIndex } from './bundle.ts'
import { bitsOf, blockOf, type Partitioned, partitionedFiles, tableOf } from './bundle.fixture.ts'
import { refusalOf } from '../refusal.fixture.ts'
import { writeEntry, writeHeader } from './entry.ts'
import { shardsInMemory } from './shards.ts'
import { sliceKey } from './slice-key.ts'
import { compareBytes, readTable } from './table.ts'
import { writeTable } from './table-write.ts'
import { writeBundle } from './write-bundle.ts'

const FLIPS = 2000
/** Of the processor, since others wait for it too. */
const MS_MAX = 1000
const ZEROS_CRC = maskedCrc32c(crc32c(new Uint8Array(1000)))
const DAMAGE = /^(NOT_A_SAVED_MODEL|TOO_LARGE): ./

const tensors = new Map<string, Tensor>([
  ['weights', floatTensor([1, 2, 3, 4, 5, 6], [2, 3])],
  ['bias', tensorOfBuffer('DT_BFLOAT16', [2], Uint8Array.of(1, 2, 3, 4).buffer)],
  ['none', tensorOfBuffer('DT_INT64', [0], new ArrayBuffer(0))],
  ['words', stringTensor(['', 'a', 'é'.repeat(70)])],
])
const cut = (start: number, length: number, shard: number) => ({
  extents: [{ start, length }],
  shard,
})
const parted: Partitioned[] = [
  { key: 'table', tensor: floatTensor([1, 2, 3, 4, 5]), slices: [cut(0, 2, 0), cut(2, 3, 1)] },
  { key: 'texts', tensor: stringTensor(['a', 'b', 'c']), slices: [cut(0, 2, 1), cut(2, 1, 0)] },
]

interface Files {
  index: Uint8Array
  shards: Uint8Array[]
}
const { index, data } = writeBundle(tensors)
const samples: [string, Files, ReadonlyMap<string, Tensor>][] = [
  ['whole variables', { index, shards: [data] }, tensors],
  [
    'slices in two shards',
    partitionedFiles(parted, 2),
    new Map(parted.map(({ key, tensor }) => [key, tensor])),
  ],
]

const spentSince = (start: NodeJS.CpuUsage): number => process.cpuUsage(start).user / 1000

/** What is read of some files: the values of each variable, or why not; nothing else may be thrown. */
function readAll({ index: bytes, shards }: Files, names: Iterable<string>): (object | string)[] {
  const start = process.cpuUsage()
  const bundle = refusalOf(() =>
    openBundle(
      bytes,
      shardsInMemory((shard) => shards[shard]),
    ),
  )
  const found = Array.from(names, (name) =>
    typeof bundle === 'string' ? bundle : refusalOf(() => bitsOf(bundle.tensor(name))),
  )
  expect(spentSince(start)).toBeLessThan(MS_MAX)
  return found
}

describe.each(samples)('%s', (_, files, expected) => {
  const names = [...expected.keys()]
  const right = Array.from(expected.values(), bitsOf)
  /** What was neither refused nor right. */
  const faultsOf = (damaged: Files): (object | string)[] =>
    readAll(damaged, names).filter((found, at) =>
      typeof found === 'string' ? !DAMAGE.test(found) : !isDeepStrictEqual(found, right[at]),
    )

  test('are read where nothing is damaged', () => {
    expect(readAll(files, names)).toEqual(right)
  })

  test('are refused or right where the index ends early', () => {
    for (let end = 0; end < files.index.length; end++) {
      const found = readAll({ ...files, index: files.index.subarray(0, end) }, names)
      for (const each of found) expect(each).toMatch(DAMAGE)
    }
  })

  test('are refused or right where a shard ends early', () => {
    files.shards.forEach((shard, at) => {
      for (let end = 0; end < shard.length; end++)
        expect(
          faultsOf({ ...files, shards: files.shards.with(at, shard.subarray(0, end)) }),
        ).toEqual([])
    })
  })

  test('are refused or right where a bit of the index is another', () => {
    fc.assert(
      fc.property(fc.nat(8 * files.index.length - 1), (bit) => {
        expect(faultsOf({ ...files, index: flipped(files.index, bit) })).toEqual([])
      }),
      { numRuns: FLIPS },
    )
  })

  test('are refused or right where bits of the data are others', () => {
    const bits = fc.array(fc.nat(10_000), { minLength: 1, maxLength: 3 })
    fc.assert(
      fc.property(bits, (all) => {
        const change = (shard: Uint8Array) =>
          all.reduce((bytes, bit) => flipped(bytes, bit % (8 * bytes.length)), shard)
        expect(faultsOf({ ...files, shards: files.shards.map(change) })).toEqual([])
      }),
      { numRuns: FLIPS },
    )
  })

  test('are refused in good order where the index is another and its checksums are right', () => {
    const block = blockOf([...readTable(files.index)])
    const changes = fc.array(fc.tuple(fc.nat(block.length - 1), fc.nat(255)), {
      minLength: 1,
      maxLength: 4,
    })
    fc.assert(
      fc.property(changes, (all) => {
        const changed = all.reduce((bytes, [at, byte]) => bytes.with(at, byte), block)
        // Any values may be right for another index; nothing else than a refusal may be thrown.
        expect(readAll({ ...files, index: tableOf([changed]) }, names)).toHaveLength(names.length)
      }),
      { numRuns: FLIPS },
    )
  })
})

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const at = bit >>> 3
  return bytes.with(at, (bytes[at] ?? 0) ^ (1 << (bit & 7)))
}

test('a table whose keys are no text is read in no time', () => {
  const key = new Uint8Array(100_000).fill(0xff)
  const file = tableOf([
    blockOf([
      { key: new Uint8Array(), value: new Uint8Array() },
      { key, value: new Uint8Array() },
    ]),
  ])
  const start = process.cpuUsage()

  const [name = ''] = readBundleIndex(file).entries.keys()

  expect(spentSince(start)).toBeLessThan(MS_MAX)
  expect(name).toBe('\uDCFF'.repeat(key.length))
})

/** A checkpoint of a variable in 100 slices of 1,000 bytes, of which the shard has one. */
function slicesOfOne(offsetOf: (slice: number) => number): Files {
  const [count, length] = [100, 1000]
  const all = Array.from({ length: count }, (_, at) => [{ start: at * length, length }])
  const stored = { dtype: 'DT_UINT8', shardId: 0, size: length, crc32c: ZEROS_CRC } as const
  const entries = all.map((extents, at) => ({
    key: sliceKey(Uint8Array.of(118), extents),
    value: writeEntry({ ...stored, shape: [length], offset: offsetOf(at) }),
  }))
  const whole = writeEntry({ ...stored, shape: [count * length], offset: 0 }, all)
  const none = new Uint8Array()
  return {
    index: writeTable([
      { key: none, value: writeHeader({ numShards: 1 }) },
      ...entries.toSorted((a, b) => compareBytes(a.key, b.key)),
      { key: Uint8Array.of(118), value: whole },
    ]),
    shards: [new Uint8Array(length)],
  }
}

test('slices that are not there take no memory', () => {
  const [found] = readAll(
    slicesOfOne((slice) => 1000 * slice),
    ['v'],
  )

  expect(found).toBe(
    'NOT_A_SAVED_MODEL: the slice 1000,1000 of v has 1000 bytes at 1000 of the shard 0, which has 1000',
  )
})

test('slices that are all of the same bytes take no memory', () => {
  const [found] = readAll(
    slicesOfOne(() => 0),
    ['v'],
  )

  expect(found).toBe('NOT_A_SAVED_MODEL: the slices of v have more bytes than the shard 0')
})

test('texts of no bytes share their memory', () => {
  const none = Array.from({ length: 10_000 }, () => '')
  const written = writeBundle(new Map([['v', stringTensor(none)]]))

  const bundle = openBundle(
    written.index,
    shardsInMemory(() => written.data),
  )

  expect(written.data).toHaveLength(none.length + 4)
  const read = bundle.tensor('v')
  expect(read.dtype === 'DT_STRING' && new Set(read.values).size).toBe(1)
})
