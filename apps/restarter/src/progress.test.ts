import { expect, test } from 'vitest'
import type { DeploymentView } from './observed.ts'
import { type Progress, progressAfter, progressOf } from './progress.ts'
import { deployment, rollout } from './test-support/observed.ts'
import { made, pair } from './test-support/roll.ts'

test.each([
  ['nothing is new', { replicas: 4, updated: 0, available: 4, existing: 4 }, 4],
  ['one was made beyond the number', { replicas: 4, updated: 1, available: 4, existing: 5 }, 4],
  ['it got ready', { replicas: 4, updated: 1, available: 5, existing: 5 }, 4],
  ['an old one ended for it', { replicas: 4, updated: 1, available: 4, existing: 4 }, 5],
  ['one was taken away first', { replicas: 4, updated: 1, available: 3, existing: 4 }, 4],
  ['all are new', { replicas: 4, updated: 4, available: 4, existing: 4 }, 8],
])('progress where %s', (_name, pods, progress) => {
  expect(progressOf(pods)).toBe(progress)
})

/** When a roll to the pair of config 5 came further, with one look in each millisecond. */
function playOut(looks: readonly Partial<Extract<DeploymentView, { kind: 'seen' }>>[]): Progress[] {
  const all: Progress[] = []
  for (const [now, look] of looks.entries()) {
    const view = deployment(pair(5), look)
    all.push(progressAfter(all.at(-1), made.rollout, { deployment: view, now }))
  }
  return all
}

const sincesOf = (looks: Parameters<typeof playOut>[0]) =>
  playOut(looks).map(({ progressSince }) => progressSince)

test('what comes and goes is no progress', () => {
  const looks = [1, 2, 1, 2, 3, 2, 3, 4].map((progress) => ({ progress }))

  expect(sincesOf(looks)).toEqual([0, 1, 1, 1, 4, 4, 4, 7])
})

test('a fleet that is made smaller begins anew, and goes on from where it was when it grows again', () => {
  const many = { replicas: 40 }
  const few = { replicas: 20 }

  expect(
    sincesOf([
      { ...many, progress: 70 },
      { ...few, progress: 25 },
      { ...few, progress: 26 },
      { ...many, progress: 60 },
      { ...many, progress: 71 },
    ]),
  ).toEqual([0, 1, 2, 2, 4])
})

test('pods that are replaced while the fleet grows and grows are progress', () => {
  const looks = Array.from({ length: 60 }, (_, at) => ({
    replicas: 20 + Math.floor(at / 3),
    progress: 20 + at,
  }))

  expect(sincesOf(looks).at(-1)).toBe(59)
})

test('another image begins anew', () => {
  const other = { templateSha: 'f'.repeat(64) }

  expect(sincesOf([{ progress: 70 }, { ...other, progress: 40 }])).toEqual([0, 1])
})

test('a fleet whose size never stands still has an end too', () => {
  const sinces = sincesOf(
    Array.from({ length: 500 }, (_, at) => ({ replicas: at + 1, progress: 1 })),
  )

  expect(sinces.at(-1)).toBe(4)
})

test('another pair is no progress', () => {
  const looks = [
    { progress: 1 },
    { pair: pair(4), progress: 9 },
    { pair: pair(4), progress: 9 },
    { progress: 2 },
  ]

  expect(sincesOf(looks)).toEqual([0, 0, 0, 3])
})

test('a pair that is taken away as soon as it is there was not kept', () => {
  let progress: Progress | undefined
  const unmet = [0, 1, 2, 20, 25, 60, 80, 89, 90, 95].map((seconds) => {
    const isThere = seconds === 2 || seconds >= 60
    const view = deployment(isThere && seconds !== 95 ? pair(5) : {})
    progress = progressAfter(progress, made.rollout, { deployment: view, now: seconds * 1_000 })
    return progress.unmetSince
  })

  expect(unmet).toEqual([0, 0, 0, 0, 0, 0, 0, 0, undefined, 95_000])
})

test.each<DeploymentView>([{ kind: 'none' }, { kind: 'away', why: 'refused' }])(
  'a Deployment that cannot be seen does not have the pair: %o',
  (view) => {
    const first = progressAfter(undefined, made.rollout, { deployment: view, now: 7 })

    expect(first).toMatchObject({ progressSince: 7, unmetSince: 7 })
    expect(progressAfter(first, made.rollout, { deployment: view, now: 9 })).toEqual(first)
  },
)

test('a step without a pod template waits for none', () => {
  const seen = { deployment: deployment(pair(5)), now: 7 }

  expect(progressAfter(undefined, rollout(5, 'apply', ['a']), seen).furthest.size).toBe(0)
})
