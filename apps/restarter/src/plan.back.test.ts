// Going back, and what becomes of servers that begin anew meanwhile.

import { describe, expect, test } from 'vitest'
import { newCommand } from './command.ts'
import type { Observed } from './observed.ts'
import { plan } from './plan.ts'
import {
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
import { byRoll, fleet, moving, pair, returning } from './test-support/roll.ts'

const status = (name: 'paused' | 'empty' | 'failed') => ({ status: { state: name, message: '' } })

type Row = [name: string, seen: Observed, line: string]

describe('going back', () => {
  const homeward = { rollout: rollout(5, 'back', ['a', 'b', 'c']) }
  const three = ['a', 'b', 'c'].map((url) => server(url, state(5)))
  const told = { command: command(4, 10) }

  test.each<Row>([
    [
      'tells as many at once as may apply',
      observed(channel(homeward), three),
      'apply a:4 b:4 at fence 20',
    ],
    [
      'counts those that were told',
      observed(channel(homeward), [
        server('a', state(5), told),
        server('b', state(5), told),
        server('c', state(5)),
      ]),
      'nothing',
    ],
    [
      'does not wait for a server that cannot write',
      observed(channel(homeward), [server('a', state(5, { impaired: 'disk full' }))]),
      'release',
    ],
    [
      'waits for one that has just fallen silent',
      observed(channel(homeward), [server('a', { silentMs: 1_000 }, { wasReady: true })]),
      'nothing',
    ],
  ])('%s', (_name, seen, line) => {
    expect(lineOf(plan(seen))).toBe(line)
  })
})

describe('going back from a roll', () => {
  const back = { rollout: returning(4, 5, true) }
  const stuck = { stepSince: NOW - 61_000 }
  const reload = { delivery: 'reload' as const }

  test.each<Row>([
    [
      'is over on a Deployment that is paused',
      byRoll(back, fleet(4), status('paused'), stuck),
      'release left 4/0',
    ],
    [
      'is over on one without pods',
      byRoll(back, fleet(4), status('empty'), stuck),
      'release left 4/0',
    ],
    ['gives Kubernetes the time of an apply', byRoll(back, fleet(4), status('failed')), 'nothing'],
    [
      'gives way to a config that comes by reload after that',
      byRoll(back, fleet(4), { status: moving }, { ...stuck, ...reload }),
      'release left 4/0',
    ],
    [
      'goes on where a config waits that comes by a roll',
      byRoll(back, fleet(4), { status: moving }, stuck),
      'nothing',
    ],
    [
      'goes on where no config waits',
      byRoll(
        { ...back, candidate: config(4) },
        fleet(4),
        { status: moving },
        { ...stuck, ...reload },
      ),
      'nothing',
    ],
    [
      'goes on with the pods while it waits for a server anyway',
      byRoll(
        { rollout: returning(4, 5) },
        [server('a', state(5), { command: command(4, 10) }), server('b', state(4))],
        { pair: pair(5), status: moving },
        { ...stuck, ...reload },
      ),
      'patch 4/0 at version 7',
    ],
  ])('%s', (_name, seen, line) => {
    expect(lineOf(plan(seen))).toBe(line)
  })

  test('no rollout without a template touches the Deployment', () => {
    const held = { rollout: rollout(5, 'apply', ['a']) }

    expect(lineOf(plan(byRoll(held, fleet(4), {}, { tookOver: 20 })))).toBe(
      'apply a:4 b:4 at fence 20',
    )
  })
})

describe('a server that confirmed and began anew', () => {
  const reborn = { startedAt: '2026-01-01T23:59:50.000Z' }
  const confirmed = command(5, 61_000, { outcome: 'answered', endedAt: NOW - 60_000 })

  test('rejects nothing while it starts', () => {
    const seen = observed(channel({ rollout: rollout(5, 'apply', ['a', 'b', 'c']) }), [
      server('a', state(undefined, { ...reborn, ready: false }), { command: confirmed }),
      server('b', state(4, { applying: config(5) }), { command: command(5, 1_000) }),
      server('c', state(5)),
    ])

    expect(lineOf(plan(seen))).toBe('nothing')
  })

  test.each([
    ['has all its time again when it is told again', state(4, reborn), NOW],
    ['has not when it is the same life', state(4), confirmed.since],
    ['has not when it answers with no state', undefined, confirmed.since],
  ])('%s', (_name, now, since) => {
    const order = { ...config(5), url: 'a', fence: 20, offered: false, recycles: 1 }

    const next = newCommand(order, 'apply', { at: NOW, state: now, before: confirmed })

    expect(next.since).toBe(since)
  })
})
