import { describe, expect, test, vi } from 'vitest'
import { Turns } from './turns.ts'

/** Longer than a stretch: so each of these takes all of a turn. */
const BUSY_MS = 3
const WAIT = { timeout: 30_000, interval: 5 }

const work = (): void => {
  const endMs = performance.now() + BUSY_MS
  while (performance.now() < endMs);
}

describe('turns', () => {
  test('are taken in the order of their coming, and whoever comes again is last', async () => {
    const turns = new Turns()
    const order: string[] = []
    const add = (name: string): void =>
      turns.wait(() => {
        order.push(name)
        work()
        if (name === 'a') add('a again')
      })
    for (const name of ['a', 'b', 'c']) add(name)

    await vi.waitUntil(() => order.length === 4, WAIT)

    expect(order).toEqual(['a', 'b', 'c', 'a again'])
    expect(turns.isFree).toBe(true)
  })

  test('are free until a stretch is over, and again in the next turn of the loop', async () => {
    const turns = new Turns()
    expect(turns.isFree).toBe(true)
    work()
    expect(turns.isFree).toBe(false)

    await new Promise((resolve) => setImmediate(resolve))

    expect(turns.isFree).toBe(true)
  })

  test('wait behind those that wait already', async () => {
    const turns = new Turns()
    let isDone = false
    turns.wait(() => {
      isDone = true
    })
    expect(turns.isFree).toBe(false)
    await vi.waitUntil(() => isDone, WAIT)
    expect(turns.isFree).toBe(true)
  })
})
