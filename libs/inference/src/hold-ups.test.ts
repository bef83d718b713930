import { expect, test } from 'vitest'
import { HoldUps } from './hold-ups.ts'

/** Two models with one request each. */
function startTwo(): HoldUps {
  const holdUps = new HoldUps()
  holdUps.enter(1)
  holdUps.enter(2)
  return holdUps
}

/** When a model is found that keeps another waiting with runs of this length, at this pace; Infinity if never. */
function foundAfterMs(runMs: number, everyMs: number): number {
  const holdUps = startTwo()
  for (let nowMs = 0; nowMs < 600_000; nowMs += everyMs)
    if (holdUps.charge(1, runMs, nowMs)) return nowMs
  return Infinity
}

test.each([
  ['one long run', 300, 10_000, 0],
  ['runs above 50 ms, one each second', 60, 1_000, 6_000],
  ['many middling runs', 10, 20, 600],
])('%s are too much', (_, runMs, everyMs, withinMs) => {
  expect(foundAfterMs(runMs, everyMs)).toBeLessThanOrEqual(withinMs)
})

test.each([
  ['short runs', 0.2, 20],
  ['a long run now and then', 200, 10_000],
])('%s are forgiven', (_, runMs, everyMs) => {
  expect(foundAfterMs(runMs, everyMs)).toBe(Infinity)
})

test('nobody is charged while no other model has requests', () => {
  const holdUps = startTwo()
  holdUps.enter(1)
  holdUps.leave(2)

  expect(holdUps.charge(1, 10_000, 0)).toBe(false)
  expect(holdUps.total).toBe(2)
})

test('what one model did is not charged to another', () => {
  const holdUps = startTwo()

  holdUps.charge(1, 200, 0)

  expect(holdUps.charge(2, 200, 0)).toBe(false)
  expect(holdUps.charge(1, 200, 0)).toBe(true)
})

test('a model that is forgiven begins anew', () => {
  const holdUps = startTwo()
  holdUps.charge(1, 200, 0)

  holdUps.forgive(1)

  expect(holdUps.charge(1, 200, 0)).toBe(false)
})
