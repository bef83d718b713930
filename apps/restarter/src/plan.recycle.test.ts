import { describe, expect, test } from 'vitest'
import type { Observed } from './observed.ts'
import { decide, plan } from './plan.ts'
import {
  AT,
  channel,
  command,
  config,
  lineOf,
  NOW,
  observed,
  rollout,
  server,
  state,
} from './test-support/observed.ts'

type Row = [name: string, seen: Observed, line: string]

const told = (agoMs: number, more = {}) => ({
  command: command(4, agoMs, { kind: 'recycle', ...more }),
})

describe("another's rollout", () => {
  const foreign = channel({ rollout: rollout(5, 'apply', ['a'], { holder: 'other/1' }) })
  const servers = [server('a', state(4)), server('b', state(4, { fence: 30 }))]
  const mine = channel({ seq: 30, rollout: rollout(5, 'apply', ['a'], { fence: 30 }) })

  test.each<Row>([
    [
      'is left alone while its beat moves',
      observed(foreign, servers, { beatSince: NOW - 19_999 }),
      'nothing',
    ],
    [
      'is taken over when its beat stands still',
      observed(foreign, servers, { beatSince: NOW - 20_000 }),
      'take over apply 5 [a]',
    ],
    [
      'is taken over at once from an earlier life',
      observed(foreign, servers, { instance: 'other' }),
      'take over apply 5 [a]',
    ],
    [
      'is not taken for one of an earlier life by its beginning',
      observed(foreign, servers, { instance: 'oth' }),
      'nothing',
    ],
    [
      'once taken over, the fence is handed on with what each server has',
      observed(mine, servers, { tookOver: 30 }),
      'apply a:4 at fence 30',
    ],
    [
      'nothing else is done before every server has heard the fence',
      observed(
        mine,
        [server('b', state(4, { fence: 30 })), server('a', state(4), { command: command(4, 5) })],
        { tookOver: 30 },
      ),
      'nothing',
    ],
    [
      'then it goes on from what the servers report',
      observed(mine, [server('a', state(4, { fence: 30 })), server('b', state(5, { fence: 30 }))], {
        tookOver: 30,
      }),
      'apply a:5 at fence 30',
    ],
  ])('%s', (_, seen, line) => {
    expect(lineOf(plan(seen))).toBe(line)
  })

  test('a takeover is a new fence under the same step', () => {
    expect(plan(observed(foreign, servers, { beatSince: 0 }))).toMatchObject({
      change: { rollout: { holder: 'me', fence: 21, beat: 2, sha: config(5).sha, seq: 5 } },
    })
  })
})

