import { EMPTY_CONFIG } from '@drover/model-config'
import { describe, expect, test } from 'vitest'
import type { Observed } from './observed.ts'
import { decide, plan } from './plan.ts'
import {
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

const on = (servers: string[]) => channel({ rollout: rollout(5, 'apply', servers) })

type Row = [name: string, seen: Observed, line: string]

const rejected = [{ ...config(5), kind: 'model' as const, culprits: [culprit], why: 'wrong' }]

describe('with no rollout running', () => {
  const behind = [server('a', state(4)), server('b', state(4))]
  const settled = channel({ candidate: config(4) })
  const noLive = channel({ live: undefined })

  test.each<Row>([
    [
      'a candidate waits: the first ready server is the canary',
      observed(channel(), behind),
      'take apply 5 [a]',
    ],
    [
      'the store is away: nothing is done',
      observed(undefined, behind, { away: 'gone' }),
      'nothing',
    ],
    ['there is no channel', observed(undefined, behind), 'nothing'],
    ['the candidate is live', observed(settled, behind), 'nothing'],
    ['no server answers', observed(channel(), [server('a', { silentMs: 10 })]), 'nothing'],
    [
      'the first server is not ready: another is the canary',
      observed(channel(), [server('a', state(4, { ready: false })), server('b', state(4))]),
      'take apply 5 [b]',
    ],
    [
      'the first server cannot fetch: another is the canary',
      observed(channel(), [
        server('a', state(4, { impaired: 'disk full' })),
        server('b', state(4)),
      ]),
      'take apply 5 [b]',
    ],
    [
      'none is ready: one that answers is offered the candidate',
      observed(noLive, [server('a', state(undefined, { ready: false }))]),
      'take apply 5 [a]',
    ],
    ['the candidate was rejected', observed(channel({ rejected }), behind), 'nothing'],
    [
      'a rejected config comes again under a new seq',
      observed(channel({ candidate: { ...config(5), seq: 6 }, rejected }), behind),
      'take apply 6 [a]',
    ],
    [
      'the candidate holds a known culprit',
      observed(channel(), behind, { held: [culprit] }),
      'nothing',
    ],
    ['the candidate cannot be read', observed(channel(), behind, { fault: 'no root' }), 'nothing'],
    [
      'servers on other configs than live are told live',
      observed(settled, [
        server('a', state(3)),
        server('b', state(4)),
        server('c', state(undefined)),
      ]),
      'apply a:4 c:4 at fence 20',
    ],
    [
      'one that is told already is not told again',
      observed(settled, [server('a', state(3), { command: command(4, 10) })]),
      'nothing',
    ],
    [
      'one that refused is told again only after a pause',
      observed(settled, [
        server('a', state(3), {
          command: command(4, 900, { outcome: 'refused', endedAt: NOW - 900 }),
        }),
      ]),
      'nothing',
    ],
    [
      'before the first live a server that kept a rejected config is told the empty one',
      observed(channel({ live: undefined, rejected }), [server('a', state(5))]),
      'apply a:0 at fence 20',
    ],
    [
      'before the first live an empty server is left alone',
      observed(channel({ live: undefined, rejected }), [
        server('a', state(0, { config: { sha: EMPTY_CONFIG.sha, seq: 0 } })),
        server('b', state(undefined)),
      ]),
      'nothing',
    ],
  ])('%s', (_, seen, line) => {
    expect(lineOf(plan(seen))).toBe(line)
  })
})

describe('a rollout that is held', () => {
  const told = { command: command(5, 100) }

  test.each<Row>([
    [
      'tells the canary alone',
      observed(on(['a']), [server('a', state(4)), server('b', state(4))]),
      'apply a:5 at fence 20',
    ],
    [
      'tells the one that an earlier holder named, and not the first one',
      observed(on(['b']), [server('a', state(4)), server('b', state(4))]),
      'apply b:5 at fence 20',
    ],
    [
      'tells no other while the canary is on its way',
      observed(on(['a']), [server('a', state(4, { applying: config(5) })), server('b', state(4))]),
      'nothing',
    ],
    [
      'tells no other while the answer of the canary is awaited',
      observed(on(['a']), [server('a', state(4), told), server('b', state(4))]),
      'nothing',
    ],
    [
      'writes the step before it tells the others, as many as may apply at once',
      observed(on(['a']), [
        server('a', state(5)),
        ...['b', 'c', 'd'].map((url) => server(url, state(4))),
      ]),
      'step apply 5 [a b c]',
    ],
    [
      'tells the others once the step names them',
      observed(on(['a', 'b', 'c']), [
        server('a', state(5)),
        ...['b', 'c', 'd'].map((url) => server(url, state(4))),
      ]),
      'apply b:5 c:5 at fence 20',
    ],
    [
      'tells a server that became ready on its way',
      observed(on(['a', 'b']), [
        server('a', state(5)),
        server('b', state(5)),
        server('c', state(4)),
      ]),
      'step apply 5 [a b c]',
    ],
    [
      'moves live when all confirm',
      observed(on(['a', 'b']), [server('a', state(5)), server('b', state(5))]),
      'live 5',
    ],
    [
      'does not wait for a server that is not ready',
      observed(on(['a']), [server('a', state(5)), server('b', state(4, { ready: false }))]),
      'live 5',
    ],
    [
      'does not tell a server that is not ready while others are',
      observed(on(['a', 'c']), [
        server('a', state(5)),
        server('b', state(4, { ready: false })),
        server('c', state(4), told),
      ]),
      'nothing',
    ],
    [
      'does not wait for a server that is gone and was not applying',
      observed(on(['a']), [server('a', state(5)), server('b', { silentMs: 4_000 })]),
      'live 5',
    ],
    [
      'waits a moment for one that has only just fallen silent',
      observed(on(['a']), [
        server('a', state(5)),
        server('b', { silentMs: 1_000 }, { wasReady: true }),
      ]),
      'nothing',
    ],
    [
      'does not wait for a server that cannot fetch',
      observed(on(['a']), [server('a', state(5)), server('b', state(4, { impaired: 'no route' }))]),
      'live 5',
    ],
    [
      'does not count the same config under another seq',
      observed(on(['a']), [server('a', state(5, { config: { ...config(5), seq: 3 } }), told)]),
      'nothing',
    ],
    [
      'moves live to what was confirmed, whatever candidate says now',
      observed({ ...on(['a']), candidate: config(9) }, [server('a', state(5))]),
      'live 5',
    ],
    [
      'does not move live while no server is ready',
      observed(on(['a']), [server('a', state(5, { ready: false }), told)]),
      'nothing',
    ],
    [
      'offers the candidate to a server that is not ready when none is',
      observed(on(['a']), [server('a', state(undefined, { ready: false }))]),
      'apply a:5 at fence 20',
    ],
    [
      'is beaten for',
      observed(on(['a']), [server('a', state(4), told)], { beatSince: NOW - 5_000 }),
      'beat apply 5 [a]',
    ],
    [
      'asks a server that refused no more and takes another canary',
      observed(on(['a']), [
        server('a', state(4), {
          command: command(5, 50, { outcome: 'refused', endedAt: NOW - 10 }),
        }),
        server('b', state(4)),
      ]),
      'step apply 5 [a b]',
    ],
    [
      'gives way to a newer candidate when nobody could take it in time',
      observed(
        { ...on(['a']), candidate: config(9) },
        [server('a', state(4, { impaired: 'bucket missing' }))],
        { rolloutSince: NOW - 61_000 },
      ),
      'back back 5 []',
    ],
  ])('%s', (_, seen, line) => {
    expect(lineOf(plan(seen))).toBe(line)
  })

  test('live keeps what was live before, and the rollout is over', () => {
    const action = plan(observed(on(['a']), [server('a', state(5))]))

    expect(action).toMatchObject({
      change: { live: config(5), previous: [config(4)], rollout: undefined },
    })
  })

  test('the required servers are those that are ready now', () => {
    const servers = [server('a', state(5)), server('b', state(4, { ready: false }))]

    expect(decide(observed(on(['a']), servers)).required).toEqual(['a'])
  })
})
