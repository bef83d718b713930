// What a roll and going back from one make of other people's hands.

import type { Rollout } from '@drover/model-config'
import { describe, expect, test } from 'vitest'
import type { Observed } from './observed.ts'
import { plan } from './plan.ts'
import { AT, config, lineOf, NOW, rollout, TEMPLATE_SHA } from './test-support/observed.ts'
import { byRoll, fleet, moving, pair, rolling } from './test-support/roll.ts'

type Row = [name: string, seen: Observed, line: string]

const HOUR_MS = 3_600_000
const byHand = { manager: 'kubectl-rollout' }
const previous = [
  { ...config(3), at: AT },
  { ...config(2), at: AT },
]
const wish = { count: 2, at: '2026-01-01T23:00:00.000Z', why: 'new node' }
const wished: Rollout = {
  ...rollout(4, 'roll', []),
  step: {
    kind: 'roll',
    servers: [],
    template: { from: pair(4), to: pair(4, 2), sha: TEMPLATE_SHA, seen: true },
  },
}
const settled = { candidate: config(4), previous }
const held = { rollout: rolling(4, 5) }
const made = { rollout: rolling(4, 5, true) }
const late = { progressSince: NOW - 2 * HOUR_MS }
const undone = (by: string, at: string) => ({ undoneByHand: { ...config(3), by, at } })

describe('a person', () => {
  test.each<Row>([
    [
      'who undoes a roll for a wish to an older config is obeyed',
      byRoll({ ...settled, rollout: wished, restart: wish }, fleet(4), {
        ...byHand,
        pair: pair(3),
      }),
      'back back 4 [] 3/0 to 3/0 undo 3 by kubectl-rollout',
    ],
    [
      'who undoes it after the patch, before that was noted, is obeyed',
      byRoll({ ...held, previous }, fleet(4), byHand),
      'reject deadline 5 back 5 [] 4/0 to 4/0 undo 4 by kubectl-rollout',
    ],
    [
      'who wrote the annotation before the roll began undid nothing',
      byRoll(
        {
          rollout: {
            ...held.rollout,
            step: {
              kind: 'roll',
              servers: [],
              template: {
                ...byHand,
                from: pair(4),
                to: pair(5),
                sha: TEMPLATE_SHA,
                seen: false,
              },
            },
          },
        },
        fleet(4),
        byHand,
      ),
      'patch 5/0 at version 7',
    ],
    [
      'who undoes a roll leaves the rollback that another asked for as it is',
      byRoll(
        { ...made, previous, undo: { ...config(2), by: 'person', asked: 19 } },
        fleet(4),
        byHand,
      ),
      'reject deadline 5 back 5 [] 4/0 to 4/0',
    ],
    [
      'who changes the count of wishes alone does not take the config back',
      byRoll(made, fleet(4), { pair: pair(5, 7), manager: 'kubectl' }),
      'patch 5/0 at version 7',
    ],
    [
      'who goes back to what is live under an older seq asks for nothing',
      byRoll(
        { candidate: config(4), previous: [{ sha: config(4).sha, seq: 2, at: AT }] },
        fleet(4),
        { ...byHand, pair: { ...pair(4), config: `2-${config(4).sha}` } },
      ),
      'template left 2/0',
    ],
    [
      'who pauses a roll for long keeps the pods from a config, and says nothing against it',
      byRoll(made, fleet(4), { pair: pair(5), status: { state: 'paused', message: '' } }, late),
      'back back 5 [] 5/0 to 4/0',
    ],
    [
      'who wants no pods neither',
      byRoll(made, fleet(4), { pair: pair(5), status: { state: 'empty', message: '' } }, late),
      'back back 5 [] 5/0 to 4/0',
    ],
    [
      'who asks for the same again within a day is a tool',
      byRoll({ ...settled, ...undone('kubectl-rollout', '2026-01-01T01:00:00.000Z') }, fleet(4), {
        ...byHand,
        pair: pair(3),
      }),
      'template left 3/0',
    ],
    [
      'who asks for it on another day is none',
      byRoll({ ...settled, ...undone('kubectl-rollout', '2025-12-31T23:00:00.000Z') }, fleet(4), {
        ...byHand,
        pair: pair(3),
      }),
      'undo left 3/0 undo 3 by kubectl-rollout',
    ],
    [
      'who asks for what a tool has asked for is obeyed',
      byRoll({ ...settled, ...undone('argocd', '2026-01-01T23:00:00.000Z') }, fleet(4), {
        ...byHand,
        pair: pair(3),
      }),
      'undo left 3/0 undo 3 by kubectl-rollout',
    ],
  ])('%s', (_name, seen, line) => {
    expect(lineOf(plan(seen))).toBe(line)
  })

  test('has a name that is cut where it is long', () => {
    const manager = 'm'.repeat(1_000)

    expect(plan(byRoll(settled, fleet(4), { manager, pair: pair(3) }))).toMatchObject({
      change: { undo: { by: 'm'.repeat(200) }, undoneByHand: { by: 'm'.repeat(200) } },
    })
  })
})

describe('an annotation that is not live', () => {
  const foreign = { ...byHand, pair: pair(9), status: moving }
  const reload = { delivery: 'reload' as const }

  test.each<Row>([
    [
      'is put back a minute after the last time',
      byRoll(settled, fleet(4), foreign, { returnedAt: NOW - 60_000 }),
      'take back 4 [] 9/0 to 4/0',
    ],
    ['and not before', byRoll(settled, fleet(4), foreign, { returnedAt: NOW - 59_000 }), 'nothing'],
    [
      'gives way to a config that comes by reload, once that could not be done',
      byRoll({}, fleet(4), foreign, { ...reload, returnedAt: NOW - 61_000 }),
      'take apply 5 [a]',
    ],
    [
      'waits for a Deployment that is paused',
      byRoll(settled, fleet(4), { ...foreign, status: { state: 'paused', message: '' } }),
      'nothing',
    ],
    [
      'and is put back first otherwise',
      byRoll({}, fleet(4), foreign, reload),
      'take back 4 [] 9/0 to 4/0',
    ],
  ])('%s', (_name, seen, line) => {
    expect(lineOf(plan(seen))).toBe(line)
  })
})
