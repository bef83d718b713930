import { type NudgeQueue, openQueue, openRedis, startWorker } from '@drover/jobs'
import { makeLog, listen } from '@drover/service'
import { expect, test, vi } from 'vitest'
import { makeRestarterApi } from './api.ts'
import { startFleet, startRestarter } from './test-support/fleet.ts'

const WAIT = { timeout: 30_000, interval: 1 }
const ROUNDS = 5
const HOUR_MS = 3_600_000

const onError = (error: unknown) => {
  throw error
}

/** A nudge may be lost, as while Redis is slow on a busy machine: what is tested comes after it. */
async function send(queue: NudgeQueue<{ name: 'rollout'; fleet: string }>): Promise<void> {
  const isSent = async () =>
    await queue.nudge({ fleet: 'main' }).then(
      () => true,
      () => false,
    )
  await vi.waitUntil(isSent, WAIT)
}

test('a nudge through the queue alone leads to live, and to a nudge of the publisher', async () => {
  await using redis = await openRedis()
  await using fleet = await startFleet(2)
  const place = { url: redis.url }
  const heard: string[] = []
  await using publisher = openQueue({ name: 'publish' }, place)
  await using listener = startWorker(
    { name: 'publish' },
    place,
    async (nudge) => void heard.push(nudge.fleet),
    { onError },
  )
  // Without its timer: only nudges wake it.
  await using restarter = startRestarter(fleet, {
    scanMs: HOUR_MS,
    nudgePublisher: async () => await publisher.nudge({ fleet: 'main' }),
  })
  const queue = { name: 'rollout' as const, fleet: 'main' }
  await using sender = openQueue(queue, place)
  await using worker = startWorker(queue, place, async () => restarter.nudge(), { onError })
  await send(sender)
  await vi.waitUntil(() => restarter.status().at !== null, WAIT)

  for (let round = 1; round <= ROUNDS; round++) {
    const { seq } = await fleet.publish(round)
    await send(sender)
    await vi.waitUntil(async () => (await fleet.readChannel()).live?.seq === seq, WAIT)
  }
  await vi.waitUntil(() => heard.length > 0, WAIT)

  expect([worker, listener]).toHaveLength(2)
  expect(heard).toContain('main')
})

test('the API says what is decided and why, and takes wishes', async () => {
  await using fleet = await startFleet(1)
  await using restarter = startRestarter(fleet)
  const log = makeLog('restarter')
  log.level = 'fatal'
  const api = makeRestarterApi(restarter, { log, token: undefined })
  await using listening = await listen(api, { host: '127.0.0.1', port: 0 })
  const call = async (method: string, path: string, body?: object) => {
    const answer = await fetch(`${listening.url}${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    })
    const json: unknown = await answer.json()
    return { status: answer.status, json }
  }
  await fleet.publish(1)
  await vi.waitUntil(async () => (await fleet.readChannel()).live !== undefined, WAIT)
  const until = new Date(Date.now() + 60_000).toISOString()

  const frozen = await call('POST', '/v1/freeze', { until, why: 'holidays' })
  const wished = await call('POST', '/v1/restart', { why: 'leak' })
  await vi.waitUntil(() => restarter.status().why.includes('holidays'), WAIT)
  const status = await call('GET', '/v1/status')
  await call('DELETE', '/v1/freeze')
  await vi.waitUntil(() => fleet.agents[0]?.state.recycles === 2, WAIT)
  const wrong = [
    await call('POST', '/v1/restart', {}),
    await call('POST', '/v1/freeze', { until: '2020-01-01T00:00:00Z', why: 'x' }),
  ]

  expect(frozen).toMatchObject({ status: 200, json: { until, why: 'holidays' } })
  expect(wished).toMatchObject({ status: 202, json: { count: 1, why: 'leak' } })
  expect(status).toMatchObject({
    status: 200,
    json: {
      channel: { live: {} },
      servers: [{ reachable: true, state: { ready: true } }],
      next: null,
      required: [fleet.agents[0]?.url],
      decisions: expect.arrayContaining([expect.objectContaining({ what: 'live' })]),
    },
  })
  expect(wrong.map((each) => each.status)).toEqual([400, 400])
  expect((await fleet.readChannel()).freeze).toBeUndefined()
})
