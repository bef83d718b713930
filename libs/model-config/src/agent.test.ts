import { expect, test } from 'vitest'
import {
  ANSWER_BYTES_MAX,
  ApplyAnswer,
  DRIFTING_MAX,
  FAILED_MAX,
  ServerState,
  tellDrifting,
  tellFailures,
} from './agent.ts'
import { sha256 } from './canonical.ts'
import type { Culprit } from './channel.ts'

const MODELS = 3_000
/** The character that takes the most room in JSON: six bytes. */
const WIDE = '\u0001'
const part = (at: number) => `${at}`.padStart(63, 'x')
const nameOf = (at: number) => `${part(at)}.${part(at)}`

const culpritOf = (at: number): Culprit => ({
  name: nameOf(at),
  version: Number.MAX_SAFE_INTEGER - at,
  digest: sha256(`${at}`),
  reason: WIDE.repeat(1_024),
})

const ref = { sha: sha256('config'), seq: Number.MAX_SAFE_INTEGER }
const culprits = Array.from({ length: MODELS }, (_, at) => culpritOf(at))
const names = Array.from({ length: MODELS }, (_, at) => nameOf(at))

/** A server with every model failing and drifting, and with everything else as long as it may be. */
const full: ServerState = {
  format: 1,
  server: WIDE.repeat(1_024),
  ready: false,
  stopping: true,
  why: WIDE.repeat(1_024),
  config: ref,
  applying: ref,
  fence: Number.MAX_SAFE_INTEGER,
  models: Number.MAX_SAFE_INTEGER,
  ...tellFailures(culprits),
  ...tellDrifting(names),
  impaired: WIDE.repeat(1_024),
  endedUnder: ref,
  startedAt: '2026-01-02T00:00:00.000Z',
  servingSince: '2026-01-02T00:00:00.000Z',
  recycles: Number.MAX_SAFE_INTEGER,
  canRecycle: false,
  residentBytes: Number.MAX_SAFE_INTEGER,
  restUrl: WIDE.repeat(1_024),
}

test('a state at all its limits is read, and is far smaller than what is read', () => {
  const text = JSON.stringify(full)

  expect(ServerState.parse(JSON.parse(text))).toEqual(full)
  expect(Buffer.byteLength(text)).toBeLessThan(ANSWER_BYTES_MAX / 2)
})

test('so is the answer to an apply in which everything fails', () => {
  const answer = { ...ref, applied: 0, ...tellFailures(culprits) }
  const text = JSON.stringify(answer)

  expect(ApplyAnswer.parse(JSON.parse(text))).toEqual(answer)
  expect(Buffer.byteLength(text)).toBeLessThan(ANSWER_BYTES_MAX / 2)
})

test('what is not named is counted', () => {
  expect(full.failed).toHaveLength(FAILED_MAX)
  expect(full.failedMore).toBe(MODELS - FAILED_MAX)
  expect(full.drifting).toHaveLength(DRIFTING_MAX)
  expect(full.driftingMore).toBe(MODELS - DRIFTING_MAX)
  expect(tellFailures(culprits.slice(0, FAILED_MAX))).not.toHaveProperty('failedMore')
  expect(tellDrifting(names.slice(0, DRIFTING_MAX))).not.toHaveProperty('driftingMore')
  expect(tellFailures(culprits.slice(0, 1)).failed).toEqual([
    { ...culpritOf(0), reason: WIDE.repeat(200) },
  ])
})

test('a state with more than its limits is none, but a long reason of an older agent is only cut', () => {
  const [culprit = culpritOf(0)] = culprits
  const withFailed = (failed: Culprit[]) => ServerState.safeParse({ ...full, failed })

  expect(withFailed(culprits.slice(0, FAILED_MAX + 1)).success).toBe(false)
  expect(ServerState.safeParse({ ...full, drifting: names }).success).toBe(false)
  expect(withFailed([culprit]).data?.failed).toEqual(tellFailures([culprit]).failed)
})
