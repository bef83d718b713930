import { expect, test } from 'vitest'
import { makeClock } from './clock.ts'
import { describe, EMPTY_MEMORY, type Memory, remember, type Sight } from './memory.ts'
import {
  channel,
  command,
  config,
  deployment,
  NOW,
  rollout,
  state,
} from './test-support/observed.ts'
import { pair, returning, rolling } from './test-support/roll.ts'

const sight = (more: Partial<Sight>): Sight => ({
  now: NOW,
  holder: 'me',
  channel: channel({ rollout: rollout(5, 'apply', ['a']) }),
  states: new Map([['a', state(4)]]),
  commands: new Map(),
  silentMs: 3_000,
  deployment: { kind: 'none' },
  isFresh: true,
  ...more,
})

/** The memory after several looks. */
const after = (...sights: Partial<Sight>[]): Memory =>
  sights.reduce((memory, each) => remember(memory, sight(each)), EMPTY_MEMORY)

const silent = new Map([['a', undefined]])
const told = new Map([['a', command(5, 0)]])

const other = (beat: number) =>
  channel({ rollout: rollout(5, 'apply', ['a'], { holder: 'other', beat }) })

test('a beat that stands still keeps its time, and one that moves is new', () => {
  const still = after({ channel: other(1) }, { channel: other(1), now: NOW + 9 })
  const moved = after({ channel: other(1) }, { channel: other(2), now: NOW + 9 })

  expect(still.beat?.since).toBe(NOW)
  expect(moved.beat?.since).toBe(NOW + 9)
})

test('a rollout that was seen in another hand was taken over; one that was begun was not', () => {
  const others = { channel: channel({ rollout: rollout(5, 'apply', ['a'], { holder: 'other' }) }) }

  expect(after(others, {}).tookOver).toBe(20)
  expect(after(others, {}, { now: NOW + 1 }).tookOver).toBe(20)
  expect(after({ channel: channel() }, {}).tookOver).toBeUndefined()
})

test('a server that falls silent while applying is lost after a time, once', () => {
  const looks = [
    { commands: told },
    { commands: told, states: silent, now: NOW + 100 },
    { commands: told, states: silent, now: NOW + 3_099 },
  ]
  const late = { commands: told, states: silent, now: NOW + 3_100 }

  expect(after(...looks).losses).toEqual([])
  expect(after(...looks, late, { ...late, now: NOW + 9_000 }).losses).toEqual([
    { url: 'a', at: NOW + 3_100, told: NOW },
  ])
})

test('a server that falls silent after it answered is not lost', () => {
  const commands = new Map([['a', command(5, 0, { outcome: 'answered' })]])
  const gone = { commands, states: silent }

  const memory = after({ commands }, { ...gone, now: NOW + 1 }, { ...gone, now: NOW + 9_000 })

  expect(memory.losses).toEqual([])
})

test('an agent that ended while applying and is back at once was lost', () => {
  const lost = command(5, 0, { outcome: 'lost', startedAt: state(4).startedAt })
  const reborn = state(4, { startedAt: '2026-01-01T01:00:00.000Z' })
  const commands = new Map([['a', lost]])

  expect(after({ commands, states: new Map([['a', reborn]]) }).losses).toHaveLength(1)
  expect(after({ commands }).losses).toEqual([])
})

test('a silent server that another process may have told counts by the step', () => {
  const gone = (servers: string[]) => ({
    states: silent,
    channel: channel({ rollout: rollout(5, 'apply', servers) }),
  })
  const lossesOf = (servers: string[]) =>
    after(gone(servers), { ...gone(servers), now: NOW + 3_000 }).losses

  expect(lossesOf(['a'])).toEqual([{ url: 'a', at: NOW + 3_000, told: -1 }])
  expect(lossesOf(['b'])).toEqual([])
})

test('losses end with their rollout', () => {
  const gone = { commands: told, states: silent }
  const looks = [{ commands: told }, gone, { ...gone, now: NOW + 9_000 }]
  const next = channel({ rollout: { ...rollout(6, 'apply', ['a']), ...config(6) } })

  expect(after(...looks).losses).toHaveLength(1)
  expect(after(...looks, { channel: next, now: NOW + 9_001 }).losses).toEqual([])
})

test('each step of a rollout has a progress of its own', () => {
  const roll = { channel: channel({ rollout: rolling(4, 5, true) }) }
  const back = { channel: channel({ rollout: returning(5, 4) }) }

  const memory = after(
    { ...roll, deployment: deployment(pair(5), { progress: 9 }) },
    { ...back, deployment: deployment(pair(5), { progress: 2 }), now: NOW + 5 },
    { ...back, deployment: deployment(pair(5), { progress: 3 }), now: NOW + 7 },
  )

  expect(memory.rollout).toMatchObject({ kind: 'back', stepSince: NOW + 5 })
  expect(memory.rollout?.progressSince).toBe(NOW + 7)
})

test('a server that is silent is described with the time since when, and as it was', () => {
  const memory = after({}, { states: silent, now: NOW + 5 })

  const { servers } = describe(memory, sight({ states: silent, now: NOW + 9 }))

  expect(servers).toMatchObject([{ url: 'a', silentSince: NOW + 5, wasReady: true }])
})

test('the clock stands still from the last look before the store went away to its return', () => {
  let wall = 0
  const clock = makeClock(() => wall)
  clock.go()
  wall = 10
  clock.stop()
  wall = 500
  clock.stop()
  const away = clock.now()
  clock.go()
  wall = 503

  expect(away).toBe(0)
  expect(clock.now()).toBe(3)
})
