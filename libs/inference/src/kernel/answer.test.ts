import type { Division } from '@drover/saved-model'
import { floatTensor, stringTensor } from '@drover/serving-api'
import { expect, test } from 'vitest'
import { Answer } from './answer.ts'

const MIB = 2 ** 20
const division: Division = {
  by: 'rows',
  sliced: [],
  whole: [],
  widths: { y: 8, label: 64 },
  partNs: 1,
  texts: 'moved',
}

test('parts are put where they belong, and what is the same for all is there once', () => {
  const asked = { parts: 3, shape: undefined, outputs: undefined }
  const answer = new Answer(division, asked)
  const z = floatTensor([7])

  answer.add({ y: floatTensor([1, 2, 3, 4], [2, 2]), label: stringTensor(['a', 'b']), z }, 0)
  answer.add({ y: floatTensor([5, 6], [1, 2]), label: stringTensor(['c']), z }, 2)
  answer.close()

  expect(answer.tensors).toEqual({
    y: floatTensor([1, 2, 3, 4, 5, 6], [3, 2]),
    label: stringTensor(['a', 'b', 'c']),
    z,
  })
})

test('elements are put into the shape that was asked', () => {
  const answer = new Answer(division, { parts: 2, shape: [1, 2], outputs: ['y'] })

  answer.add({ y: floatTensor([1]) }, 0)
  answer.add({ y: floatTensor([2]) }, 1)
  answer.close()

  expect(answer.tensors).toEqual({ y: floatTensor([1, 2], [1, 2]) })
})

test('one is bounded by what is wanted of it', () => {
  const parts = 3 * MIB
  const make = (outputs?: string[]) => new Answer(division, { parts, shape: undefined, outputs })

  expect(() => make()).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }))
  make(['y']).close()
})

test('texts count by their lengths as well', () => {
  const answer = new Answer(division, { parts: 2, shape: undefined, outputs: undefined })
  const label = { dtype: 'DT_STRING', shape: [1], values: [new Uint8Array(70 * MIB)] } as const

  const add = (from: number) => answer.add({ label: { ...label, values: [...label.values] } }, from)

  add(0)
  expect(() => add(1)).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }))
  answer.close()
})

test('all of them together are bounded until they are closed', () => {
  const make = () => new Answer(division, { parts: 16 * MIB, shape: undefined, outputs: ['y'] })
  const open = [make(), make(), make(), make()]

  expect(make).toThrow(expect.objectContaining({ code: 'UNAVAILABLE' }))
  for (const answer of open) answer.close()
  make().close()
})
