import { expect, test, vi } from 'vitest'
import { Residency, type Resident } from './residency.ts'

/** Residents of one byte each, by the times of their last uses. */
function startResidency(bytesMax: number, usedMs: number[], { busy = [] as number[] } = {}) {
  const left: number[] = []
  let nowMs = 10_000
  const residency = new Residency({
    bytesMax,
    limits: { residentMsMin: 1_000, evictionsPerSecondMax: 3 },
    now: () => nowMs,
  })
  for (const [index, at] of usedMs.entries()) {
    const resident: Resident = {
      bytes: 1,
      sinceMs: 0,
      usedMs: () => at,
      mayLeave: () => !busy.includes(index),
      leave: async () => {
        await Promise.resolve()
        left.push(index)
      },
    }
    residency.insist(1).settle(resident)
  }
  return { residency, left, wait: (ms: number) => (nowMs += ms) }
}

test('those leave that were used least recently, as many as it takes', async () => {
  const { residency, left } = startResidency(4, [4_000, 1_000, 3_000, 2_000])

  const room = await residency.make(2)

  expect(left).toEqual([1, 3])
  expect(residency.bytes).toBe(4)
  room.free()
  room.free()
  expect(residency.bytes).toBe(2)
})

test('one that grows makes others leave, and counts as what it is', async () => {
  const grown: Resident = {
    bytes: 1,
    sinceMs: 0,
    usedMs: () => 9_000,
    mayLeave: () => true,
    leave: async () => {},
  }
  const { residency, left } = startResidency(4, [4_000, 1_000])
  residency.insist(1).settle(grown)

  residency.resize(grown, 3)
  await vi.waitUntil(() => residency.bytes === 4)

  expect(left).toEqual([1])
  residency.remove(grown)
  expect(residency.bytes).toBe(1)
})

test('nobody leaves where there is room', async () => {
  const { residency, left } = startResidency(4, [1_000, 2_000, 3_000])

  expect(residency.fit(2)).toBeUndefined()
  await residency.make(1)

  expect(left).toEqual([])
})

test('those in use do not leave, and whoever asks is told when to ask again', async () => {
  const { residency, left, wait } = startResidency(2, [9_600, 9_500])

  await expect(residency.make(1)).rejects.toMatchObject({ code: 'UNAVAILABLE', retryAfterS: 1 })
  expect(residency.bytes).toBe(2)
  wait(500)
  await residency.make(1)

  expect(left).toEqual([1])
})

test('one that cannot leave is left out, and is never counted twice', async () => {
  const { residency, left } = startResidency(3, [1_000, 2_000, 3_000], { busy: [0] })

  await expect(residency.make(3)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  await residency.make(2)

  expect(left).toEqual([1, 2])
})

test('no more leave in a second than may', async () => {
  const { residency, left, wait } = startResidency(4, [1, 2, 3, 4])
  for (let count = 0; count < 3; count++) await residency.make(1)

  await expect(residency.make(1)).rejects.toMatchObject({ code: 'UNAVAILABLE', retryAfterS: 1 })
  expect(left).toEqual([0, 1, 2])

  wait(1_000)
  await residency.make(1)
  expect(left).toEqual([0, 1, 2, 3])
})

test('what is over the limit after a swap leaves, in use or not', async () => {
  const { residency, left } = startResidency(2, [10_000, 9_000, 9_999])
  expect(residency.isOver).toBe(true)

  const trimming = residency.trim()
  expect(residency.isOver).toBe(false)
  await trimming

  expect(left).toEqual([1])
  expect(residency.bytes).toBe(2)
})

test('what can never fit is refused as such', async () => {
  const { residency } = startResidency(2, [1, 2])

  await expect(residency.make(3)).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' })
})
