// What a roll and going back from one make of other people's hands.

import { describe, expect, test } from 'vitest'
import type { Observed } from './observed.ts'
import { plan } from './plan.ts'
import {
  AT,
  config,
  culprit,
  lineOf,
  NOW,
  rollout,
  server,
  state,
  TEMPLATE_SHA,
} from './test-support/observed.ts'
import {
  byRoll,
  fleet,
  held,
  left,
  made,
  moving,
  pair,
  previous,
  rolling,
  settled,
  wish,
  wished,
} from './test-support/roll.ts'

type Row = [name: string, seen: Observed, line: string]

const HOUR_MS = 3_600_000
const byHand = { manager: 'kubectl' }
const late = { progressSince: NOW - 2 * HOUR_MS }
const byTool = { manager: 'argocd-controller' }
const undone = (by: string, at: string, seq = 3) => ({ undoneByHand: { ...config(seq), by, at } })

describe('a person', () => {
  test.each<Row>([
    [
      'who undoes a roll for a wish to an older config is obeyed',
      byRoll({ ...settled, rollout: wished, restart: wish }, fleet(4), {
        ...byHand,
        pair: pair(3),
      }),
      'back back 4 [] 3/0 to 3/0 undo 3 by kubectl',
    ],
    [
      'who undoes it after the patch, before that was noted, is obeyed',
      byRoll({ ...held, previous }, fleet(4), byHand),
      'reject deadline 5 back 5 [] 4/0 to 4/0 undo 4 by kubectl',
    ],
    [
      'is no tool that signs, before the patch was made, what was there already',
      byRoll(held, fleet(4), byTool),
      'patch 5/0 at version 7',
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
      'who undoes a roll for which a newer candidate has waited long is obeyed as well',
      byRoll({ ...made, previous, candidate: config(6) }, fleet(4), byHand, {
        stepSince: NOW - HOUR_MS,
        unmetSince: NOW - HOUR_MS,
      }),
      'reject deadline 5 back 5 [] 4/0 to 4/0 undo 4 by kubectl',
    ],
    [
      'who undoes one roll after the other on the same day is obeyed each time',
      byRoll(
        {
          rollout: rolling(4, 7, true),
          candidate: config(7),
          previous,
          ...undone('kubectl', '2026-01-01T23:00:00.000Z', 4),
        },
        fleet(4),
        byHand,
      ),
      'reject deadline 7 back 7 [] 4/0 to 4/0 undo 4 by kubectl',
    ],
    [
      'who asks for the same again within a day is a tool',
      byRoll({ ...settled, ...undone('argocd-controller', '2026-01-01T01:00:00.000Z') }, fleet(4), {
        ...byTool,
        pair: pair(3),
      }),
      'template left 3/0',
    ],
    [
      'but not one who asks with kubectl rollout undo',
      byRoll({ ...settled, ...undone('kubectl', '2026-01-01T01:00:00.000Z') }, fleet(4), {
        ...byHand,
        pair: pair(3),
      }),
      'undo left 3/0 undo 3 by kubectl',
    ],
    [
      'who asks for it on another day is none',
      byRoll({ ...settled, ...undone('argocd-controller', '2025-12-31T23:00:00.000Z') }, fleet(4), {
        ...byTool,
        pair: pair(3),
      }),
      'undo left 3/0 undo 3 by argocd-controller',
    ],
    [
      'nor one who asked for it when the clock was ahead',
      byRoll({ ...settled, ...undone('argocd-controller', '2030-01-01T00:00:00.000Z') }, fleet(4), {
        ...byTool,
        pair: pair(3),
      }),
      'undo left 3/0 undo 3 by argocd-controller',
    ],
    [
      'who asks for what a tool has asked for is obeyed',
      byRoll({ ...settled, ...undone('argocd', '2026-01-01T23:00:00.000Z') }, fleet(4), {
        ...byHand,
        pair: pair(3),
      }),
      'undo left 3/0 undo 3 by kubectl',
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
      'is put back to none where what was noted is none either',
      byRoll({ ...settled, template: left(9) }, fleet(4), {
        ...byHand,
        pair: { config: 'latest' },
      }),
      'take back 4 [] -/- to -/-',
    ],
    [
      'gives way to a config that comes by reload, once that could not be done',
      byRoll({}, fleet(4), foreign, { ...reload, returnedAt: NOW - 61_000 }),
      'take apply 5 [a]',
    ],
    [
      'but not to one that holds what failed',
      byRoll({}, fleet(4), foreign, { ...reload, returnedAt: NOW - 61_000, held: [culprit] }),
      'take back 4 [] 9/0 to 4/0',
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

describe('with nobody ready, an annotation that is not live', () => {
  const down = [server('a', state(4, { ready: false }))]
  const foreign = { ...byHand, pair: pair(9), status: moving }
  const nobody = { delivery: 'reload' as const, noneReadySince: NOW - 61_000 }
  const applying = { rollout: rollout(5, 'apply', ['a']) }

  test.each<Row>([
    [
      'comes before a config by reload, also a minute after the last time',
      byRoll({}, down, foreign, { ...nobody, returnedAt: NOW - 60_000 }),
      'take back 4 [] 9/0 to 4/0',
    ],
    [
      'leaves the config a minute, which may be the remedy',
      byRoll({}, down, foreign, { ...nobody, returnedAt: NOW - 59_000 }),
      'take apply 5 [a]',
    ],
    [
      'and does not turn that back meanwhile',
      byRoll(applying, down, foreign, { ...nobody, returnedAt: NOW - 59_000 }),
      'apply a:5 at fence 20',
    ],
    [
      'turns it back then',
      byRoll(applying, down, foreign, { ...nobody, returnedAt: NOW - 60_000 }),
      'back back 5 []',
    ],
    [
      'is looked at once more before anything is begun',
      byRoll({}, down, foreign, { ...nobody, isCurrent: false }),
      'nothing',
    ],
    [
      'is what holds a config up, and nothing else does',
      byRoll({}, down, { pair: pair(4), status: moving }, nobody),
      'take apply 5 [a]',
    ],
    [
      'does not hold up a config where it cannot be put back',
      byRoll({}, down, { ...foreign, status: { state: 'paused', message: '' } }, nobody),
      'take apply 5 [a]',
    ],
  ])('%s', (_name, seen, line) => {
    expect(lineOf(plan(seen))).toBe(line)
  })
})
