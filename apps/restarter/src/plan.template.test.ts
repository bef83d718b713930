import { sha256 } from '@drover/model-config'
import { describe, expect, test } from 'vitest'
import type { Observed } from './observed.ts'
import { plan } from './plan.ts'
import {
  AT,
  channel,
  config,
  deployment,
  lineOf,
  NOW,
  observed,
  rollout,
  server,
  state,
} from './test-support/observed.ts'
import { byRoll, failed, fleet, left, moving, pair, wish, wished } from './test-support/roll.ts'

type Row = [name: string, seen: Observed, line: string]

describe('a roll under what is live', () => {
  const settled = { candidate: config(4) }
  const aged = fleet(4).map((each) => ({
    ...each,
    state: state(4, { servingSince: '2026-01-01T00:00:00.000Z' }),
  }))
  const fixed = [server('a', state(4, { canRecycle: false }))]
  const reload = { delivery: 'reload' as const }

  test.each<Row>([
    ['obeys a wish', byRoll({ ...settled, restart: wish }, fleet(4)), 'take roll 4 [] 4/0 to 4/2'],
    [
      'comes when the servers are old, with a count of its own',
      byRoll(settled, aged),
      'take roll 4 [] 4/0 to 4/1',
    ],
    ['does not come before', byRoll(settled, fleet(4)), 'nothing'],
    [
      'does not obey a wish twice',
      byRoll({ ...settled, restart: wish, template: left(4, 2) }, fleet(4)),
      'nothing',
    ],
    [
      'does not try again what failed',
      byRoll({ ...settled, restart: { ...wish, failed: 2 } }, fleet(4)),
      'nothing',
    ],
    [
      'waits for a window',
      byRoll({ ...settled, restart: wish }, fleet(4), {}, { closedUntil: AT }),
      'nothing',
    ],
    [
      'takes the place of a recycle that a server cannot do',
      byRoll({ ...settled, restart: wish }, fixed, {}, reload),
      'take roll 4 [] 4/0 to 4/2',
    ],
    [
      'is not needed where servers recycle',
      byRoll({ ...settled, restart: wish }, fleet(4), {}, reload),
      'take recycle 4 [a]',
    ],
    [
      'is not tried again when a person takes it back',
      byRoll({ ...settled, rollout: wished, restart: wish }, fleet(4), {
        manager: 'kubectl',
      }),
      'back back 4 [] 4/0 to 4/0',
    ],
    [
      'does not come again soon, whatever the clocks of the pods say',
      byRoll(
        {
          ...settled,
          restart: { count: 1, at: '2026-01-01T23:00:00.000Z' },
          template: left(4, 1),
        },
        aged,
      ),
      'nothing',
    ],
    [
      'ends when every pod is new',
      byRoll({ ...settled, rollout: wished, restart: wish }, fleet(4), { pair: pair(4, 2) }),
      'release left 4/2',
    ],
    [
      'rejects nothing when it fails, and is not tried again',
      byRoll({ ...settled, rollout: wished, restart: wish }, fleet(4), {
        pair: pair(4, 2),
        status: failed,
      }),
      'back back 4 [] 4/2 to 4/0',
    ],
  ])('%s', (_name, seen, line) => {
    expect(lineOf(plan(seen))).toBe(line)
  })

  test.each([
    ['failed', { pair: pair(4, 2), status: failed }],
    ['was taken back', { manager: 'kubectl' }],
  ])('the wish that %s is noted', (_what, view) => {
    const seen = byRoll({ ...settled, rollout: wished, restart: wish }, fleet(4), view)
    expect(plan(seen)).toMatchObject({ change: { restart: { count: 2, failed: 2 } } })
  })
})

describe('what others do to the pod template', () => {
  const settled = { candidate: config(4), previous: [{ ...config(3), at: AT }] }
  const reload = { delivery: 'reload' as const }
  const byHand = { manager: 'kubectl' }
  const other = sha256('another image')

  test.each<Row>([
    ['nothing: nothing', byRoll(settled, fleet(4)), 'nothing'],
    [
      'is noted when it is seen for the first time',
      observed(channel({ candidate: config(4) }), fleet(4), { deployment: deployment({}) }),
      'template left -/-',
    ],
    ['an image is noted', byRoll(settled, fleet(4), { templateSha: other }), 'template left 4/0'],
    [
      'an older config asks for a rollback',
      byRoll(settled, fleet(4), { ...byHand, pair: pair(3) }),
      'undo left 3/0 undo 3 by kubectl',
    ],
    [
      'so it does where configs come by reload',
      byRoll(settled, fleet(4), { ...byHand, pair: pair(3) }, reload),
      'undo left 3/0 undo 3 by kubectl',
    ],
    [
      'but not together with an image',
      byRoll(settled, fleet(4), { ...byHand, pair: pair(3), templateSha: other }),
      'template left 3/0',
    ],
    [
      'nor one that nobody knows any more',
      byRoll(settled, fleet(4), { ...byHand, pair: pair(2) }),
      'template left 2/0',
    ],
    ['nor our own hand', byRoll(settled, fleet(4), { pair: pair(3) }), 'template left 3/0'],
    [
      'is read once more before anything is concluded',
      byRoll(settled, fleet(4), { ...byHand, pair: pair(3) }, { isCurrent: false }),
      'nothing',
    ],
    [
      'a config that is not live is put back',
      byRoll(settled, fleet(4), { ...byHand, pair: pair(9), status: moving }),
      'take back 4 [] 9/0 to 4/0',
    ],
    [
      'so is what is no config',
      byRoll(settled, fleet(4), { ...byHand, pair: { config: 'latest' } }),
      'take back 4 [] -/- to 4/0',
    ],
    [
      'what is no config is put back, also when it was left so',
      byRoll({ ...settled, template: { ...left(4), config: 'latest' } }, fleet(4)),
      'take back 4 [] -/0 to -/0',
    ],
    [
      'a roll that is due waits until it is looked after',
      byRoll(
        { ...settled, restart: { count: 2, at: '2026-01-01T23:00:00.000Z' } },
        fleet(4),
        { ...byHand, pair: pair(3) },
        { isCurrent: false },
      ),
      'nothing',
    ],
    [
      'a rollout by reload gives way where no pod can start any more',
      observed(
        channel({ rollout: rollout(5, 'apply', ['a']), template: left(4) }),
        [server('a', { silentMs: 70_000 })],
        {
          deployment: deployment({ config: 'latest' }, { status: moving }),
          noneReadySince: NOW - 61_000,
        },
      ),
      'back back 5 [a]',
    ],
    [
      'a candidate waits until it is looked after',
      byRoll({}, fleet(4), { pair: pair(3), ...byHand }, { isCurrent: false }),
      'nothing',
    ],
    [
      'a candidate that comes by reload does not',
      byRoll({}, fleet(4), { pair: pair(3) }, { isCurrent: false, ...reload }),
      'take apply 5 [a]',
    ],
  ])('%s', (_name, seen, line) => {
    expect(lineOf(plan(seen))).toBe(line)
  })
})
