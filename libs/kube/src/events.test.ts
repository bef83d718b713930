import { expect, test } from 'vitest'
import { makeEvents } from './events.ts'
import { reply, startApiServer } from './test-support/api-server.ts'
import { deploymentOf } from './test-support/deployments.ts'
import { makeTransport } from './transport.ts'

const deployment = deploymentOf()
const event = (key: string) =>
  ({ type: 'Warning', reason: 'RolledBack', message: 'm'.repeat(5_000), key }) as const

const date = () => new Date('2026-01-01T00:00:00Z')

async function start(status: (method: string) => number) {
  const api = await startApiServer(({ method }, response) => reply(response, status(method), {}))
  const time = { ms: 0 }
  const options = { component: 'restarter', clock: () => time.ms, date }
  const events = makeEvents(makeTransport(api.access), options)
  return { api, time, events }
}

test('the same Event is written at most every ten seconds, and counted', async () => {
  const { api, time, events } = await start(() => 201)
  await using _ = api

  const written = []
  for (const ms of [0, 9_999, 10_000]) {
    time.ms = ms
    written.push(await events.write(deployment, event('a')))
  }

  expect(written).toEqual([true, false, true])
  expect(api.asked.map(({ body }) => body)).toMatchObject([{ count: 1 }, { count: 2 }])
})

test('an Event that is there already is counted up instead', async () => {
  const { api, events } = await start((method) => (method === 'POST' ? 409 : 200))
  await using _ = api

  await events.write(deployment, event('a'))

  const [post, patch] = api.asked
  expect(patch).toMatchObject({ method: 'PATCH', type: 'application/strategic-merge-patch+json' })
  expect(patch?.url.pathname).toMatch(`${post?.url.pathname}/tf-server.`)
})

test('a minute has at most 60 Events, and their texts are cut', async () => {
  const { api, events } = await start(() => 201)
  await using _ = api

  const written = []
  for (let key = 0; key < 65; key++) written.push(await events.write(deployment, event(`${key}`)))

  expect(written.filter(Boolean)).toHaveLength(60)
  expect(JSON.stringify(api.asked[0]?.body).length).toBeLessThan(2_000)
})