describe('recycling', () => {
  const settled = channel({ candidate: config(4) })
  const old = { servingSince: '2026-01-01T00:00:00.000Z' }
  const wish = { count: 1, at: '2026-01-01T23:00:00.000Z', recycles: { server: 1 } }
  const on = { ...settled, rollout: rollout(4, 'recycle', ['a']) }
  const shut = { closedUntil: '2026-01-02T01:00:00.000Z' }
  const spaced = { limits: { ...observed(settled, []).limits, recycleIntervalMs: 3_600_000 } }
  const young = { servingSince: '2026-01-01T23:00:01.000Z' }
  const ahead = { servingSince: '2026-01-02T09:00:00.000Z' }
  const large = { limits: { ...observed(settled, []).limits, residentBytesMax: 10 } }

  test.each<Row>([
    ['young servers are left alone', observed(settled, [server('a', state(4))]), 'nothing'],
    [
      'one old server is recycled, under the right to',
      observed(settled, [server('a', state(4, old)), server('b', state(4, old))]),
      'take recycle 4 [a]',
    ],
    [
      'a candidate comes first',
      observed(channel(), [server('a', state(4, old))]),
      'take apply 5 [a]',
    ],
    [
      'never while another server is not ready',
      observed(settled, [server('a', state(4, old)), server('b', state(4, { ready: false }))]),
      'nothing',
    ],
    [
      'never while another server is silent',
      observed(settled, [server('a', state(4, old)), server('b', { silentMs: 10 })]),
      'nothing',
    ],
    [
      'one that said that it would end is waited for no more',
      observed(settled, [
        server('a', state(4, old)),
        server('b', { silentMs: 10 }, { hasEnded: true }),
      ]),
      'take recycle 4 [a]',
    ],
    [
      'a server that grew too large',
      observed(settled, [server('a', state(4, { residentBytes: 11 }))], large),
      'take recycle 4 [a]',
    ],
    [
      'a wish is for servers older than it',
      observed({ ...settled, restart: wish }, [server('a', state(4))]),
      'take recycle 4 [a]',
    ],
    [
      'a wish is obeyed once, whatever the clocks say',
      observed({ ...settled, restart: wish }, [server('a', state(4, { recycles: 2 }))]),
      'nothing',
    ],
    [
      'a wish that is older than the server is none',
      observed({ ...settled, restart: { ...wish, at: '2026-01-01T10:00:00Z' } }, [
        server('a', state(4)),
      ]),
      'nothing',
    ],
    [
      'a freeze holds it',
      observed({ ...settled, freeze: { by: 'x', why: 'y', until: '2026-01-03T00:00:00Z' } }, [
        server('a', state(4, old)),
      ]),
      'nothing',
    ],
    [
      'a freeze that is over does not',
      observed({ ...settled, freeze: { by: 'x', why: 'y', until: '2026-01-01T00:00:00Z' } }, [
        server('a', state(4, old)),
      ]),
      'take recycle 4 [a]',
    ],
    [
      'outside the windows nobody is recycled for age',
      observed(settled, [server('a', state(4, old))], shut),
      'nothing',
    ],
    [
      'nor for a wish',
      observed({ ...settled, restart: wish }, [server('a', state(4))], shut),
      'nothing',
    ],
    [
      'nor for size',
      observed(settled, [server('a', state(4, { residentBytes: 11 }))], { ...large, ...shut }),
      'nothing',
    ],
    [
      'one that was taken just before the windows closed is let go',
      observed(on, [server('a', state(4, old))], shut),
      'release',
    ],
    [
      'one that was told before the windows closed is awaited',
      observed(on, [server('a', state(4, { ...old, ready: false }), told(500))], shut),
      'nothing',
    ],
    [
      'a config is rolled out outside the windows',
      observed(channel(), [server('a', state(4, old))], shut),
      'take apply 5 [a]',
    ],
    [
      'going back from one does not wait for a window either',
      observed(channel({ rollout: rollout(5, 'back', ['a']) }), [server('a', state(5))], shut),
      'apply a:4 at fence 20',
    ],
    [
      'a server that is behind is told outside the windows',
      observed(settled, [server('a', state(3))], shut),
      'apply a:4 at fence 20',
    ],
    [
      'the next one waits for the interval since the last start',
      observed(settled, [server('a', state(4, old)), server('b', state(4, young))], spaced),
      'nothing',
    ],
    [
      'and comes when it is over',
      observed(settled, [server('a', state(4, old)), server('b', state(4))], spaced),
      'take recycle 4 [a]',
    ],
    [
      'a wish waits for the interval too',
      observed(
        { ...settled, restart: wish },
        [server('a', state(4)), server('b', state(4, young))],
        spaced,
      ),
      'nothing',
    ],
    [
      'a clock that is far ahead keeps nobody waiting',
      observed(settled, [server('a', state(4, old)), server('b', state(4, ahead))], spaced),
      'take recycle 4 [a]',
    ],
    [
      'after a takeover, one that was done within the interval is released',
      observed(on, [server('a', state(4, { servingSince: AT }))], spaced),
      'release',
    ],
    [
      'one that just failed waits',
      observed(settled, [server('a', state(4, old), told(500))]),
      'nothing',
    ],
    [
      'the server is told once',
      observed(on, [server('a', state(4, old))]),
      'recycle a at fence 20',
    ],
    [
      'then awaited',
      observed(on, [server('a', state(4, { ...old, ready: false }), told(500))]),
      'nothing',
    ],
    [
      'and released when it is ready again',
      observed(on, [server('a', state(4, { recycles: 2 }), told(500))]),
      'release',
    ],
    [
      'or when it refused',
      observed(on, [server('a', state(4, old), told(500, { outcome: 'refused', endedAt: NOW }))]),
      'release',
    ],
    [
      'or when it took too long',
      observed(on, [server('a', { silentMs: 9_000 }, told(121_000))], {
        rolloutSince: NOW - 130_000,
      }),
      'release',
    ],
    [
      'after a takeover, one that is done already is released',
      observed(on, [server('a', state(4))]),
      'release',
    ],
  ])('%s', (_, seen, line) => {
    expect(lineOf(plan(seen))).toBe(line)
  })

  test('outside the windows the reason names the next opening', () => {
    const { why } = decide(observed(settled, [server('a', state(4, old))], shut))

    expect(why).toBe(
      'a waits for its age: outside the windows, the next opens at 2026-01-02T01:00:00.000Z',
    )
  })

  test('before the interval is over the reason names its end', () => {
    const servers = [server('a', state(4, old)), server('b', state(4, young))]

    const { why } = decide(observed(settled, servers, spaced))

    expect(why).toContain('the next may at 2026-01-02T00:00:01.000Z')
  })

  test('a frozen fleet says so', () => {
    const freeze = { by: 'x', why: 'holidays', until: '2026-01-03T00:00:00Z' }

    const { why } = decide(observed({ ...settled, freeze }, [server('a', state(4, old))]))

    expect(why).toContain('holidays')
  })
})
