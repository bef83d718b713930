import { afterEach, expect, test, vi } from 'vitest'
import { type Client, ended, openClient, READERS, WAIT } from './client.fixture.ts'
import { startPort, type StartOptions, type TestPort } from './port.fixture.ts'

const good = { status: 200, body: '{\n    "predictions": [2.5\n    ]\n}' }
const asks = { path: '/v1/models/h2:predict', body: '{"instances":[1]}' }
const slow = { path: '/v1/models/slow:predict', body: '{"instances":[1]}' }

let port: TestPort

afterEach(async () => {
  await port[Symbol.asyncDispose]()
})

async function start(options: StartOptions = {}): Promise<void> {
  port = await startPort(options)
}

const answered = async (client: Client, count: number): Promise<void> =>
  void (await vi.waitUntil(() => client.answers.length === count, WAIT))
test.each(READERS)(
  'connections of %s are answered once more, told to close, and the port is done when they have',
  async (_name, request) => {
    await start()
    const client = await port.open()
    client.send(request(asks))
    await answered(client, 1)
    expect(client.answers[0]?.headers['connection']).not.toBe('close')

    const drained = port.drain(30_000)
    await expect(openClient(port.url)).rejects.toThrow('ECONNREFUSED')
    client.send(request(asks))
    await answered(client, 2)
    await ended(client)
    client.socket.end()
    await drained

    expect(client.answers[1]).toMatchObject({ ...good, headers: { connection: 'close' } })
    expect(port.connections()).toBe(0)
  },
)

test.each(READERS)('an answer of %s that is being made is given', async (_name, request) => {
  await start({ settings: { timeoutMs: 200 } })
  const client = await port.open()
  client.send(request(slow))
  await vi.waitUntil(() => port.core.asked.length === 1, WAIT)

  const drained = port.drain(30_000)
  await ended(client)
  client.socket.end()
  await drained

  expect(client.answers).toMatchObject([{ status: 504, headers: { connection: 'close' } }])
})

test.each(READERS)('idle connections of %s are ended after a while', async (_name, request) => {
  await start({ limits: { drainIdleMs: 100 } })
  const client = await port.open()
  client.send(request(asks))
  await answered(client, 1)
  const startMs = performance.now()

  const drained = port.drain(30_000)
  await ended(client)
  client.socket.end()
  await drained

  expect(performance.now() - startMs).toBeGreaterThanOrEqual(100)
  expect(client.answers).toHaveLength(1)
})

test.each(READERS)('whatever %s still does is cut off in the end', async (_name, request) => {
  await start()
  const client = await port.open()
  client.send(request(slow))
  await vi.waitUntil(() => port.core.asked.length === 1, WAIT)

  await port.drain(100)

  await ended(client)
  expect(client.received).toBe('')
})

test('a port that stays open while it drains answers who still comes, and ends when nobody does', async () => {
  await start({ limits: { drainQuietMs: 200 } })
  const first = await port.open()
  first.send(READERS[0][1](asks))
  await answered(first, 1)

  const drained = port.drain(30_000, true)
  const late = await port.open()
  late.send(READERS[0][1](asks))
  await ended(late)
  first.send(READERS[0][1](asks))
  await ended(first)
  for (const { socket } of [first, late]) socket.end()
  await drained

  const closing = { ...good, headers: { connection: 'close' } }
  expect(late.answers).toMatchObject([closing])
  expect(first.answers[1]).toMatchObject(closing)
  await expect(openClient(port.url)).rejects.toThrow('ECONNREFUSED')
})
