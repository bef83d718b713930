import type { Models } from '@drover/model-config'
import { describe, expect, test } from 'vitest'
import { channelOf, controlsOf, entryOf, tenantOf, versionOf } from '../facts.fixture.ts'
import { named, NOW, observed, others, publish, refOf, settled } from './observed.fixture.ts'
import { GATHER_MS, plan, type PublicationObserved } from './plan.ts'

describe('what is published', () => {
  test.each<[string, Partial<PublicationObserved>, unknown]>([
    ['nothing was named', { base: others }, undefined],
    ['nothing at all, in a new fleet', { channel: channelOf() }, undefined],
    [
      'nothing that passes, in a new fleet',
      { channel: channelOf(), named: { 'acme.late': named({ versions: [] }) } },
      undefined,
    ],
    [
      'the first model of a new fleet',
      { channel: channelOf(), named: { 'acme.late': named() } },
      publish({ 'acme.late': entryOf(1) }),
    ],
    [
      'a new model, beside those of others',
      { base: others, named: { 'acme.late': named() } },
      publish({ ...others, 'acme.late': entryOf(1) }),
    ],
    [
      'the highest version that passes',
      {
        base: { 'acme.late': entryOf(1) },
        named: {
          'acme.late': named({
            versions: [versionOf(1), versionOf(2), versionOf(3, 'fail'), versionOf(4, 'open')],
          }),
        },
      },
      publish({ 'acme.late': entryOf(2) }),
    ],
    [
      'the same again',
      { base: { 'acme.late': entryOf(1) }, named: { 'acme.late': named() } },
      undefined,
    ],
    [
      'a pinned model stays at its pin',
      {
        base: { 'acme.late': entryOf(1) },
        named: {
          'acme.late': named({
            versions: [versionOf(1), versionOf(2)],
            controls: controlsOf('acme', { late: 1 }),
          }),
        },
      },
      undefined,
    ],
    [
      'a tombstone takes all models of its tenant along',
      {
        base: { ...others, 'acme.late': entryOf(1), 'acme.early': entryOf(1) },
        named: {
          'acme.late': named({ tenant: tenantOf('acme', ['late', 'early'], { tombstone: true }) }),
          'acme.early': named({ tenant: tenantOf('acme', ['late', 'early'], { tombstone: true }) }),
        },
      },
      publish(others),
    ],
    [
      'a tenant that moved away leaves',
      {
        base: { ...others, 'acme.late': entryOf(1) },
        named: { 'acme.late': named({ tenant: tenantOf('acme', ['late'], { fleet: 'other' }) }) },
      },
      publish(others),
    ],
    [
      'a model that is declared no more leaves',
      {
        base: { 'acme.late': entryOf(1), 'acme.early': entryOf(1) },
        named: {
          'acme.late': named(),
          'acme.early': named(),
        },
      },
      publish({ 'acme.late': entryOf(1) }),
    ],
    [
      "an earlier owner's version is not served",
      {
        base: { 'acme.late': entryOf(1) },
        named: {
          'acme.late': named({
            tenant: tenantOf('acme', ['late'], { models: { late: { born: 5 } } }),
          }),
        },
      },
      publish({}),
    ],
  ])('%s', (_, given, expected) => {
    expect(plan(observed(given))).toEqual(expected)
  })
})

describe('while a rollout is under way', () => {
  const busy = settled(others, { candidate: refOf(others, 8) })
  const change = { base: others, named: { 'acme.late': named() } }

  test('changes gather, a second at most', () => {
    const since = NOW - GATHER_MS + 1

    expect(plan(observed({ ...change, channel: busy, since }))).toEqual({
      kind: 'gather',
      until: since + GATHER_MS,
    })
    expect(plan(observed({ ...change, channel: busy, since: NOW - GATHER_MS }))?.kind).toBe(
      'publish',
    )
  })

  test('what is urgent does not wait', () => {
    expect(plan(observed({ ...change, channel: busy, since: undefined }))?.kind).toBe('publish')
  })

  test('a lone change is published at once when there is none', () => {
    expect(plan(observed(change))?.kind).toBe('publish')
  })
})

describe('a freeze', () => {
  const until = new Date(NOW + 1).toISOString()
  const frozen = (base: Models) => settled(base, { freeze: { by: 'ops', until, why: 'holidays' } })
  const base = { ...others, 'acme.late': entryOf(2) }
  const versions = [versionOf(1), versionOf(2), versionOf(3)]

  test('stops what is new until it ends', () => {
    const given = { base, channel: frozen(base), named: { 'acme.late': named({ versions }) } }

    expect(plan(observed(given))).toEqual({ kind: 'later', at: NOW + 1 })
    expect(plan(observed({ ...given, now: NOW + 1 }))?.kind).toBe('publish')
  })

  test('never stops a rollback, which takes nothing else along', () => {
    const given = {
      'acme.late': named({ versions, controls: controlsOf('acme', { late: 1 }) }),
      'dhl.late': named({ tenant: tenantOf('dhl') }),
    }

    expect(plan(observed({ base, channel: frozen(base), named: given }))).toEqual(
      publish({ ...others, 'acme.late': entryOf(1) }),
    )
  })

  test('stops a pin that goes up', () => {
    const given = { 'acme.late': named({ versions, controls: controlsOf('acme', { late: 3 }) }) }

    expect(plan(observed({ base, channel: frozen(base), named: given }))?.kind).toBe('later')
  })
})
