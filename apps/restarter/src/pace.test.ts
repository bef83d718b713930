import { expect, test } from 'vitest'
import { makePace } from './pace.ts'

/** Asks for things in turn, 100 ms apart; says when each was done. */
async function playOut(asked: (at: number) => string | undefined, ms: number, isDone = true) {
  let time = 0
  const done: [at: number, what: string][] = []
  const pace = makePace(() => time)
  for (; time < ms; time += 100) {
    const what = asked(time)
    if (what === undefined) continue
    await pace.once(what, async () => {
      done.push([time, what])
      return isDone
    })
  }
  return done
}

test('the same is done again after pauses that grow', async () => {
  const done = await playOut(() => 'patch', 300_000)

  expect(done.map(([at]) => at / 1_000)).toEqual([0, 1, 3, 7, 15, 31, 63, 123, 183, 243])
})

test('something else is done at once', async () => {
  const done = await playOut((at) => (at === 0 ? 'first' : 'second'), 1_000)

  expect(done).toEqual([
    [0, 'first'],
    [100, 'second'],
  ])
})

test('what came too late to be done may be done at once', async () => {
  expect(await playOut(() => 'patch', 500, false)).toHaveLength(5)
})

test.each([
  [
    'after nine minutes in which nobody asked for it, the pause is as long as it was',
    640_000,
    [640],
  ],
  ['after ten it is as if it were the first time', 700_000, [700, 701, 703]],
])('%s', async (_name, againAt, expected) => {
  const isAsked = (at: number) => at < 100_000 || at >= againAt
  const done = await playOut((at) => (isAsked(at) ? 'patch' : undefined), againAt + 5_000)

  expect(done.map(([at]) => at / 1_000).filter((at) => at > 100)).toEqual(expected)
})
