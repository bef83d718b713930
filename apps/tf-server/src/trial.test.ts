import { ModelStoreCode, ModelStoreError, withFaults } from '@drover/model-store'
import { describe, expect, test, vi } from 'vitest'
import { type ChannelView, type Observed, plan, type SeenChannel } from './plan.ts'
import { publishBroken, setChannel } from './test-support/published.ts'
import { startLive, startServer, UNTIL, untilReady } from './test-support/server.ts'

const NOW = 1_000
const ref = (seq: number) => ({ sha: `${seq}`.repeat(64), seq })
const said = (seq: number | undefined, isNamedRejected = false): SeenChannel => ({
  live: seq === undefined ? undefined : ref(seq),
  isNamedRejected,
})
const seen = (...what: Parameters<typeof said>): ChannelView => ({
  kind: 'seen',
  ...said(...what),
  readAt: NOW,
})
const away = (last?: SeenChannel): ChannelView => ({ kind: 'away', last })

/** A server that was rolled out for config 5, has applied it, and is not ready yet. */
const on = (isComplete: boolean, channel: ChannelView, more: Partial<Observed> = {}): Observed => ({
  now: NOW,
  channel,
  seenLive: undefined,
  cacheAgeMaxMs: NOW,
  fence: 0,
  recycles: 1,
  startAt: undefined,
  hasEnded: false,
  named: ref(5),
  config: { ref: ref(5), isComplete, confirmedAt: NOW },
  mayOpen: true,
  isOpen: false,
  endedUnder: undefined,
  retryAt: 0,
  commands: [],
  ...more,
})

const [open, toLive] = [{ kind: 'open' }, { kind: 'apply', ref: ref(3) }]
const at = (seq: number) => ({ seenLive: { ref: ref(seq), at: 0 } })

describe('a config that never was live, with some of it left out', () => {
  test.each<[string, Observed, object | undefined]>([
    ['is not opened while the store is there', on(false, seen(3)), undefined],
    ['is not opened when a look at the store fails', on(false, away(said(3))), undefined],
    ['is not opened when nothing was live yet', on(false, away(said(undefined))), undefined],
    ['is not opened when no channel was ever seen', on(false, away()), undefined],
    ['is not opened before the first look', on(false, { kind: 'unread' }), undefined],
    [
      'is not opened when the channel is gone',
      on(false, { kind: 'absent', last: said(3) }),
      undefined,
    ],
    ['is opened once it was seen live', on(false, away(said(5))), open],
    ['is opened when an earlier life saw it live', on(false, away(), at(5)), open],
    ['is not opened for what an earlier life saw', on(false, away(), at(3)), undefined],
    [
      'is left when it is rejected, also by a server that is ready',
      on(false, seen(3, true), { isOpen: true }),
      toLive,
    ],
    [
      'is left for the empty config before the first live',
      on(false, seen(undefined, true), { isOpen: true }),
      { kind: 'apply', ref: undefined },
    ],
    [
      'is kept by a ready server that does not know it rejected',
      on(false, seen(3), { isOpen: true }),
      undefined,
    ],
  ])('%s', (_name, observed, action) => {
    expect(plan(observed)).toEqual(action)
  })
})

describe('a config that never was live, with all of it', () => {
  test.each<[string, Observed, object | undefined]>([
    ['is opened when a look at the store fails', on(true, away(said(3))), open],
    ['is opened when no channel was ever seen', on(true, away()), open],
    ['is not opened once it was rejected', on(true, away(said(3, true))), undefined],
    [
      'is not opened while live cannot be had in its place',
      on(true, seen(3, true), { retryAt: NOW + 1 }),
      undefined,
    ],
    [
      'is kept by a ready server that waits to be told',
      on(true, seen(3, true), { isOpen: true }),
      undefined,
    ],
  ])('%s', (_name, observed, action) => {
    expect(plan(observed)).toEqual(action)
  })
})

test('a pod on a broken config stays unready when the store goes away, and leaves the config when it is rejected', async () => {
  await using opened = await startLive()
  const { store, folder, live } = opened
  const named = await publishBroken(store)
  let isAway = false
  let failed = 0
  const unplugged = withFaults(store, () => {
    if (!isAway) return
    failed += 1
    throw new ModelStoreError(ModelStoreCode.UNAVAILABLE, 'unplugged')
  })
  await using server = await startServer(unplugged, folder.cache, { named })
  await vi.waitUntil(async () => (await server.state()).failed.length > 0, UNTIL)

  isAway = true
  // The loop has had its turn after the first of them by then.
  await vi.waitUntil(() => failed > 2, UNTIL)
  const meanwhile = await server.state()
  const rejected = [{ ...named, kind: 'model' as const, culprits: [], why: 'broken' }]
  await setChannel(store, live, { rejected })
  isAway = false
  await untilReady(server)

  expect(meanwhile).toMatchObject({
    ready: false,
    config: named,
    impaired: expect.stringContaining('unplugged'),
  })
  expect(meanwhile.why).toContain('config 5 is not live yet, and acme.late version 2')
  expect(await server.predict('acme.late', 1)).toBe(11)
  expect((await server.state()).config).toEqual(live)
})
