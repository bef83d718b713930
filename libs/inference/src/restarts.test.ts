import { expect, test } from 'vitest'
import { failuresAfter, restartDelayMs } from './restarts.ts'

test('what keeps ending is started again later each time, but after half a minute at most', () => {
  const delays = [1, 2, 3, 9, 10, 2_000].map(restartDelayMs)

  expect(delays).toEqual([100, 200, 400, 25_600, 30_000, 30_000])
})

test('an end after a long life counts as the first', () => {
  expect([0, 60_000, 60_001].map((livedMs) => failuresAfter(4, livedMs))).toEqual([5, 5, 1])
})
