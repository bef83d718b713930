import { describe, expect, test } from 'vitest'
import { type Pieces, runInStretches } from './stretches.ts'

/** Longer than a stretch may be. */
const LONG_MS = 3

/** Work of so many pieces, each of which takes its time; one of them may fail. */
function startWork(count: number, { pieceMs = 0, failing = Infinity } = {}) {
  const seen = { done: 0, closed: 0 }
  const pieces: Pieces<number> = {
    get isDone() {
      return seen.done === count
    },
    work() {
      const end = performance.now() + pieceMs
      while (performance.now() < end);
      if (++seen.done === failing) throw new Error('it fails')
    },
    finish: () => seen.done,
    close: () => void seen.closed++,
  }
  return { seen, run: (deadlineMs = Infinity) => runInStretches(pieces, deadlineMs) }
}

test('what takes one stretch is done at once, and waits while others do', async () => {
  const [long, short, alone] = [startWork(3, { pieceMs: LONG_MS }), startWork(3), startWork(3)]
  const waiting = long.run()

  const behind = short.run()

  expect(behind).toBeInstanceOf(Promise)
  expect(await Promise.all([waiting, behind])).toEqual([3, 3])
  expect(alone.run()).toBe(3)
})

describe('it is closed once', () => {
  test.each([
    ['when it is done at once', startWork(3), Infinity, undefined],
    ['when it is done later', startWork(3, { pieceMs: LONG_MS }), Infinity, undefined],
    ['when it fails at once', startWork(3, { failing: 1 }), Infinity, 'it fails'],
    ['when it fails later', startWork(3, { pieceMs: LONG_MS, failing: 3 }), Infinity, 'it fails'],
    ['when there is no time for it', startWork(3), 0, 'it took too long'],
  ])('%s', async (_, work, deadlineMs, message) => {
    const failure = await (async () => await work.run(deadlineMs))().then(
      () => undefined,
      (error: Error) => error.message,
    )

    expect([failure, work.seen.closed]).toEqual([message, 1])
  })

  test('when its time is over between two pieces', async () => {
    const work = startWork(1_000, { pieceMs: LONG_MS })

    const answer = async () => await work.run(performance.now() + 2 * LONG_MS)

    await expect(answer()).rejects.toMatchObject({ code: 'TIMEOUT' })
    expect(work.seen.closed).toBe(1)
    expect(work.seen.done).toBeLessThan(1_000)
  })
})
