import { expect, test } from 'vitest'
import { mapBounded } from './bounded.ts'

test('results are in the order of the items, however they end, and no more are under way than the bound', async () => {
  const ends: (() => void)[] = []
  let most = 0
  let underWay = 0
  const mapped = mapBounded([1, 2, 3], 2, async (item) => {
    most = Math.max(most, ++underWay)
    await new Promise<void>((end) => ends.push(end))
    underWay--
    return item * 10
  })
  while (ends.length > 0) {
    ends.pop()?.()
    await new Promise<void>((end) => void setImmediate(end))
  }

  await expect(mapped).resolves.toEqual([10, 20, 30])
  expect(most).toBe(2)
})

test('after the first failure none is begun, and it is told when those under way have ended', async () => {
  const begun: number[] = []
  const ended: number[] = []
  const mapped = mapBounded([1, 2, 3], 2, async (item) => {
    begun.push(item)
    if (item === 1) throw new Error('the first one fails')
    await new Promise<void>((end) => void setImmediate(end))
    ended.push(item)
  })

  await expect(mapped).rejects.toThrow('the first one fails')
  expect([begun, ended]).toEqual([[1, 2], [2]])
})
