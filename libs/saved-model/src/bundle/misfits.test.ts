// Checkpoints whose checksums are right, and whose parts do not fit together: each is refused by name.

import { crc32c, type DataType, maskedCrc32c, type Tensor } from '@drover/serving-api'
import { describe, expect, test } from 'vitest'
import { refusalOf } from '../refusal.fixture.ts'
import { openBundle } from './bundle.ts'
import { ByteWriter } from './byte-writer.ts'
import { type StoredValues, writeEntry, writeHeader } from './entry.ts'
import { shardsInMemory } from './shards.ts'
import { type Extent, sliceKey } from './slice-key.ts'
import { compareBytes } from './table.ts'
import { writeTable } from './table-write.ts'

interface Files {
  index: Uint8Array
  shard: Uint8Array
}
type Stored = Partial<Omit<StoredValues, 'dtype'> & { dtype: DataType }>

/** The variable of a checkpoint, or why it is refused. */
const read = ({ index, shard }: Files): Tensor | string =>
  refusalOf(() =>
    openBundle(
      index,
      shardsInMemory(() => shard),
    ).tensor('v'),
  )

/** A checkpoint of four bytes in slices, which are stored one behind the other. */
function slicesOfFour(parts: readonly Extent[], as: Stored): Files {
  const all = parts.map((part) => [part])
  const stored = { dtype: 'DT_UINT8', shardId: 0, offset: 0, size: 4, crc32c: 0 } as const
  const name = Uint8Array.of(118)
  const slices = parts.map(({ start, length }, at) => ({
    key: sliceKey(name, [{ start, length }]),
    value: writeEntry({
      ...stored,
      shape: [length],
      offset: 2 * at,
      size: length,
      crc32c: maskedCrc32c(crc32c(new Uint8Array(length))),
      ...as,
    }),
  }))
  // Two of the same place have one entry.
  const unique = slices.filter(
    ({ key }, at) => slices.findIndex((each) => compareBytes(each.key, key) === 0) === at,
  )
  return {
    index: writeTable([
      { key: new Uint8Array(), value: writeHeader({ numShards: 1 }) },
      ...unique.toSorted((a, b) => compareBytes(a.key, b.key)),
      { key: name, value: writeEntry({ ...stored, shape: [4] }, all) },
    ]),
    shard: new Uint8Array(4),
  }
}

const at = (start: number, length: number): Extent => ({ start, length })

describe('slices are refused', () => {
  test.each<[string, Extent[], Stored, string]>([
    ['that overlap', [at(0, 2), at(1, 2)], {}, 'the slice 1,2 of v overlaps the slice 0,2 of v'],
    [
      'that overlap backwards',
      [at(1, 2), at(0, 2)],
      {},
      'the slice 0,2 of v overlaps the slice 1,2',
    ],
    ['that are there twice', [at(0, 2), at(0, 2)], {}, 'the slice 0,2 of v overlaps the slice 0,2'],
    ['that leave some out', [at(0, 2), at(3, 1)], {}, 'the slices of v have 3 of its 4 elements'],
    ['of another type', [at(0, 2), at(2, 2)], { dtype: 'DT_INT8' }, 'is a DT_INT8 of shape [2]'],
    ['of another rank', [at(0, 2), at(2, 2)], { shape: [1, 2] }, 'is a DT_UINT8 of shape [1, 2]'],
    [
      'of another size',
      [at(0, 2), at(2, 2)],
      { shape: [1], size: 1 },
      'is a DT_UINT8 of shape [1]',
    ],
  ])('%s', (_, parts, as, refusal) => {
    const right = read(slicesOfFour([at(0, 2), at(2, 2)], {}))
    const found = read(slicesOfFour(parts, as))

    expect(right).toMatchObject({ shape: [4] })
    expect(found).toContain(`NOT_A_SAVED_MODEL: `)
    expect(found).toContain(refusal)
  })
})

/** A checkpoint of one text, whose checksums are as its bytes say. */
function textOf(bytes: readonly number[], lengthsCrc = crc32c(Uint8Array.of(1, 0, 0, 0))): Files {
  const sum = new ByteWriter().uint32(maskedCrc32c(lengthsCrc)).finish()
  const data = Uint8Array.of(1, ...sum, ...bytes)
  const crc = crc32c(data.subarray(1), crc32c(Uint8Array.of(1, 0, 0, 0)))
  const place = { dtype: 'DT_STRING', shape: [1], shardId: 0, offset: 0 } as const
  const value = writeEntry({ ...place, size: data.length, crc32c: maskedCrc32c(crc) })
  return {
    index: writeTable([
      { key: new Uint8Array(), value: writeHeader({ numShards: 1 }) },
      { key: Uint8Array.of(118), value },
    ]),
    shard: data,
  }
}

test.each<[string, Files, string]>([
  ['bytes behind them', textOf([97, 98]), 'v has bytes behind its texts'],
  ['fewer bytes than they have', textOf([]), 'v has longer texts than bytes'],
  ['other lengths', textOf([97], 7), 'the lengths of v do not have the checksum that is stored'],
])('texts with %s are refused, whatever the checksum of all', (_, files, refusal) => {
  expect(read(textOf([97]))).toMatchObject({ shape: [1] })
  expect(read(files)).toContain(`NOT_A_SAVED_MODEL: ${refusal}`)
})
