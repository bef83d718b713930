import type { ConfigRef } from '@drover/model-config'
import { describe, expect, test } from 'vitest'
import { type Command, missingMax, type Observed, plan } from './plan.ts'

const HOUR_MS = 3_600_000
const sha = (digit: number) => `${digit}`.repeat(64)
const ref = (seq: number) => ({ sha: sha(seq), seq })
const applyTo = (seq: number, fence: number): Command => ({
  kind: 'apply',
  id: fence,
  fence,
  ref: ref(seq),
})

const recycle = (recycles: number): Command => ({ kind: 'recycle', id: 9, fence: 7, recycles })

const seen = (live: ConfigRef | undefined, readAt = 0, isNamedRejected = false) =>
  ({ kind: 'seen', live, isNamedRejected, readAt }) as const

/** A server that is ready, serves config 3, and has nothing to do. */
const settled: Observed = {
  now: 100 * HOUR_MS,
  channel: seen(ref(3), 100 * HOUR_MS),
  seenLive: { ref: ref(3), at: 100 * HOUR_MS },
  cacheAgeMaxMs: 6 * HOUR_MS,
  fence: 7,
  recycles: 2,
  startAt: undefined,
  hasEnded: false,
  named: undefined,
  config: { ref: ref(3), isComplete: true, confirmedAt: 99 * HOUR_MS },
  mayOpen: true,
  isOpen: true,
  endedUnder: undefined,
  retryAt: 0,
  commands: [],
}
const starting: Observed = { ...settled, config: undefined, isOpen: false, mayOpen: false }
const opening: Observed = { ...settled, isOpen: false }
const down: Observed = { ...settled, startAt: 0, isOpen: false }
const away = { channel: { kind: 'away' }, config: undefined } as const

describe('plan', () => {
  test.each<[string, Observed, ReturnType<typeof plan>]>([
    ['does nothing when live is what it serves', settled, undefined],
    [
      'catches up with a newer live',
      { ...settled, channel: seen(ref(4)) },
      { kind: 'apply', ref: ref(4) },
    ],
    ['keeps a candidate that is newer than live', { ...settled, channel: seen(ref(2)) }, undefined],
    [
      'does not catch up before its wait after a failure is over',
      {
        ...settled,
        channel: seen(ref(4)),
        retryAt: settled.now + 1,
      },
      undefined,
    ],
    [
      'does not try by itself what ended the model server',
      {
        ...settled,
        channel: seen(ref(4)),
        endedUnder: ref(4),
      },
      undefined,
    ],
    ['starts a model server when there is none', down, { kind: 'start' }],
    [
      'waits for its turn to start a model server again',
      { ...down, startAt: settled.now + 1, commands: [applyTo(4, 7)] },
      undefined,
    ],
    ['notes an end before all else', { ...down, hasEnded: true }, { kind: 'note-end' }],
  ])('%s', (_name, observed, action) => {
    expect(plan(observed)).toEqual(action)
  })
})

describe('plan of a server that was rolled out for a config', () => {
  const NOW = settled.now
  const rolled: Observed = { ...starting, named: ref(5) }
  const on = (changes: Partial<Observed>): Observed => ({
    ...opening,
    named: ref(5),
    config: { ref: ref(5), isComplete: true, confirmedAt: NOW },
    ...changes,
  })

  test.each<[string, Observed, ReturnType<typeof plan>]>([
    ['takes it while it is newer than live', rolled, { kind: 'apply', ref: ref(5) }],
    [
      'takes it when nothing was live yet',
      { ...rolled, channel: seen(undefined) },
      { kind: 'apply', ref: ref(5) },
    ],
    [
      'takes live when that is newer',
      { ...rolled, channel: seen(ref(6)) },
      { kind: 'apply', ref: ref(6) },
    ],
    [
      'takes live when it was rejected',
      { ...rolled, channel: seen(ref(3), 0, true) },
      { kind: 'apply', ref: ref(3) },
    ],
    [
      'takes live when it ended the model server here',
      { ...rolled, endedUnder: ref(5) },
      { kind: 'apply', ref: ref(3) },
    ],
    [
      'starts from the cache with the store away',
      { ...rolled, channel: { kind: 'away' } },
      { kind: 'apply', ref: ref(3) },
    ],
    ['gets ready with all of it', on({}), { kind: 'open' }],
    [
      'does not get ready with some of it left out',
      on({ config: { ref: ref(5), isComplete: false, confirmedAt: NOW } }),
      undefined,
    ],
    [
      'may, once it is live',
      on({
        channel: seen(ref(5), NOW),
        config: { ref: ref(5), isComplete: false, confirmedAt: NOW },
      }),
      { kind: 'open' },
    ],
    [
      'leaves it for live when it is rejected before it is ready',
      on({ channel: seen(ref(3), NOW, true) }),
      { kind: 'apply', ref: ref(3) },
    ],
    [
      'waits to be told when it is rejected after that',
      on({ channel: seen(ref(3), NOW, true), isOpen: true }),
      undefined,
    ],
  ])('%s', (_name, observed, action) => {
    expect(plan(observed)).toEqual(action)
  })
})

