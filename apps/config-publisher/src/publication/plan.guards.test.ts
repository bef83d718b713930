import type { Channel, Models, Rejection } from '@drover/model-config'
import { describe, expect, test } from 'vitest'
import {
  controlsOf,
  entryOf,
  manifestOf,
  tenantOf,
  verdictOf,
  versionOf,
} from '../facts.fixture.ts'
import { named, NOW, observed, others, publish, refOf, settled } from './observed.fixture.ts'
import {
  AGAIN_MS,
  AGAIN_TIMES_MAX,
  type NamedModel,
  plan,
  type PublicationObserved,
} from './plan.ts'

/** So many models whose reason to leave is in `more`, or nowhere. */
const gone = (count: number, more: Partial<NamedModel> = {}) =>
  Object.fromEntries(
    Array.from({ length: count }, (_, at) => [
      `t${at}.late`,
      named({ tenant: undefined, versions: [], ...more }),
    ]),
  )

describe('after a rejected rollout', () => {
  const base = { ...others, 'acme.late': entryOf(2) }
  const { digest } = manifestOf(2)
  const culprit = { name: 'acme.late', version: 2, digest, reason: 'wrong golden answer' }
  const rejection: Rejection = { ...refOf(base, 8), kind: 'model', culprits: [culprit], why: 'no' }
  const channel = settled(others, { candidate: refOf(base, 8), rejected: [rejection] })
  const versions = [versionOf(1), versionOf(2)]

  test('the culprit gets its next verdict first', () => {
    const action = plan(observed({ base, channel, named: { 'acme.late': named({ versions }) } }))

    expect(action).toEqual({
      kind: 'verdicts',
      verdicts: [
        {
          name: 'acme.late',
          version: 2,
          n: 2,
          digest,
          rejectedSeq: 8,
          reason: 'wrong golden answer',
        },
      ],
    })
  })

  const second = (more: object) => {
    const [one, two = versionOf(2)] = versions
    const verdict = verdictOf(two.manifest, 2, false, {
      by: 'rollout',
      fleet: 'main',
      rejectedSeq: 8,
    })
    return [one ?? versionOf(1), { ...two, verdicts: [...two.verdicts, { ...verdict, ...more }] }]
  }

  test('and then its next best version is published, and nobody else is touched', () => {
    const given = { 'acme.late': named({ versions: second({}) }) }

    expect(plan(observed({ base, live: others, channel, named: given }))).toEqual(
      publish({ ...others, 'acme.late': entryOf(1) }),
    )
  })

  test('a verdict of another fleet does not bind here', () => {
    const given = { 'acme.late': named({ versions: second({ fleet: 'other' }) }) }

    expect(plan(observed({ base, channel, named: given }))).toMatchObject({
      kind: 'verdicts',
      verdicts: [{ n: 3 }],
    })
  })

  test('a verdict is written once: a person may overrule it', () => {
    const [one = versionOf(1), two = versionOf(2)] = second({})
    const verdicts = [...two.verdicts, verdictOf(manifestOf(2), 3, true, { by: 'person' })]
    const given = { 'acme.late': named({ versions: [one, { ...two, verdicts }] }) }

    expect(plan(observed({ base, channel, named: given }))?.kind).not.toBe('verdicts')
  })

  test('a culprit of another content is not meant', () => {
    const other = [versionOf(1), versionOf(2, 'pass', { digest: 'f'.repeat(64) })]

    expect(
      plan(observed({ base, channel, named: { 'acme.late': named({ versions: other }) } }))?.kind,
    ).toBe('publish')
  })

  const failed = (times: number): Channel =>
    settled(others, {
      candidate: refOf(base, 8),
      rejected: Array.from({ length: times }, (_, at) => ({
        ...refOf(base, 9 - times + at),
        kind: 'server' as const,
        culprits: [],
        why: 'out of memory',
      })),
    })

  test.each([
    [1, AGAIN_MS],
    [2, 2 * AGAIN_MS],
    [4, 8 * AGAIN_MS],
  ])('the same config is offered again after failing %i times for its server', (times, waitMs) => {
    const given = { base, live: others, channel: failed(times), rejectedSince: NOW }

    expect(plan(observed(given))).toEqual({ kind: 'later', at: NOW + waitMs })
    expect(plan(observed({ ...given, now: NOW + waitMs }))).toEqual(publish(base))
  })

  test('but not for ever', () => {
    const channelAtEnd = failed(AGAIN_TIMES_MAX + 1)
    const given = { base, live: others, channel: channelAtEnd, rejectedSince: 0 }

    expect(plan(observed(given))).toBeUndefined()
  })

  test('a change is published at once instead', () => {
    const given = {
      base,
      live: others,
      channel: failed(3),
      named: { 'dhl.late': named({ tenant: tenantOf('dhl') }) },
    }

    expect(plan(observed(given))?.kind).toBe('publish')
  })
})

