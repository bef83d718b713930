import type { Models, Tenant } from '@drover/model-config'
import { describe, expect, test } from 'vitest'
import {
  channelOf,
  controlsOf,
  entryOf,
  manifestOf,
  tenantOf,
  versionOf,
} from '../facts.fixture.ts'
import { named, NOW, observed, others, publish, refOf, settled } from './observed.fixture.ts'
import { GATHER_MS, type NamedModel, plan, type PublicationObserved } from './plan.ts'

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
    [
      "a new owner's version says whose it is",
      {
        base: { 'acme.late': entryOf(1) },
        named: {
          'acme.late': named({
            tenant: tenantOf('acme', ['late'], { models: { late: { born: 5 } } }),
            versions: [versionOf(1), versionOf(2, 'pass', { born: 5 })],
          }),
        },
      },
      publish({ 'acme.late': entryOf(2, { born: 5 }) }),
    ],
  ])('%s', (_, given, expected) => {
    expect(plan(observed(given))).toEqual(expected)
  })
})

const culpritOf = (version: number) => ({
  name: 'acme.late',
  version,
  digest: manifestOf(version).digest,
  reason: 'a wrong golden answer',
})
const more = (changes: Partial<Tenant> & { fleet?: string }, models = ['late']) => ({
  tenant: tenantOf('acme', models, changes),
})

describe('a culprit of which no version passes', () => {
  const base = { ...others, 'acme.late': entryOf(2) }
  const live = { ...others, 'acme.late': entryOf(1) }
  const rejected = (...versions: number[]) =>
    settled(live, {
      candidate: refOf(base, 8),
      rejected: versions.map((version) => ({
        ...refOf(base, 8),
        kind: 'model',
        culprits: [culpritOf(version)],
        why: 'no',
      })),
    })
  const bad = versionOf(2, 'fail')

  test.each<[string, Partial<NamedModel>, Partial<PublicationObserved>, Models]>([
    ['keeps what is live', {}, {}, live],
    ['keeps it when nothing of it is left in the store', { versions: [bad] }, {}, live],
    ['keeps it at its pin', { controls: controlsOf('acme', { late: 1 }) }, {}, live],
    ['loses it when it is a culprit too', {}, { channel: rejected(1, 2) }, others],
    ['loses it when it was judged badly', { versions: [versionOf(1, 'fail'), bad] }, {}, others],
    [
      'loses it when the version is of another content now',
      { versions: [versionOf(1, 'open', { digest: 'f'.repeat(64) }), bad] },
      {},
      others,
    ],
    ["loses an old owner's", more({ models: { late: { born: 5 } } }), {}, others],
    [
      'loses it when it is pinned away',
      { controls: controlsOf('acme', { late: 'none' }) },
      {},
      others,
    ],
    [
      'loses one above its pin',
      { controls: controlsOf('acme', { late: 1 }) },
      { live: { ...others, 'acme.late': entryOf(3) } },
      others,
    ],
    ['loses it with its tenant', more({ tombstone: true }), {}, others],
    ['loses it when it moves away', more({ fleet: 'other' }), {}, others],
    ['loses it when it is declared no more', more({}, ['early']), {}, others],
    ['has none when none is live', {}, { live: others }, others],
    ['is one only while its rejection is on record', {}, { channel: rejected() }, others],
  ])('%s', (_, each, given, expected) => {
    const acme = named({ versions: [versionOf(1, 'open'), bad], ...each })

    const action = plan(
      observed({
        base,
        live,
        channel: rejected(2),
        named: { 'acme.late': acme },
        since: undefined,
        ...given,
      }),
    )

    expect(action).toEqual(publish(expected))
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
