import { describe, expect, test } from 'vitest'
import type { Run } from '@drover/model-config'
import { type Action, ATTEMPTS_MAX, type Observed, plan } from './plan.ts'
import {
  NOW,
  MINUTE_MS,
  at,
  makeTenant,
  REQUEST,
  idOf,
  claimOf,
  committed,
  failed,
  observed,
  open,
  done,
  ended,
} from './plan.fixture.ts'

describe('the plan', () => {
  test.each<[string, Partial<Observed>, Partial<Action>]>([
    ['there is no tenant', { tenant: undefined }, { kind: 'nothing', reason: 'gone' }],
    [
      'the tenant was deleted',
      { tenant: makeTenant({ tombstone: true }) },
      { kind: 'nothing', reason: 'gone' },
    ],
    [
      'the model is not declared',
      { model: { tenant: 'acme', model: 'other' } },
      { kind: 'nothing', reason: 'gone' },
    ],
    ['nothing was tried', {}, { kind: 'train', version: 1 }],
    ['its version is there', { versions: [done(3)] }, { kind: 'publish', version: 3 }],
    [
      'a version of another request is there',
      { versions: [done(3, 'other')] },
      { kind: 'train', version: 4 },
    ],
    [
      'a run of another request is under way',
      { versions: [open(4, 'running', 'other')] },
      { kind: 'train', version: 5 },
    ],
    [
      'its run is under way',
      { versions: [open(2, 'running')] },
      { kind: 'wait', until: NOW + MINUTE_MS },
    ],
    [
      'its run is on another machine',
      { versions: [open(2, 'unknown')] },
      { kind: 'wait', until: NOW + MINUTE_MS },
    ],
    ['its run is gone', { versions: [open(2, 'gone')] }, { kind: 'giveUp', version: 2 }],
    [
      'its run is late',
      { versions: [open(2, 'running', REQUEST, NOW)] },
      { kind: 'giveUp', version: 2 },
    ],
    ['its run was stopped', { versions: [ended(2)] }, { kind: 'train', version: 3 }],
    ['its run was given up once', { versions: [ended(2, 'x')] }, { kind: 'train', version: 3 }],
    [
      'only a folder is there',
      { versions: [{ version: 9, claim: undefined, manifest: undefined, owner: 'unknown' }] },
      { kind: 'train', version: 1 },
    ],
  ])('when %s', (_, given, action) => {
    expect(plan(observed(given))).toMatchObject(action)
  })

  test.each<[string, Run[], Partial<Action>]>([
    ['bad data', [failed(1, 'data', NOW)], { kind: 'nothing', reason: 'data', why: 'reason 1' }],
    ['one failure', [failed(1, 'transient', NOW)], { kind: 'train' }],
    [
      'two failures',
      [failed(1, 'transient', NOW - 9), failed(2, 'poison', NOW)],
      { kind: 'wait', until: NOW + 1_000 },
    ],
    [
      'three transient failures',
      [
        failed(1, 'transient', NOW - 9),
        failed(2, 'transient', NOW - 5),
        failed(3, 'transient', NOW),
      ],
      { kind: 'wait', until: NOW + 2_000 },
    ],
    [
      'three poisonous failures',
      [failed(1, 'poison', NOW - 9), failed(2, 'poison', NOW - 5), failed(3, 'poison', NOW)],
      { kind: 'nothing', reason: 'quarantined' },
    ],
    [
      'many transient failures',
      Array.from({ length: ATTEMPTS_MAX }, (_, n) => failed(n, 'transient', NOW - 3_600_000)),
      { kind: 'nothing', reason: 'exhausted' },
    ],
  ])('after %s', (_, runs, action) => {
    expect(plan(observed({ runs }))).toMatchObject(action)
  })

  test('a program that failed is not tried again before it rested as long as it ran', () => {
    const run = { ...failed(1, 'poison', NOW), startedAt: new Date(NOW - 15_000).toISOString() }
    const interrupted = { ...run, failure: 'transient' as const }

    expect(plan(observed({ runs: [run] }))).toMatchObject({ kind: 'wait', until: NOW + 15_000 })
    expect(plan(observed({ runs: [run], now: NOW + 15_000 }))).toMatchObject({ kind: 'train' })
    expect(plan(observed({ runs: [interrupted] }))).toMatchObject({ kind: 'train' })
  })

  test('tries given up for others count once, even those that left a record', () => {
    const versions = [ended(1, 'x', NOW), ended(2, 'x', NOW)]
    const both = observed({
      versions,
      runs: [failed(1, 'transient', NOW), failed(2, 'transient', NOW)],
    })

    expect(plan(observed({ versions }))).toMatchObject({ kind: 'wait', until: NOW + 1_000 })
    expect(plan(both)).toMatchObject({ kind: 'wait', until: NOW + 1_000 })
  })

  test('a quarantine outlasts the slots of a schedule and ends by a request by hand', () => {
    const tenant = makeTenant({}, '1h')
    const slots = [3, 2, 1].map((back) => NOW - back * 3_600_000)
    const runs = slots.map((when, n) => failed(n, 'poison', when, tenant))
    const asked = makeTenant(
      { models: { late: { born: 1, changed: 1, trainRequestedAt: at(NOW) } } },
      '1h',
    )

    expect(plan(observed({ tenant, runs }))).toMatchObject({ reason: 'quarantined' })
    expect(plan(observed({ tenant: asked, runs }))).toMatchObject({ kind: 'train' })
  })

  test('a version that came between poisonous runs ends their row', () => {
    const tenant = makeTenant({}, '1h')
    const runs = [3, 2, 1].map((back) => failed(back, 'poison', NOW - back * 3_600_000, tenant))
    const claim = claimOf(1, 'earlier')
    const manifest = committed(claim, NOW - 2 * 3_600_000 + 1)
    const versions = [{ version: 1, claim, manifest, owner: 'gone' as const }]

    expect(plan(observed({ tenant, runs, versions }))).toMatchObject({ kind: 'train', version: 2 })
  })

  test('a version that is done says when its schedule wants the next one', () => {
    const tenant = makeTenant({}, '1h')
    const action = plan(observed({ tenant, versions: [done(1, idOf(tenant))] }))

    expect(action.kind).toBe('publish')
    const until = 'until' in action ? (action.until ?? 0) : 0
    expect(until).toBeGreaterThan(NOW)
    expect(until).toBeLessThanOrEqual(NOW + 3_600_000)
  })
})
