import { once } from 'node:events'
import { auditKey, Audit, channelKey, type ConfigRef, sha256 } from '@drover/model-config'
import {
  ModelStoreCode,
  ModelStoreError,
  readJson,
  swapJson,
  withFaults,
} from '@drover/model-store'
import { expect, test, vi } from 'vitest'
import { LIMITS, makeAgents } from './restarter.ts'
import { culpritOf, type Fleet, startFleet, startRestarter } from './test-support/fleet.ts'

const WAIT = { timeout: 30_000, interval: 5 }

const readAudit = async ({ store }: Fleet, at: Date, id: string) =>
  await readJson(store, auditKey(at, `fleets.main.${id}`), Audit)

/** Something to wait for, and the way to let it pass. */
function gate() {
  const events = new EventTarget()
  const opened = once(events, 'open')
  const passed = async () => void (await opened)
  return { open: () => events.dispatchEvent(new Event('open')), passed }
}

test('a candidate becomes live after the canary and then the other confirmed it', async () => {
  await using fleet = await startFleet(2)
  const [canary, other] = fleet.agents
  const hold = gate()
  if (canary !== undefined) canary.knobs.applying = hold.passed
  await using restarter = startRestarter(fleet)

  const candidate = await fleet.publish(1)
  restarter.nudge()
  await vi.waitUntil(() => canary?.state.applying !== undefined, WAIT)
  const early = other?.applied.length
  hold.open()
  await vi.waitUntil(async () => (await fleet.readChannel()).live !== undefined, WAIT)

  const { live, rollout } = await fleet.readChannel()
  expect(early).toBe(0)
  const { seq, sha } = candidate
  await vi.waitUntil(
    async () => await readAudit(fleet, new Date(live?.at ?? ''), `live.${seq}`),
    WAIT,
  )
  const record = await readAudit(fleet, new Date(live?.at ?? ''), `live.${seq}`)
  expect(record).toMatchObject({ seq, what: `live moved to ${sha}`, by: 'restarter', before: null })
  expect(live).toMatchObject(candidate)
  expect(rollout).toBeUndefined()
  expect(fleet.agents.map(({ state }) => state.config)).toEqual([candidate, candidate])
  expect(restarter.errors).toEqual([])
})

test('a bad model is rejected with its name, and the canary goes back to live', async () => {
  await using fleet = await startFleet(2)
  for (const { knobs } of fleet.agents) {
    knobs.failedIn = ({ sha }) => (sha === bad.sha ? [culpritOf(2)] : [])
  }
  let bad: ConfigRef = { sha: '', seq: 0 }
  let nudges = 0
  await using restarter = startRestarter(fleet, {
    nudgePublisher: async () => {
      nudges += 1
    },
  })
  const good = await fleet.publish(1)
  await vi.waitUntil(async () => (await fleet.readChannel()).live !== undefined, WAIT)
  await vi.waitUntil(() => nudges === 1, WAIT)

  bad = await fleet.publish(2)
  restarter.nudge()
  await vi.waitUntil(async () => {
    const { rejected, rollout } = await fleet.readChannel()
    return rejected.length > 0 && rollout === undefined
  }, WAIT)

  const { live, rejected } = await fleet.readChannel()
  expect(live).toMatchObject(good)
  expect(rejected).toMatchObject([{ ...bad, kind: 'model', culprits: [culpritOf(2)] }])
  expect(fleet.agents.map(({ state }) => state.config)).toEqual([good, good])
  expect(fleet.agents.map(({ applied }) => applied.length)).toEqual([3, 1])
  await vi.waitUntil(() => nudges === 2, WAIT)
  const at = new Date(rejected[0]?.at ?? '')
  const record = await readAudit(fleet, at, `rejected.${bad.seq}`)
  expect(record?.why).toContain('acme.intent version 2')
})

test('a candidate that still holds a culprit is not started, and the next without it is', async () => {
  await using fleet = await startFleet(1)
  const rejection = { sha: 'f'.repeat(64), seq: 1, kind: 'model' as const, why: 'x' }
  const channel = await fleet.readChannel()
  const rejected = [{ ...rejection, culprits: [culpritOf(2)] }]
  const next = { ...channel, seq: channel.seq + 1, rejected }
  await swapJson(fleet.store, channelKey('main'), channel.seq, next)
  await fleet.publish(2)
  await using restarter = startRestarter(fleet)

  await vi.waitUntil(() => restarter.status().why.includes('holds acme.intent version 2'), WAIT)
  const applied = fleet.agents[0]?.applied.length
  const candidate = await fleet.publish(3)
  await vi.waitUntil(async () => (await fleet.readChannel()).live !== undefined, WAIT)

  expect(applied).toBe(0)
  expect((await fleet.readChannel()).live).toMatchObject(candidate)
})

test('a server that is gone keeps nobody waiting and catches up when it is back', async () => {
  await using fleet = await startFleet(2)
  const [, other] = fleet.agents
  await other?.stop()
  await using restarter = startRestarter(fleet, { limits: { silentMs: 500 } })

  const candidate = await fleet.publish(1)
  restarter.nudge()
  await vi.waitUntil(async () => (await fleet.readChannel()).live !== undefined, WAIT)
  const before = restarter.status().servers.map(({ reachable }) => reachable)
  await other?.start()
  await vi.waitUntil(() => other?.state.config !== undefined, WAIT)

  expect(before).toEqual([true, false])
  expect(other?.state.config).toEqual(candidate)
  expect((await fleet.readChannel()).rejected).toEqual([])
})