describe('plan at the start', () => {
  test.each<[string, Observed, ReturnType<typeof plan>]>([
    ['takes live', starting, { kind: 'apply', ref: ref(3) }],
    [
      'takes live even if it was on a candidate before',
      { ...starting, seenLive: { ref: ref(5), at: settled.now } },
      { kind: 'apply', ref: ref(3) },
    ],
    [
      'takes the empty config of a channel without live',
      { ...starting, channel: seen(undefined) },
      { kind: 'apply', ref: undefined },
    ],
    ['waits for the first look', { ...starting, channel: { kind: 'unread' } }, undefined],
    [
      'has nothing to serve where there is no channel',
      { ...starting, channel: { kind: 'absent' }, seenLive: undefined },
      undefined,
    ],
    [
      'takes the cache with the store away',
      { ...starting, ...away },
      { kind: 'apply', ref: ref(3) },
    ],
    [
      'takes an empty folder in place of the store for a store that is away',
      { ...starting, channel: { kind: 'absent' } },
      { kind: 'apply', ref: ref(3) },
    ],
    [
      'refuses a cache that is too old',
      { ...starting, ...away, seenLive: { ref: ref(3), at: settled.now - 6 * HOUR_MS - 1 } },
      undefined,
    ],
    [
      'looks once more before it reports ready',
      { ...opening, channel: seen(ref(3), 99 * HOUR_MS - 1) },
      { kind: 'look' },
    ],
    ['reports ready after that look', opening, { kind: 'open' }],
    [
      'applies first what became live meanwhile',
      { ...opening, channel: seen(ref(4), 100 * HOUR_MS) },
      { kind: 'apply', ref: ref(4) },
    ],
    [
      'reports ready without a look while the store is away',
      { ...opening, channel: { kind: 'away' } },
      { kind: 'open' },
    ],
    ['stays unready while too much is missing', { ...opening, mayOpen: false }, undefined],
  ])('%s', (_name, observed, action) => {
    expect(plan(observed)).toEqual(action)
  })
})

describe('plan with commands', () => {
  test.each<[string, Observed, ReturnType<typeof plan>]>([
    [
      'carries out an apply',
      { ...settled, commands: [applyTo(4, 7)] },
      { kind: 'apply', ref: ref(4), fence: 7, command: 7 },
    ],
    [
      'goes back to an old config under a new fence',
      {
        ...settled,
        channel: seen(ref(2)),
        fence: 8,
        commands: [applyTo(2, 8)],
      },
      { kind: 'apply', ref: ref(2), fence: 8, command: 8 },
    ],
    [
      'refuses what was decided before live moved, whatever its fence',
      { ...settled, commands: [applyTo(2, 7)] },
      { kind: 'refuse', command: 7 },
    ],
    [
      'refuses to go back while it is coming to live by itself',
      { ...starting, commands: [applyTo(2, 7)] },
      { kind: 'refuse', command: 7 },
    ],
    [
      'takes the fence from a command that changes nothing, even with live further on',
      {
        ...settled,
        channel: seen(ref(4)),
        commands: [applyTo(3, 7)],
      },
      { kind: 'acknowledge', command: 7 },
    ],
    [
      'refuses a fence that a waiting command has overtaken',
      { ...settled, fence: 8, commands: [applyTo(4, 7), applyTo(2, 8)] },
      { kind: 'refuse', command: 7 },
    ],
    [
      'acknowledges what it has confirmed already',
      { ...settled, commands: [applyTo(3, 7)] },
      { kind: 'acknowledge', command: 7 },
    ],
    [
      'does not acknowledge a config while its model server is down',
      { ...down, commands: [applyTo(3, 7)] },
      { kind: 'start' },
    ],
    [
      'takes the same content under another seq for another config',
      { ...settled, commands: [{ ...applyTo(4, 7), kind: 'apply', ref: { sha: sha(3), seq: 4 } }] },
      { kind: 'apply', ref: { sha: sha(3), seq: 4 }, fence: 7, command: 7 },
    ],
    [
      'puts a command before its own catching up',
      {
        ...settled,
        channel: seen(ref(4)),
        commands: [applyTo(5, 7)],
      },
      { kind: 'apply', ref: ref(5), fence: 7, command: 7 },
    ],
    [
      'takes a command before its first config',
      { ...starting, channel: { kind: 'unread' }, commands: [applyTo(4, 7)] },
      { kind: 'apply', ref: ref(4), fence: 7, command: 7 },
    ],
    ['recycles', { ...settled, commands: [recycle(2)] }, { kind: 'recycle', command: 9 }],
    [
      'does nothing for a recycle that is done',
      { ...settled, commands: [recycle(1)] },
      { kind: 'acknowledge', command: 9 },
    ],
  ])('%s', (_name, observed, action) => {
    expect(plan(observed)).toEqual(action)
  })

  test('one model in a hundred may be missing, and always one', () => {
    expect([0, 1, 99, 199, 200, 1_000].map(missingMax)).toEqual([1, 1, 1, 1, 2, 10])
  })
})
