import { expect, test } from 'vitest'
import { Tally } from './tally.ts'

test.each([
  ['a version that may answer', async (x: number) => x + 3, undefined],
  ['an older version', async (x: number) => x + 1, 'version 1 answers, and not 2 to 3'],
  ['a version that nobody published', async (x: number) => x + 4, 'version 4 answers, and'],
  ['a wrong answer', async (x: number) => x + 2.5, 'version 2.5 answers, and'],
  ['no answer', async () => await Promise.reject(new Error('ECONNRESET')), 'ECONNRESET'],
])('%s is counted as what it is', async (_name, ask, what) => {
  const tally = new Tally()
  tally.bound('a.b', { floor: 2, ceiling: 3 })

  await tally.count('rest', 'a.b', ask)

  const { right, failed, failures } = tally.tell()
  expect(failures).toMatchObject(
    what === undefined ? [] : [{ kind: 'rest', model: 'a.b', what: expect.stringContaining(what) }],
  )
  expect({ right, failed }).toEqual(
    what === undefined ? { right: { rest: 1 }, failed: 0 } : { right: {}, failed: 1 },
  )
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
