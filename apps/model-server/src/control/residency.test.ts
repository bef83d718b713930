import { expect, test, vi } from 'vitest'
import { Residency, type Resident } from './residency.ts'

const resident = (more: Partial<Resident> & { sinceMs: number }): Resident => ({
  bytes: 1,
  usedMs: () => 0,
  mayLeave: () => true,
  leave: async () => {},
  ...more,
})

/** Residents of one byte each, by the times of their last uses. */
function startResidency(bytesMax: number, usedMs: number[], { busy = [] as number[] } = {}) {
  const left: number[] = []
  let nowMs = 10_000
  const residency = new Residency({
    bytesMax,
    limits: { residentMsMin: 1_000, evictionLoadShareMax: 0.5, evictionLoadMsMax: 5_000 },
    now: () => nowMs,
  })
  for (const [index, at] of usedMs.entries()) {
    const one = resident({
      sinceMs: 0,
      usedMs: () => at,
      mayLeave: () => !busy.includes(index),
      leave: async () => {
        await Promise.resolve()
        left.push(index)
      },
    })
    residency.insist(1).settle(one)
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
  const grown = resident({ sinceMs: 9_000 })
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

  await expect(residency.make(1)).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: expect.stringContaining('were loaded or asked a moment ago'),
    retryAfterS: 1,
  })
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

test('hundreds may leave in a second for loads that are quick', async () => {
  const { residency, left, wait } = startResidency(300, Array<number>(300).fill(1))

  for (let count = 0; count < 300; count++) {
    const room = await residency.make(1)
    wait(1)
    room.settle(resident({ sinceMs: 11_000 }))
  }

  expect(left).toHaveLength(300)
  expect(residency).toMatchObject({ evictions: 300, refusals: 0 })
})

test('slow loads for which others leave do not follow each other for ever', async () => {
  const { residency, left, wait } = startResidency(8, [1, 2, 3, 4, 5, 6, 7, 8])
  const load = async (): Promise<void> => {
    const room = await residency.make(1)
    wait(4_000)
    room.settle(resident({ sinceMs: 60_000 }))
  }
  for (let count = 0; count < 3; count++) await load()

  await expect(load()).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: expect.stringContaining('too much time goes into loading'),
    retryAfterS: 2,
  })
  expect(left).toEqual([0, 1, 2])
  expect(residency).toMatchObject({ evictions: 3, refusals: 1 })

  wait(2_000)
  await load()
  expect(left).toEqual([0, 1, 2, 3])
})

test('loads that find room without anybody leaving are never too many', async () => {
  const { residency, wait } = startResidency(100, [1])

  for (let count = 0; count < 50; count++) {
    const room = await residency.make(1)
    wait(4_000)
    room.settle(resident({ sinceMs: 1 }))
  }

  expect(residency).toMatchObject({ bytes: 51, evictions: 0 })
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
