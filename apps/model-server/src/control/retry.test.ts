import { expect, test } from 'vitest'
import { retryDelayMs } from './retry.ts'

test('the first tries keep their pace, the others fall back, up to a limit', () => {
  const policy = { retries: 2, retryMs: 100, retryMsMax: 10_000 }

  const delays = [1, 2, 3, 4, 5, 6, 7, 1_000_000].map((failures) => retryDelayMs(failures, policy))

  expect(delays).toEqual([100, 100, 2_000, 4_000, 8_000, 10_000, 10_000, 10_000])
})

test('without a pace the first tries follow at once', () => {
  const policy = { retries: 1, retryMs: 0, retryMsMax: 10_000 }

  expect([1, 2].map((failures) => retryDelayMs(failures, policy))).toEqual([0, 2_000])
})
