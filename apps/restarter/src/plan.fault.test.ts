import { describe, expect, test } from 'vitest'
import type { Observed } from './observed.ts'
import { plan } from './plan.ts'
import {
  AT,
  channel,
  command,
  config,
  culprit,
  lineOf,
  NOW,
  observed,
  rollout,
  server,
  state,
} from './test-support/observed.ts'

type Row = [name: string, seen: Observed, line: string]

const on = (servers: string[]) => channel({ rollout: rollout(5, 'apply', servers) })
const returning = (servers: string[]) => channel({ rollout: rollout(5, 'back', servers) })
const lost = (url: string, told = NOW - 9_000) => ({ url, at: NOW - 1_000, told })
const told = (seq: number, agoMs: number) => ({ command: command(seq, agoMs) })

describe('a rollout that meets a fault', () => {
  const gone = { silentMs: 4_000 }
  const wasApplying = { wasApplying: true, command: command(5, 9_000) }

  test.each<Row>([
    [
      'a model failed on the canary: rejected, and the canary goes back',
      observed(on(['a']), [server('a', state(5, { failed: [culprit] })), server('b', state(4))]),
      'reject model 5 back 5 [a]',
    ],
    [
      'a model failed, by the answer alone',
      observed(on(['a']), [
        server('a', state(4), {
          command: command(5, 9, { outcome: 'answered', endedAt: NOW, failed: [culprit] }),
        }),
      ]),
      'reject model 5 back 5 []',
    ],
    [
      'the model server ended under the config',
      observed(on(['a']), [server('a', state(4, { endedUnder: config(5) }))]),
      'reject server 5 back 5 []',
    ],
    [
      'an end under another seq of the same config does not count',
      observed(on(['a']), [server('a', state(4, { endedUnder: { ...config(5), seq: 3 } }))]),
      'apply a:5 at fence 20',
    ],
    [
      'a server takes too long',
      observed(on(['a']), [server('a', state(4, { applying: config(5) }), told(5, 61_000))]),
      'reject deadline 5 back 5 [a]',
    ],
    [
      'a server takes long, but not too long',
      observed(on(['a']), [server('a', state(4, { applying: config(5) }), told(5, 59_000))]),
      'nothing',
    ],
    [
      'a server that cannot fetch is never late',
      observed(on(['a', 'b']), [
        server('a', state(5)),
        server('b', state(4, { impaired: 'no route' }), told(5, 61_000)),
      ]),
      'live 5',
    ],
    [
      'the canary has just fallen silent: nobody else is told',
      observed(on(['a']), [server('a', { silentMs: 1_000 }, wasApplying), server('b', state(4))]),
      'nothing',
    ],
    [
      'the canary is lost: one further canary, alone',
      observed(
        on(['a']),
        [server('a', gone, wasApplying), server('b', state(4)), server('c', state(4))],
        { losses: [lost('a')] },
      ),
      'step apply 5 [a b]',
    ],
    [
      'one is lost after the canary confirmed: again one alone',
      observed(
        on(['a', 'b']),
        [
          server('a', state(5), { command: command(5, 20_000) }),
          server('b', gone, wasApplying),
          server('c', state(4)),
          server('d', state(4)),
        ],
        { losses: [lost('b')] },
      ),
      'step apply 5 [a b c]',
    ],
    [
      'one is lost while others apply: no other is touched before they are done',
      observed(
        on(['a', 'b', 'c']),
        [
          server('a', state(5), { command: command(5, 20_000) }),
          server('b', gone, wasApplying),
          server('c', state(4, { applying: config(5) })),
          server('d', state(4)),
        ],
        { losses: [lost('b')] },
      ),
      'nothing',
    ],
    [
      'the further canary confirmed: the lost one is left behind',
      observed(
        on(['a', 'b']),
        [server('a', gone, wasApplying), server('b', state(5), told(5, 500))],
        { losses: [lost('a')] },
      ),
      'live 5',
    ],
    [
      'the further canary confirmed: the others are told, several at once',
      observed(
        on(['a', 'b', 'c', 'd']),
        [
          server('a', gone, wasApplying),
          server('b', state(5), told(5, 500)),
          server('c', state(4)),
          server('d', state(4)),
        ],
        { losses: [lost('a')] },
      ),
      'apply c:5 d:5 at fence 20',
    ],
    [
      'the lost one answers again: it may be told again',
      observed(
        on(['a']),
        [
          server('a', state(4), {
            command: command(5, 9_000, { outcome: 'lost', endedAt: NOW - 4_000 }),
          }),
        ],
        { losses: [lost('a')] },
      ),
      'apply a:5 at fence 20',
    ],
    [
      'two are lost in a row',
      observed(
        on(['a', 'b']),
        [server('a', gone, wasApplying), server('b', gone, wasApplying), server('c', state(4))],
        { losses: [lost('a'), lost('b')] },
      ),
      'reject server 5 back 5 [a b]',
    ],
    [
      'one server is lost twice',
      observed(on(['a']), [server('a', state(4))], { losses: [lost('a', 1), lost('a', 2)] }),
      'reject server 5 back 5 []',
    ],
    [
      'a server that was told is not ready any more: live waits',
      observed(on(['a', 'b']), [
        server('a', state(5)),
        server('b', state(5, { ready: false }), told(5, 500)),
      ]),
      'nothing',
    ],
  ])('%s', (_, seen, line) => {
    expect(lineOf(plan(seen))).toBe(line)
  })

  test('a rejection names the culprits and keeps the rejections before it', () => {
    const before = { ...config(3), kind: 'server' as const, culprits: [], why: 'ended' }
    const seen = observed({ ...on(['a']), rejected: [before] }, [
      server('a', state(5, { failed: [culprit] })),
    ])

    expect(plan(seen)).toMatchObject({
      change: { rejected: [before, { ...config(5), kind: 'model', culprits: [culprit], at: AT }] },
    })
  })
})

describe('a rollout on its way back', () => {
  test.each<Row>([
    [
      'tells live to the servers that changed',
      observed(returning(['a']), [server('a', state(5)), server('b', state(4))]),
      'apply a:4 at fence 20',
    ],
    [
      'stops what is being applied',
      observed(returning(['a']), [
        server('a', state(4, { applying: config(5) }), { command: command(5, 10) }),
      ]),
      'apply a:4 at fence 20',
    ],
    ['is over when all are back', observed(returning(['a']), [server('a', state(4))]), 'release'],
    [
      'waits for the answer',
      observed(returning(['a']), [server('a', state(5), told(4, 10))]),
      'nothing',
    ],
    [
      'gives up on a server that does not come back in time',
      observed(returning(['a']), [server('a', state(5), told(4, 61_000))], {
        stepSince: NOW - 62_000,
      }),
      'release',
    ],
    [
      'does not wait for a server that is gone',
      observed(returning(['a']), [server('a', { silentMs: 4_000 })]),
      'release',
    ],
    [
      'before the first live goes back to the empty config',
      observed({ ...returning(['a']), live: undefined }, [server('a', state(5))]),
      'apply a:0 at fence 20',
    ],
  ])('%s', (_, seen, line) => {
    expect(lineOf(plan(seen))).toBe(line)
  })
})
