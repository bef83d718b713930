import { floatTensor, type Tensor } from '@drover/serving-api'
import { expect, test } from 'vitest'
import { openBundle } from './bundle.ts'
import { shardsInMemory } from './shards.ts'
import { writeBundle } from './write-bundle.ts'

test('numbers that stand there twice are one tensor, and a damaged copy is refused', () => {
  const [ones, twos] = [floatTensor([1, 1]), floatTensor([2, 2])]
  const { index, data } = writeBundle(new Map(Object.entries({ ones, same: ones, twos })))
  const damaged = data.slice()
  damaged[8] = 0xff
  const [bundle, other] = [data, damaged].map((bytes) =>
    openBundle(
      index,
      shardsInMemory(() => bytes),
    ),
  )

  expect(bundle?.tensor('same')).toBe(bundle?.tensor('ones'))
  expect(bundle?.tensor('twos')).toEqual(twos)
  expect(other?.tensor('ones')).toEqual(ones)
  expect(() => other?.tensor('same')).toThrow(/same.* does not have the checksum/)
})

test('of a shard that is large beside it a tensor keeps nothing, and of another one no copy is made', () => {
  const [small, large] = [floatTensor([1]), floatTensor([2, 3, 4, 5, 6, 7])]
  const { index, data } = writeBundle(new Map(Object.entries({ small, large })))
  const bundle = openBundle(
    index,
    shardsInMemory(() => data),
  )

  const read = ['small', 'large'].map((key) => bundle.tensor(key))

  expect(read).toEqual([small, large])
  const isView = ({ values }: Tensor) => ArrayBuffer.isView(values) && values.buffer === data.buffer
  expect(read.map(isView)).toEqual([false, true])
})
