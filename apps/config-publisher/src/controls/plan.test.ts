import { expect, test } from 'vitest'
import { entryOf, tenantOf, verdictOf, versionOf } from '../facts.fixture.ts'
import {
  plan,
  type RollbackObserved,
  type RollbackWish,
  undonePins,
  withoutPins,
  withPins,
} from './plan.ts'

const versions = [
  versionOf(1),
  versionOf(2),
  versionOf(3, 'fail'),
  versionOf(4),
  versionOf(5, 'open'),
]
const observed = (more: Partial<RollbackObserved> = {}): RollbackObserved => ({
  tenant: tenantOf('acme', ['late', 'early']),
  live: { 'acme.late': entryOf(4), 'acme.early': entryOf(1) },
  versions: { late: versions, early: [versionOf(1)] },
  ...more,
})

test.each<[string, RollbackWish, unknown]>([
  ['the highest that passes below the live one', { model: 'late' }, { pins: { late: 2 } }],
  ['a given one', { model: 'late', version: 1 }, { pins: { late: 1 } }],
  ['a given one that is newer', { model: 'late', version: 4 }, { pins: { late: 4 } }],
  ['nothing at all', { model: 'late', version: 'none' }, { pins: { late: 'none' } }],
  ['all models that can go back', {}, { pins: { late: 2 } }],
  [
    'one that failed',
    { model: 'late', version: 3 },
    { status: 409, refuse: 'version 3 of acme.late does not pass: bad' },
  ],
  [
    'one that is not judged',
    { model: 'late', version: 5 },
    { status: 409, refuse: 'version 5 of acme.late does not pass: it has not been judged' },
  ],
  [
    'one that is not there',
    { model: 'late', version: 9 },
    { status: 404, refuse: 'acme.late has no version 9' },
  ],
  ['a model that is not there', { model: 'x' }, { status: 404, refuse: 'acme has no model x' }],
  [
    'a version of which model',
    { version: 1 },
    { status: 400, refuse: 'acme has 2 models: say which' },
  ],
  [
    'the oldest',
    { model: 'early' },
    {
      status: 409,
      refuse: 'no version of acme.early below 1 passes, so there is none to go back to',
    },
  ],
])('going back to %s', (_, wish, expected) => {
  expect(plan(observed(), wish)).toEqual(expected)
})

test('a model that is not live has nothing to go back from', () => {
  expect(plan(observed({ live: {} }), { model: 'late' })).toEqual({
    status: 409,
    refuse: 'acme.late is not live in main, so there is nothing to go back from',
  })
})

test('a version that a rollout of this fleet rejected is not gone back to', () => {
  const two = versionOf(2)
  const bad = verdictOf(two.manifest, 2, false, { by: 'rollout', fleet: 'main' })
  const late = [versionOf(1), { ...two, verdicts: [...two.verdicts, bad] }, versionOf(4)]

  expect(plan(observed({ versions: { late } }), { model: 'late' })).toEqual({ pins: { late: 1 } })
})

test("an earlier owner's version is not gone back to", () => {
  const tenant = tenantOf('acme', ['late'], { models: { late: { born: 6 } } })
  const late = [versionOf(1), versionOf(7, 'pass', { born: 6 })]
  const live = { 'acme.late': entryOf(7, { born: 6 }) }

  expect(plan(observed({ tenant, live, versions: { late } }), { model: 'late' })).toMatchObject({
    status: 409,
  })
})

const note = { by: 'me', why: 'bad', at: '2026-01-01T00:00:00.000Z' }

test('a pin is bound to the present owner and leaves the other pins alone', () => {
  const before = { early: { version: 1, born: 1, ...note } }

  const after = withPins(before, {
    tenant: tenantOf('acme', ['late', 'early']),
    pins: { late: 2 },
    note,
  })

  expect(after).toEqual({ ...before, late: { version: 2, born: 1, ...note } })
})

test('a release takes one pin away, and only one that is there', () => {
  const before = { early: { version: 1, born: 1, ...note }, late: { version: 2, born: 1, ...note } }

  expect(withoutPins(before, ['late'])).toEqual({ early: before.early })
  expect(withoutPins({}, ['late'])).toBeUndefined()
})

test('what an undo pinned is told apart from what a person pinned', () => {
  const pins = {
    early: { version: 1, born: 1, ...note, undo: 9 },
    late: { version: 'none' as const, born: 1, ...note, undo: 9 },
    off: { version: 'none' as const, born: 1, ...note },
  }

  expect(undonePins(pins, 'all')).toEqual(['early', 'late'])
  expect(undonePins(pins, 'newcomers')).toEqual(['late'])
})
