import { expect, test } from 'vitest'
import { Tally } from './tally.ts'

test('a version that may answer is counted as right', async () => {
  const tally = new Tally()
  tally.bound('a.b', { floor: 2, ceiling: 3 })

  await tally.count('rest', 'a.b', async (x) => x + 3)

  expect(tally.tell()).toMatchObject({ right: { rest: 1 }, failed: 0, failures: [] })
})

test.each([
  ['an older version', async (x: number) => x + 1, /version 1 answers, and not 2 to 3/],
  ['a version that nobody published', async (x: number) => x + 4, /version 4 answers, and/],
  ['a wrong answer', async (x: number) => x + 2.5, /version 2.5 answers, and/],
  ['no answer', async () => await Promise.reject(new Error('ECONNRESET')), /ECONNRESET/],
])('%s is counted as a failure, and which', async (_name, ask, what) => {
  const tally = new Tally()
  tally.bound('a.b', { floor: 2, ceiling: 3 })

  await tally.count('rest', 'a.b', ask)

  const { right, failed, failures } = tally.tell()
  expect({ right, failed }).toEqual({ right: {}, failed: 1 })
  expect(failures).toMatchObject([{ kind: 'rest', model: 'a.b' }])
  expect(failures[0]?.what).toMatch(what)
})

test('a version that is confirmed while a request is under way may come too late for it', async () => {
  const tally = new Tally()
  tally.bound('a.b', { floor: 2, ceiling: 3 })

  await tally.count('rest', 'a.b', async (x) => {
    tally.bound('a.b', { floor: 3, ceiling: 3 })
    return x + 2
  })

  expect(tally.tell()).toMatchObject({ right: { rest: 1 }, failed: 0 })
})