describe('the shrink guard', () => {
  const base: Models = Object.fromEntries(
    Array.from({ length: 250 }, (_, at) => [`t${at}.late`, entryOf(1)] as const),
  )
  const removedIn = (given: Partial<PublicationObserved>): number | undefined => {
    const action = plan(observed({ base, ...given }))
    return action?.kind === 'publish' ? 250 - Object.keys(action.models).length : undefined
  }

  test('lets a little go without a reason, and no more', () => {
    expect(removedIn({ named: gone(2) })).toBe(2)
    expect(plan(observed({ base, named: gone(3) }))).toEqual({
      kind: 'refuse',
      refused: ['t0.late', 't1.late', 't2.late'],
    })
  })

  test('keeps what would leave and publishes the rest', () => {
    const given = { ...gone(3), 'new.late': named({ tenant: tenantOf('new') }) }

    const action = plan(observed({ base, named: given }))

    expect(action).toEqual(
      publish({ ...base, 'new.late': entryOf(1) }, ['t0.late', 't1.late', 't2.late']),
    )
  })

  test('counts what left before and is still live', () => {
    const smaller = Object.fromEntries(Object.entries(base).slice(2))
    const next = { 't2.late': named({ tenant: undefined, versions: [] }) }

    expect(plan(observed({ base: smaller, live: base, named: { ...gone(2), ...next } }))).toEqual({
      kind: 'refuse',
      refused: ['t2.late'],
    })
  })

  test('lets go what was allowed', () => {
    expect(removedIn({ named: gone(3), allowedRemovals: Object.keys(gone(3)) })).toBe(3)
  })

  test.each<[string, Partial<NamedModel>]>([
    ['a tombstone', { tenant: tenantOf('acme', ['late'], { tombstone: true }), versions: [] }],
    ['a spec without the model', { tenant: tenantOf('acme', ['early']), versions: [versionOf(1)] }],
    [
      'a move to another fleet',
      { tenant: tenantOf('acme', ['late'], { fleet: 'eu' }), versions: [] },
    ],
    ['a verdict', { tenant: tenantOf('acme'), versions: [versionOf(1, 'fail')] }],
    [
      'a new owner',
      {
        tenant: tenantOf('acme', ['late'], { models: { late: { born: 3 } } }),
        versions: [versionOf(1)],
      },
    ],
    [
      'a pin',
      { tenant: tenantOf('acme'), controls: controlsOf('acme', { late: 'none' }), versions: [] },
    ],
  ])('%s explains a removal', (_, why) => {
    expect(removedIn({ named: gone(100, why) })).toBe(100)
  })

  test.each<[string, Partial<NamedModel>]>([
    ['a tenant that vanished', { tenant: undefined }],
    ['versions that vanished', { tenant: tenantOf('acme'), versions: [] }],
    ['a verdict that vanished', { tenant: tenantOf('acme'), versions: [versionOf(1, 'open')] }],
  ])('%s explains nothing', (_, why) => {
    expect(removedIn({ named: gone(100, why) })).toBeUndefined()
  })
})
