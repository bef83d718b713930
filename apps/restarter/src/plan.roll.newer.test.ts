// A roll while a newer candidate, perhaps the remedy, waits; and an undo that is open.

import { describe, expect, test } from 'vitest'
import type { Observed } from './observed.ts'
import { plan } from './plan.ts'
import { config, lineOf, NOW } from './test-support/observed.ts'
import { byRoll, fleet, held, made, moving, pair, previous, rolling } from './test-support/roll.ts'

type Row = [name: string, seen: Observed, line: string]

const MINUTE_MS = 60_000
const newer = { candidate: config(6) }
const there = { pair: pair(5), status: moving }
const wrongImage = { trouble: { message: 'ErrImagePull', mayPass: false } }
const noRoom = { trouble: { message: 'Unschedulable', mayPass: true } }
const byHand = { pair: pair(3), manager: 'kubectl' }
const byTool = { pair: pair(3), manager: 'argocd-controller' }

describe('a roll that a newer candidate waits for', () => {
  const away = { deployment: { kind: 'away', why: 'refused' } as const }

  test.each<Row>([
    [
      'goes back when its pods have trouble that stays',
      byRoll({ ...made, ...newer }, fleet(4), { ...there, ...wrongImage }, since(61_000)),
      'back back 5 [] 5/0 to 4/0',
    ],
    [
      'goes on while pods were replaced a minute ago',
      byRoll({ ...made, ...newer }, fleet(4), { ...there, ...wrongImage }, since(59_000)),
      'nothing',
    ],
    [
      'waits for what may pass',
      byRoll({ ...made, ...newer }, fleet(4), { ...there, ...noRoom }, since(14 * MINUTE_MS)),
      'nothing',
    ],
    [
      'but not for ever',
      byRoll({ ...made, ...newer }, fleet(4), { ...there, ...noRoom }, since(16 * MINUTE_MS)),
      'back back 5 [] 5/0 to 4/0',
    ],
    [
      'is not ended by one overwrite of its pair, however long it has run',
      byRoll({ ...made, ...newer }, fleet(4), { pair: {}, manager: 'helm' }, unmet(1_000)),
      'patch 5/0 at version 7',
    ],
    [
      'goes back when the pair does not stay there',
      byRoll({ ...made, ...newer }, fleet(4), { pair: {}, manager: 'helm' }, unmet(61_000)),
      'back back 5 [] 5/0 to 4/0',
    ],
    [
      'goes on while it is there',
      byRoll({ ...made, ...newer }, fleet(4), there, unmet(61_000)),
      'nothing',
    ],
    [
      'waits for an API server that both need',
      byRoll({ ...made, ...newer }, fleet(4), {}, { ...away, unmetSince: NOW - 61_000 }),
      'nothing',
    ],
  ])('%s', (_name, seen, line) => {
    expect(lineOf(plan(seen))).toBe(line)
  })
})

describe('an undo that is open', () => {
  const undo = { undo: { ...config(2), by: 'person', asked: 19 } }

  test.each<Row>([
    [
      'comes before the candidate that does not hold it',
      byRoll({ ...newer, previous, ...undo }, fleet(4)),
      'nothing',
    ],
    [
      'comes before one by reload as well',
      byRoll({ ...newer, previous, ...undo }, fleet(4), {}, { delivery: 'reload' }),
      'nothing',
    ],
    [
      'is replaced by a person in a roll',
      byRoll({ ...made, previous, ...undo }, fleet(4), byHand),
      'reject deadline 5 back 5 [] 3/0 to 3/0 undo 3 by kubectl',
    ],
    [
      'is not replaced by a tool in a roll',
      byRoll({ ...made, previous, ...undo }, fleet(4), byTool),
      'reject deadline 5 back 5 [] 3/0 to 3/0',
    ],
    [
      'nor with none running',
      byRoll({ candidate: config(4), previous, ...undo }, fleet(4), byTool),
      'template left 3/0',
    ],
  ])('%s', (_name, seen, line) => {
    expect(lineOf(plan(seen))).toBe(line)
  })

  test('is none any more when its roll is undone in turn', () => {
    const bringsUndo = { rollout: rolling(4, 25, true), candidate: config(25), previous, ...undo }

    expect(lineOf(plan(byRoll(bringsUndo, fleet(4), { manager: 'kubectl' })))).toBe(
      'reject deadline 25 back 25 [] 4/0 to 4/0 undo 4 by kubectl',
    )
  })
})

describe('a pair that was not seen yet', () => {
  test.each<Row>([
    [
      'was not undone where somebody changed the image as well',
      byRoll(held, fleet(4), { manager: 'kubectl', templateSha: 'f'.repeat(64) }),
      'patch 5/0 at version 7',
    ],
    [
      'was not undone where another config is named than before',
      byRoll({ ...held, previous }, fleet(4), byHand),
      'patch 5/0 at version 7',
    ],
  ])('%s', (_name, seen, line) => {
    expect(lineOf(plan(seen))).toBe(line)
  })
})

test('what a person left in a roll is theirs, and is not patched again', () => {
  expect(plan(byRoll(made, fleet(4), { manager: 'kubectl' }))).toMatchObject({
    change: { rollout: { step: { kind: 'back', template: { to: pair(4), seen: true } } } },
  })
})

/** Since when no pod was replaced, in a roll that runs for an hour. */
function since(ms: number): Partial<Observed> {
  return { stepSince: NOW - 60 * MINUTE_MS, progressSince: NOW - ms }
}

/** Since when the pair was not kept. */
function unmet(ms: number): Partial<Observed> {
  return { stepSince: NOW - 60 * MINUTE_MS, unmetSince: NOW - ms }
}
