import { type Culprit, sha256 } from '@drover/model-config'
import { describe as group, expect, test, vi } from 'vitest'
import { AgentCode, AgentError, type Agents, makeAgents } from './agents.ts'
import { describe, EMPTY_MEMORY, remember, type Sight } from './memory.ts'
import type { Observed } from './observed.ts'
import { plan } from './plan.ts'
import { makeStates } from './states.ts'
import { startFleet, startRestarter } from './test-support/fleet.ts'
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

type Row = [name: string, seen: Observed, line: string]

const on = (kind: 'apply' | 'back', servers: string[]) =>
  channel({ rollout: rollout(5, kind, servers) })
const refused = { command: command(5, 900, { outcome: 'refused', endedAt: NOW - 800 }) }
const unclear = (silentMs: number, more: Parameters<typeof server>[2] = {}) =>
  server('a', { silentMs }, { isUnclear: true, wasReady: true, ...more })
const given = { wasApplying: true, ...refused }

group('a server that answers with no state', () => {
  test.each<Row>([
    [
      'since it was given the config: nobody else is told at first',
      observed(on('apply', ['a']), [unclear(1_000, given), server('b', state(4))]),
      'nothing',
    ],
    [
      'and goes on so: the config is rejected, and no other server is told it',
      observed(on('apply', ['a']), [unclear(3_000, given), server('b', state(4))]),
      'reject server 5 back 5 [a]',
    ],
    [
      'after others confirmed: rejected all the same',
      observed(on('apply', ['b', 'a']), [unclear(3_000, given), server('b', state(5))]),
      'reject server 5 back 5 [a b]',
    ],
    [
      'and was not given the config: it leaves the set, as a silent one does',
      observed(on('apply', ['b']), [unclear(3_000), server('b', state(5))]),
      'live 5',
    ],
    [
      'is told live on the way back',
      observed(on('back', ['a']), [unclear(4_000, refused), server('b', state(4))]),
      'apply a:4 at fence 20',
    ],
    [
      'is waited for on the way back',
      observed(on('back', ['a']), [unclear(4_000, { command: command(4, 100) })]),
      'nothing',
    ],
    [
      'is given up in the end',
      observed(on('back', ['a']), [unclear(70_000, { command: command(4, 61_000) })], {
        stepSince: NOW - 62_000,
      }),
      'release',
    ],
    [
      'is no canary',
      observed(channel(), [unclear(4_000), server('b', state(4))]),
      'take apply 5 [b]',
    ],
    [
      'is told live with no rollout running',
      observed(channel({ candidate: config(4) }), [unclear(4_000, refused)]),
      'apply a:4 at fence 20',
    ],
    [
      'is told it once',
      observed(channel({ candidate: config(4) }), [
        unclear(4_000, {
          command: command(4, 9_000, { outcome: 'answered', endedAt: NOW - 8_000 }),
        }),
      ]),
      'nothing',
    ],
  ])('%s', (_name, seen, line) => {
    expect(lineOf(plan(seen))).toBe(line)
  })

  test('counts as disturbed by the rollout that named it, and by no other', () => {
    const sight: Sight = {
      now: NOW,
      holder: 'me',
      channel: on('apply', ['a']),
      states: new Map([
        ['a', undefined],
        ['b', undefined],
      ]),
      unclear: new Set(['a', 'b']),
      // Its answer to the command was none either.
      commands: new Map([['a', refused.command]]),
      silentMs: 3_000,
      deployment: { kind: 'none' },
      isFresh: true,
    }
    const { servers } = describe(remember(EMPTY_MEMORY, sight), sight)

    expect(servers).toMatchObject([
      { url: 'a', isUnclear: true, wasApplying: true, silentSince: NOW },
      { url: 'b', isUnclear: true, wasApplying: false },
    ])
  })

  test.each([
    ['came to it, as another has, is not disturbed by it', state(5), state(5), false],
    ['came to it alone is', state(5), state(4), true],
    ['was on its way to it is', state(4, { applying: config(5) }), state(5), true],
    ['begins it once more is', state(5, { applying: config(5) }), state(5), true],
    ['had another config still is', state(4), state(5), true],
  ])('and %s', (_name, last, other, wasApplying) => {
    const answered = command(5, 60_000, { outcome: 'answered', endedAt: NOW - 50_000 })
    const sight: Sight = {
      now: NOW,
      holder: 'me',
      channel: on('apply', ['a']),
      states: new Map([
        ['a', last],
        ['b', other],
      ]),
      commands: new Map([['a', answered]]),
      silentMs: 3_000,
      deployment: { kind: 'none' },
      isFresh: true,
    }
    const states = new Map([
      ['a', undefined],
      ['b', other],
    ])
    const later = { ...sight, states, unclear: new Set(['a']) }
    const memory = remember(remember(EMPTY_MEMORY, sight), later)

    expect(describe(memory, later).servers[0]).toMatchObject({ url: 'a', wasApplying })
  })
})

const failing = (code: AgentCode): Agents => ({
  ...makeAgents(undefined),
  state: async () => await Promise.reject(new AgentError(code, 'no state')),
})
const look = async (agents: Agents) =>
  await makeStates({ agents, stateMs: 1_000, onReturn: () => {} }).look('http://a', false)

test('an answer that is no state is told from silence', async () => {
  expect(await look(failing(AgentCode.REFUSED))).toBe('unclear')
  expect(await look(failing(AgentCode.LOST))).toBeUndefined()
})

test('a canary whose answers cannot be read any more gets the config rejected, and goes back', async () => {
  await using fleet = await startFleet(3)
  const reason = 'x'.repeat(1_000)
  const many = Array.from({ length: 4_000 }, (_, at): Culprit => {
    return { name: `t${at}.m`, version: 1, digest: sha256(`${at}`), reason }
  })
  let bad = -1
  for (const { knobs } of fleet.agents) knobs.failedIn = ({ seq }) => (seq === bad ? many : [])
  await using restarter = startRestarter(fleet, { limits: { silentMs: 300 } })
  const wait = { timeout: 30_000, interval: 5 }
  const good = await fleet.publish(1)
  await vi.waitUntil(async () => (await fleet.readChannel()).live?.seq === good.seq, wait)

  bad = (await fleet.readChannel()).seq + 1
  await fleet.publish(2)
  restarter.nudge()
  await vi.waitUntil(async () => (await fleet.readChannel()).rejected.length > 0, wait)
  await vi.waitUntil(async () => (await fleet.readChannel()).rollout === undefined, wait)
  const back = fleet.agents.map((agent) => agent.state.config)
  const next = await fleet.publish(3)
  restarter.nudge()
  await vi.waitUntil(async () => (await fleet.readChannel()).live?.seq === next.seq, wait)

  const touched = fleet.agents.map(({ applied }) => applied.some(({ seq }) => seq === bad))
  expect(touched).toEqual([true, false, false])
  expect(back).toEqual([good, good, good])
  expect((await fleet.readChannel()).rejected).toMatchObject([{ seq: bad, kind: 'server' }])
})
