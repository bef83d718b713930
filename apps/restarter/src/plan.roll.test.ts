import { sha256 } from '@drover/model-config'
import { describe, expect, test } from 'vitest'
import type { Observed } from './observed.ts'
import { plan } from './plan.ts'
import {
  channel,
  config,
  culprit,
  deployment,
  lineOf,
  NOW,
  observed,
  server,
  state,
  TEMPLATE_SHA,
} from './test-support/observed.ts'
import {
  byRoll,
  failed,
  fleet,
  left,
  moving,
  pair,
  returning,
  rolling,
} from './test-support/roll.ts'

type Row = [name: string, seen: Observed, line: string]

const HOUR_MS = 3_600_000

describe('a candidate that comes by a roll', () => {
  const old = { at: '2026-01-01T23:50:00.000Z', servingSince: '2026-01-01T23:50:00.000Z' }
  const undo = { ...config(3), by: 'person', why: 'bad', asked: 4 }

  test.each<Row>([
    ['is taken with the pair to come to', byRoll({}, fleet(4)), 'take roll 5 [] 4/0 to 5/0'],
    [
      'comes from the empty pair the first time',
      byRoll({ template: { sha: TEMPLATE_SHA } }, fleet(4)),
      'take roll 5 [] -/- to 5/0',
    ],
    [
      'brings a wish that is open',
      byRoll({ restart: { count: 3 } }, fleet(4)),
      'take roll 5 [] 4/0 to 5/3',
    ],
    ['waits for a Deployment that moves', byRoll({}, fleet(4), { status: moving }), 'nothing'],
    [
      'does not wait for one that has had nobody ready for long',
      byRoll({}, fleet(4), { status: moving }, { noneReadySince: NOW - 61_000 }),
      'take roll 5 [] 4/0 to 5/0',
    ],
    [
      'waits for one that is paused, whatever is ready',
      byRoll(
        {},
        fleet(4),
        { status: { state: 'paused', message: 'paused' } },
        { noneReadySince: NOW - 61_000 },
      ),
      'nothing',
    ],
    [
      'waits for the cluster',
      byRoll({}, fleet(4), {}, { deployment: { kind: 'away', why: 'refused' } }),
      'nothing',
    ],
    [
      'waits for a window',
      byRoll({}, fleet(4), {}, { closedUntil: '2026-01-02T02:00:00.000Z' }),
      'nothing',
    ],
    [
      'waits for the end of a freeze',
      byRoll({ freeze: { by: 'me', until: '2026-01-03T00:00:00.000Z', why: 'x' } }, fleet(4)),
      'nothing',
    ],
    [
      'waits for the interval',
      observed(channel({ template: left(4) }), [server('a', state(4, old))], {
        delivery: 'restart',
        deployment: deployment(pair(4)),
        limits: { ...observed(undefined, []).limits, recycleIntervalMs: HOUR_MS },
      }),
      'nothing',
    ],
    [
      'waits for no window when it holds an undo',
      byRoll({ undo }, fleet(4), {}, { closedUntil: '2026-01-02T02:00:00.000Z' }),
      'take roll 5 [] 4/0 to 5/0',
    ],
    [
      'leaves the undo when it is live',
      byRoll({ undo, candidate: config(4) }, fleet(4)),
      'nothing',
    ],
  ])('%s', (_name, seen, line) => {
    expect(lineOf(plan(seen))).toBe(line)
  })
})

