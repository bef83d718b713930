import { expect, test } from 'vitest'
import { makeDurations, type Medians } from './durations.ts'
import { forecastOf } from './forecast.ts'
import { LIMITS, type Observed } from './observed.ts'
import {
  channel,
  config,
  deployment,
  observed,
  rollout,
  server,
  state,
} from './test-support/observed.ts'
import { parseWindows } from './windows.ts'

const MEDIANS: Medians = { apply: 1_000, recycle: 600_000, roll: 30_000 }
const UNKNOWN: Medians = { apply: undefined, recycle: undefined, roll: undefined }
const settled = channel({ candidate: config(4) })
const five = ['a', 'b', 'c', 'd', 'e']
const fleet = five.map((url) => server(url, state(4)))
const going = (confirmed: number) =>
  five.map((url, index) => server(url, state(index < confirmed ? 5 : 4)))
const running = channel({ rollout: rollout(5, 'apply', ['a']) })
const pause = (recycleIntervalMs: number) => ({ limits: { ...LIMITS, recycleIntervalMs } })

test.each<[string, Observed, Medians, object]>([
  [
    'the next one: the canary, then two at a time',
    observed(channel(), fleet),
    MEDIANS,
    { kind: 'apply', isRunning: false, seq: 5, servers: 5, ms: 3_000 },
  ],
  [
    'while nothing was seen yet',
    observed(channel(), fleet),
    UNKNOWN,
    { kind: 'apply', isRunning: false, seq: 5, servers: 5, ms: null },
  ],
  [
    'with no candidate that waits',
    observed(settled, fleet),
    MEDIANS,
    { kind: 'apply', isRunning: false, seq: null, servers: 5, ms: 3_000 },
  ],
  [
    'the present one after its canary',
    observed(running, going(1)),
    MEDIANS,
    { kind: 'apply', isRunning: true, seq: 5, servers: 4, ms: 2_000 },
  ],
  [
    'the present one near its end',
    observed(running, going(4)),
    MEDIANS,
    { kind: 'apply', isRunning: true, seq: 5, servers: 1, ms: 1_000 },
  ],
  [
    'servers that do not answer are left out',
    observed(channel(), [...fleet.slice(0, 3), server('z', { silentMs: 9_000 })]),
    MEDIANS,
    { kind: 'apply', isRunning: false, seq: 5, servers: 3, ms: 2_000 },
  ],
  [
    'going back',
    observed(channel({ rollout: rollout(5, 'back', ['a', 'b', 'c']) }), going(3)),
    MEDIANS,
    { kind: 'back', isRunning: true, seq: 5, servers: 3, ms: 2_000 },
  ],
  [
    'a recycle',
    observed(channel({ rollout: rollout(4, 'recycle', ['a']) }), fleet),
    MEDIANS,
    { kind: 'recycle', isRunning: true, seq: 4, servers: 1, ms: 600_000 },
  ],
  [
    'a roll, pod by pod',
    observed(channel({ rollout: rollout(5, 'roll', []) }), fleet, {
      deployment: deployment({}, { replicas: 5, updated: 2 }),
    }),
    MEDIANS,
    { kind: 'roll', isRunning: true, seq: 5, servers: 3, ms: 90_000 },
  ],
  [
    'the next one, where every config comes by a roll',
    observed(channel(), fleet, {
      delivery: 'restart',
      deployment: deployment({}, { replicas: 5, updated: 5 }),
    }),
    MEDIANS,
    { kind: 'roll', isRunning: false, seq: 5, servers: 5, ms: 150_000 },
  ],
  [
    'no server at all',
    observed(channel(), []),
    MEDIANS,
    { kind: 'apply', isRunning: false, seq: 5, servers: 0, ms: 0 },
  ],
])('a rollout is foretold: %s', (_, seen, medians, expected) => {
  expect(forecastOf(seen, { medians, windows: [] }).rollout).toEqual(expected)
})

test.each<[string, Observed, string, Medians, object]>([
  [
    'one after the other',
    observed(settled, fleet),
    '',
    MEDIANS,
    {
      due: 0,
      servers: 5,
      startsAt: '2026-01-02T00:00:00.000Z',
      endsAt: '2026-01-02T00:50:00.000Z',
    },
  ],
  [
    'of those that are due, if any are',
    observed(settled, [
      ...fleet,
      server('f', state(4, { servingSince: '2025-12-31T00:00:00.000Z' })),
    ]),
    '',
    MEDIANS,
    {
      due: 1,
      servers: 1,
      startsAt: '2026-01-02T00:00:00.000Z',
      endsAt: '2026-01-02T00:10:00.000Z',
    },
  ],
  [
    'unknown while none was seen, though not when they begin',
    observed(settled, fleet),
    '0 2 * * * UTC 4h',
    UNKNOWN,
    { due: 0, servers: 5, startsAt: '2026-01-02T02:00:00.000Z', endsAt: null },
  ],
  [
    'over two windows: what has begun is ended, the rest waits',
    observed(settled, fleet),
    '0 2 * * * UTC 25m',
    MEDIANS,
    {
      due: 0,
      servers: 5,
      startsAt: '2026-01-02T02:00:00.000Z',
      endsAt: '2026-01-03T02:20:00.000Z',
    },
  ],
  [
    'with the interval between them',
    observed(settled, fleet, pause(3_600_000)),
    '',
    MEDIANS,
    {
      due: 0,
      servers: 5,
      startsAt: '2026-01-02T00:00:00.000Z',
      endsAt: '2026-01-02T04:50:00.000Z',
    },
  ],
  [
    'after the freeze',
    observed(
      { ...settled, freeze: { by: 'x', why: 'y', until: '2026-01-05T00:00:00.000Z' } },
      fleet,
    ),
    '',
    MEDIANS,
    {
      due: 0,
      servers: 5,
      startsAt: '2026-01-05T00:00:00.000Z',
      endsAt: '2026-01-05T00:50:00.000Z',
    },
  ],
  [
    'too far ahead to be foretold',
    observed(
      settled,
      Array.from({ length: 201 }, (_, index) => server(`${index}`, state(4))),
    ),
    '0 2 * * * UTC 1m',
    MEDIANS,
    { due: 0, servers: 201, startsAt: '2026-01-02T02:00:00.000Z', endsAt: null },
  ],
])('recycles are foretold: %s', (_, seen, list, medians, expected) => {
  const windows = parseWindows(list)

  expect(forecastOf(seen, { medians, windows }).recycles).toEqual(expected)
})

test('the median is that of the last fifty, by kind', () => {
  const durations = makeDurations()
  for (let ms = 1; ms <= 100; ms++) durations.add('apply', ms)

  expect(durations.medians()).toEqual({ apply: 75.5, recycle: undefined })
})
