import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Pending } from './pending.ts'

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
})

const never = new Promise<string>(() => undefined)

test('whichever comes first counts, and once', async () => {
  const pending = new Pending(100)
  const settled: string[] = []
  const late = new Promise<string>((resolve) => {
    setTimeout(() => resolve('late'), 150)
  })

  pending.wait(
    Promise.resolve('early'),
    (text) => settled.push(text),
    () => 'expired early',
  )
  pending.wait(
    late,
    (text) => settled.push(text),
    () => 'expired late',
  )
  await vi.advanceTimersByTimeAsync(200)

  expect(settled).toEqual(['early', 'expired late'])
})

test('each falls due after its own time, with one timer for all', async () => {
  const pending = new Pending(100)
  const settled: number[] = []
  const first = performance.now()
  for (let index = 0; index < 3; index++) {
    pending.wait(
      never,
      () => settled.push(performance.now()),
      () => '',
    )
    await vi.advanceTimersByTimeAsync(10)
  }

  expect(vi.getTimerCount()).toBe(1)
  await vi.advanceTimersByTimeAsync(1_000)

  expect(settled.map((ms) => ms - first)).toEqual([100, 110, 120])
  expect(vi.getTimerCount()).toBe(0)
})
