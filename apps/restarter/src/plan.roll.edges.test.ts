// Rolls at their edges: when they may begin, what ends them, and what they leave for the next.

import { describe, expect, test } from 'vitest'
import { LIMITS, type Observed } from './observed.ts'
import { plan } from './plan.ts'
import { command, config, culprit, lineOf, NOW, server, state } from './test-support/observed.ts'
import {
  byRoll,
  failed,
  fleet,
  held,
  left,
  made,
  moving,
  pair,
  settled,
  wish,
  wished,
} from './test-support/roll.ts'

type Row = [name: string, seen: Observed, line: string]

const HOUR_MS = 3_600_000
describe('a roll', () => {
  const long = { live: { ...config(4), at: '2026-01-01T00:00:00.000Z' } }
  const hourly = { limits: { ...LIMITS, recycleIntervalMs: HOUR_MS } }

  test.each<Row>([
    [
      'under what is live is no judge of that',
      byRoll(
        { ...settled, rollout: wished, restart: wish },
        [server('a', state(4, { failed: [culprit] })), server('b', state(4))],
        { pair: pair(4, 2), status: moving },
      ),
      'nothing',
    ],
    [
      'whose pods are all new rejects what one of them does not come to',
      byRoll(
        made,
        [
          server('a', state(5)),
          server('b', state(4, { applying: config(5) }), { command: command(5, 61_000) }),
        ],
        { pair: pair(5) },
      ),
      'reject deadline 5 back 5 [a b] 5/0 to 4/0',
    ],
    [
      'begins though Kubernetes gave up on the pods before',
      byRoll(held, fleet(4), { status: failed }),
      'patch 5/0 at version 7',
    ],
    [
      'does not wait for the cluster where a newer config comes by reload',
      byRoll(
        { ...settled, rollout: wished, restart: wish, candidate: config(5) },
        fleet(4),
        {},
        {
          delivery: 'reload',
          deployment: { kind: 'away', why: 'refused' },
          unmetSince: NOW - 61_000,
        },
      ),
      'back back 4 [] 4/2 to 4/0',
    ],
    [
      'does not begin on a Deployment without pods, whoever is ready',
      byRoll(
        {},
        fleet(4),
        { status: { state: 'empty', message: '' } },
        { noneReadySince: NOW - 61_000 },
      ),
      'nothing',
    ],
    [
      'waits for the interval since the last wish too',
      byRoll(
        { restart: { count: 1, at: '2026-01-01T23:30:00.000Z' }, ...long },
        fleet(4),
        {},
        hourly,
      ),
      'nothing',
    ],
    [
      'waits for no clock that is ahead',
      byRoll({ live: { ...config(4), at: '2026-01-05T00:00:00.000Z' } }, fleet(4), {}, hourly),
      'take roll 5 [] 4/0 to 5/0',
    ],
    [
      'goes on where the newer one was rejected',
      byRoll(
        {
          ...made,
          candidate: config(6),
          rejected: [{ ...config(6), kind: 'deadline', culprits: [], why: '' }],
        },
        fleet(4),
        { pair: pair(5), status: moving, trouble: { message: 'ErrImagePull', mayPass: false } },
        { progressSince: NOW - 61_000 },
      ),
      'nothing',
    ],
  ])('%s', (_name, seen, line) => {
    expect(lineOf(plan(seen))).toBe(line)
  })

  test.each([
    ['a roll that failed is told from a wish that was made meanwhile', { ...wish, count: 3 }, 2],
    ['and is noted', wish, 2],
  ])('%s', (_name, restart, number) => {
    const view = { pair: pair(4, 2), status: failed }
    const seen = byRoll({ ...settled, rollout: wished, restart }, fleet(4), view)

    expect(plan(seen)).toMatchObject({
      change: { restart: { count: restart.count, failed: number } },
      record: { id: 'unrolled.2' },
    })
  })

  test.each([
    ['2026-01-01T21:00:00.000Z', 'take roll 4 [] 4/2 to 4/3'],
    ['2026-01-01T23:00:00.000Z', 'nothing'],
  ])('for its age that failed at %s: %s', (at, line) => {
    const aged = [server('a', state(4, { servingSince: '2026-01-01T00:00:00.000Z' }))]
    const restart = { count: 2, failed: 2, at }

    expect(lineOf(plan(byRoll({ ...settled, restart, template: left(4, 2) }, aged)))).toBe(line)
  })

  test('for their age keeps that an earlier one failed', () => {
    const aged = [server('a', state(4, { servingSince: '2026-01-01T00:00:00.000Z' }))]
    const restart = { count: 2, failed: 2, at: '2026-01-01T01:00:00.000Z' }

    expect(plan(byRoll({ ...settled, restart, template: left(4, 2) }, aged))).toMatchObject({
      what: 'take',
      change: { restart: { count: 3, failed: 2 } },
    })
  })

  test('a wish is tried though an earlier one failed', () => {
    const seen = byRoll({ ...settled, restart: { ...wish, failed: 1 } }, fleet(4))

    expect(lineOf(plan(seen))).toBe('take roll 4 [] 4/0 to 4/2')
  })
})