describe('a roll', () => {
  const held = { rollout: rolling(4, 5) }
  const made = { rollout: rolling(4, 5, true) }
  const there = pair(5)
  const late = { progressSince: NOW - 2 * HOUR_MS }

  test.each<Row>([
    ['patches the pair', byRoll(held, fleet(4)), 'patch 5/0 at version 7'],
    ['waits for the pods', byRoll(made, fleet(4), { pair: there, status: moving }), 'nothing'],
    [
      'waits while the cluster is away',
      byRoll(held, fleet(4), {}, { deployment: { kind: 'away', why: 'refused' } }),
      'nothing',
    ],
    [
      'is live when every pod is new and confirms',
      byRoll(made, fleet(5), { pair: there }),
      'live 5 left 5/0',
    ],
    [
      'is not live while an old pod is there, though it confirms',
      byRoll(made, fleet(5), { pair: there, status: moving }),
      'nothing',
    ],
    [
      'tells a server that got ready on another config',
      byRoll(made, [server('a', state(5)), server('b', state(4))], { pair: there }),
      'step roll 5 [b] 4/0 to 5/0',
    ],
    [
      'rejects what a new pod shows',
      byRoll(
        made,
        [server('a', state(4)), server('c', state(5, { ready: false, failed: [culprit] }))],
        { pair: there, status: moving },
      ),
      'reject model 5 back 5 [c] 5/0 to 4/0',
    ],
    [
      'rejects what ended a model server',
      byRoll(
        made,
        [server('a', state(4)), server('c', state(4, { ready: false, endedUnder: config(5) }))],
        { pair: there, status: moving },
      ),
      'reject server 5 back 5 [] 5/0 to 4/0',
    ],
    [
      'rejects what Kubernetes gives up',
      byRoll(made, fleet(4), { pair: there, status: failed }),
      'reject deadline 5 back 5 [] 5/0 to 4/0',
    ],
    [
      'rejects what takes too long',
      byRoll(made, fleet(4), { pair: there, status: moving }, late),
      'reject deadline 5 back 5 [] 5/0 to 4/0',
    ],
    [
      'goes on in spite of a newer candidate while its pods have none',
      byRoll(
        { ...made, candidate: config(6) },
        fleet(4),
        { pair: there, status: moving },
        { stepSince: NOW - 61_000 },
      ),
      'nothing',
    ],
    [
      'patches once more what another holder of the name overwrote',
      byRoll(made, fleet(4), {}),
      'patch 5/0 at version 7',
    ],
    [
      'gives way to a person who undoes it, and brings the same no more',
      byRoll(made, fleet(4), { manager: 'kubectl' }),
      'reject deadline 5 back 5 [] 4/0 to 4/0 undo 4 by kubectl',
    ],
    [
      'is rejected when its patch is refused for too long',
      byRoll(held, fleet(4), {}, late),
      'reject deadline 5 back 5 [] 5/0 to 4/0',
    ],
    [
      'goes back when its patch is refused and there is a newer candidate',
      byRoll({ ...held, candidate: config(6) }, fleet(4), {}, { unmetSince: NOW - 61_000 }),
      'back back 5 [] 5/0 to 4/0',
    ],
    [
      'goes back, and rejects nothing, when the cluster is away for too long',
      byRoll(made, fleet(4), {}, { deployment: { kind: 'away', why: 'refused' }, ...late }),
      'back back 5 [] 5/0 to 4/0',
    ],
    [
      'goes back when nobody says any more what to roll',
      byRoll(made, fleet(4), {}, { deployment: { kind: 'none' } }),
      'back back 5 [] 5/0 to 4/0',
    ],
    [
      'patches over what is no config, whoever wrote it',
      byRoll(made, fleet(4), { pair: { config: 'latest' }, manager: 'kubectl' }),
      'patch 5/0 at version 7',
    ],
    [
      'patches once more when the whole Deployment was put in place anew',
      byRoll(made, fleet(4), { pair: {}, manager: undefined, templateSha: sha256('other') }),
      'patch 5/0 at version 7',
    ],
    [
      'is not live before every pod is known',
      byRoll(made, [server('a', state(5))], { pair: there }),
      'nothing',
    ],
    [
      'does not wait for ever to touch the Deployment',
      byRoll(held, fleet(4), {}, { tookOver: 20, rolloutSince: NOW - 61_000 }),
      'patch 5/0 at version 7',
    ],
    [
      'touches the Deployment first after a takeover',
      byRoll(held, fleet(4), {}, { tookOver: 20 }),
      'touch 20',
    ],
    [
      'then hands the fence on',
      byRoll(held, fleet(4), { touch: 20 }, { tookOver: 20 }),
      'apply a:4 b:4 at fence 20',
    ],
  ])('%s', (_name, seen, line) => {
    expect(lineOf(plan(seen))).toBe(line)
  })
})

describe('going back from a roll', () => {
  const held = { rollout: returning(4, 5) }
  const back = { rollout: returning(4, 5, true) }
  const stuck = { stepSince: NOW - 61_000 }

  test.each<Row>([
    [
      'patches what was there before',
      byRoll(held, fleet(4), { pair: pair(5), status: moving }),
      'patch 4/0 at version 7',
    ],
    [
      'tells servers that have the config to leave it',
      byRoll(held, [server('a', state(4)), server('c', state(5))], { status: moving }),
      'step back 5 [c] 5/0 to 4/0',
    ],
    ['waits for the pods', byRoll(back, fleet(4), { status: moving }), 'nothing'],
    ['notes that the pair is there', byRoll(held, fleet(4)), 'step back 5 [] 5/0 to 4/0'],
    ['ends when the pods are there', byRoll(back, fleet(4)), 'release left 4/0'],
    [
      'is over, for now, when Kubernetes gives up',
      byRoll(back, fleet(4), { status: failed }, stuck),
      'release left 4/0',
    ],
    [
      'leaves what a person changed meanwhile',
      byRoll(back, fleet(4), { pair: pair(3), manager: 'kubectl' }),
      'release',
    ],
    [
      'ends with the cluster away for too long',
      byRoll(
        held,
        fleet(4),
        {},
        {
          deployment: { kind: 'away', why: 'refused' },
          stepSince: NOW - 2 * HOUR_MS,
        },
      ),
      'release',
    ],
  ])('%s', (_name, seen, line) => {
    expect(lineOf(plan(seen))).toBe(line)
  })
})