// The agent listens on the first only: what is asked at the second is answered by the first.
const toFirst = (url: string) => url.replace('127.0.0.2', '127.0.0.1')

test('a server under two addresses of a name is one server, and is told once', async () => {
  await using fleet = await startFleet(1)
  const port = new URL(fleet.agents[0]?.url ?? '').port
  const addresses = ['127.0.0.1', '127.0.0.2'].map((address) => ({ address, family: 4 }))
  const agents = makeAgents('secret')
  await using restarter = startRestarter(fleet, {
    servers: [`dns+http://tf-server:${port}`],
    resolve: async () => addresses,
    agents: { ...agents, state: async (url, signal) => await agents.state(toFirst(url), signal) },
  })

  const candidate = await fleet.publish(1)
  await vi.waitUntil(async () => (await fleet.readChannel()).live !== undefined, WAIT)

  expect((await fleet.readChannel()).live).toMatchObject(candidate)
  expect(restarter.status().servers.map(({ url }) => url)).toEqual([`http://127.0.0.1:${port}`])
  expect(restarter.status().names).toMatchObject([{ error: null }])
  expect(fleet.agents[0]?.applied).toEqual([candidate])
})

test('while the store is away nothing is done, and no deadline runs', async () => {
  await using fleet = await startFleet(1)
  const [agent] = fleet.agents
  const hold = gate()
  if (agent !== undefined) agent.knobs.applying = hold.passed
  let isAway = false
  let looks = 0
  const store = withFaults(fleet.store, () => {
    if (!isAway) return
    looks += 1
    throw new ModelStoreError(ModelStoreCode.UNAVAILABLE, 'unplugged')
  })
  let aheadMs = 0
  const now = performance.now.bind(performance)
  using _ = vi.spyOn(performance, 'now').mockImplementation(() => now() + aheadMs)
  await using restarter = startRestarter({ ...fleet, store })
  const candidate = await fleet.publish(1)
  await vi.waitUntil(() => agent?.state.applying !== undefined, WAIT)

  isAway = true
  await vi.waitUntil(() => restarter.status().away === 'unplugged', WAIT)
  aheadMs = 2 * LIMITS.applyMs
  const before = looks
  await vi.waitUntil(() => looks > before + 2, WAIT)
  const meanwhile = await fleet.readChannel()
  const readiness = restarter.isReady()
  isAway = false
  // The server has not answered yet at this look, which is when a deadline would be noticed.
  await vi.waitUntil(() => restarter.status().away === null, WAIT)
  hold.open()
  await vi.waitUntil(async () => (await fleet.readChannel()).live !== undefined, WAIT)

  expect(meanwhile).toMatchObject({ rejected: [], rollout: { step: { kind: 'apply' } } })
  expect(readiness).toEqual({ ready: false, why: 'the store: unplugged' })
  expect((await fleet.readChannel()).live).toMatchObject(candidate)
})

test('two restarters at once tell each server once', async () => {
  await using fleet = await startFleet(3)
  await using one = startRestarter(fleet)
  await using two = startRestarter(fleet)

  for (const version of [1, 2, 3]) {
    const candidate = await fleet.publish(version)
    one.nudge()
    two.nudge()
    await vi.waitUntil(async () => (await fleet.readChannel()).live?.seq === candidate.seq, WAIT)
  }

  const seqs = fleet.agents.map(({ applied }) => applied.map(({ seq }) => seq))
  expect(seqs.map((each) => new Set(each).size)).toEqual(seqs.map(({ length }) => length))
  expect(seqs.map(({ length }) => length)).toEqual([3, 3, 3])
})

test('a wish recycles every server once, one at a time, also when the restarter dies in between', async () => {
  await using fleet = await startFleet(3)
  const hold = gate()
  const [first, second] = fleet.agents
  if (second !== undefined) second.knobs.recycling = hold.passed
  let most = 0
  const watch = () => {
    most = Math.max(most, fleet.agents.filter(({ state }) => !state.ready).length)
  }
  const one = startRestarter(fleet, { instance: 'one', onNote: watch })
  await vi.waitUntil(() => one.states().length === 3, WAIT)

  await one.wishes.restart('leak', one.states())
  await vi.waitUntil(() => second?.state.ready === false, WAIT)
  await one.stop()
  const half = fleet.agents.map(({ state }) => state.recycles)
  await using two = startRestarter(fleet, { instance: 'one', onNote: watch })
  await vi.waitUntil(() => two.status().channel?.rollout?.holder === two.status().holder, WAIT)
  hold.open()
  await vi.waitUntil(async () => {
    const { rollout } = await fleet.readChannel()
    return rollout === undefined && fleet.agents.every(({ state }) => state.recycles >= 2)
  }, WAIT)

  expect(half).toEqual([2, 1, 1])
  expect(fleet.agents.map(({ state }) => state.recycles)).toEqual([2, 2, 2])
  expect(most).toBe(1)
  expect(first?.state.ready).toBe(true)
  expect((await fleet.readChannel()).restart).toMatchObject({ count: 1, why: 'leak' })
  const records = await Promise.all(
    fleet.agents.map(async ({ state: { server } }) => {
      return await readAudit(fleet, new Date(), `recycled.${sha256(server).slice(0, 16)}.2`)
    }),
  )
  expect(records.map((record) => record?.what)).toEqual(Array(3).fill('server recycled'))
})
