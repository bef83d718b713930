import { once } from 'node:events'
import { describe, expect, test, vi } from 'vitest'
import { otherRequest, plainRequest, READERS, WAIT } from './client.fixture.ts'
import { FakeCore, startPort } from './port.fixture.ts'

/** Longer than a stretch: so each of these takes all of a turn. */
const BUSY_MS = 3
const MANY = 40
/** Requests that are many times what a socket is read at a time. */
const FLOOD = 10_000

const work = (): void => {
  const endMs = performance.now() + BUSY_MS
  while (performance.now() < endMs);
}

/** Models that keep their thread busy, and in which order they were asked for what. */
class BusyCore extends FakeCore {
  readonly order: string[] = []
  waiting = 0

  override run(...[found, call]: Parameters<FakeCore['run']>): ReturnType<FakeCore['run']> {
    const { x } = call.inputs
    this.order.push(`${x?.dtype === 'DT_FLOAT' ? x.values[0] : ''}`)
    work()
    return super.run(found, call)
  }

  override wait(): () => void {
    this.waiting++
    return () => {
      this.waiting--
    }
  }
}

const bodyOf = (value: number) => ({
  path: '/v1/models/h2:predict',
  body: `{"instances":[${value}]}`,
})

describe.each(READERS)('a client that sends thousands at once, read by %s', (_name, request) => {
  test('gets its turns one by one, and others get theirs between', async () => {
    const core = new BusyCore()
    await using port = await startPort({ core })
    const [greedy, modest] = [await port.open(), await port.open()]
    greedy.send(Buffer.concat(Array.from({ length: MANY }, () => request(bodyOf(1)))))
    await once(greedy.socket, 'data')

    modest.send(request(bodyOf(2)))

    await vi.waitUntil(() => greedy.answers.length === MANY, WAIT)
    expect(modest.answers).toMatchObject([{ status: 200 }])
    // Some were answered before it was sent, and none but its share after that.
    expect(core.order.indexOf('2')).toBeLessThan(MANY / 2)
    expect(greedy.answers.every(({ status }) => status === 200)).toBe(true)
    expect(core.waiting).toBe(0)
  })
})

test('a request that waits for its turn counts as one that waits for its model', async () => {
  const core = new BusyCore()
  const wait = vi.spyOn(core, 'wait')
  await using port = await startPort({ core })
  const clients = [await port.open(), await port.open(), await port.open()]
  for (const client of clients)
    client.send(Buffer.concat([1, 2, 3].map((each) => plainRequest(bodyOf(each)))))

  await vi.waitUntil(() => clients.every(({ answers }) => answers.length === 3), WAIT)

  expect(wait).toHaveBeenCalledWith('h2')
  expect(core.waiting).toBe(0)
})

test('what a client sends is not read on while many of its requests have no answer', async () => {
  await using port = await startPort()
  let begun = 0
  port.server.on('request', () => begun++)
  const [greedy, modest] = [await port.open(), await port.open()]
  const stuck = otherRequest({ path: '/v1/models/slow:predict', body: '{"instances":[1]}' })

  greedy.send(Buffer.concat(Array.from({ length: FLOOD }, () => stuck)))
  await vi.waitUntil(() => begun > 0, WAIT)
  for (let asked = 1; asked <= MANY; asked++) {
    modest.send(plainRequest(bodyOf(1)))
    await vi.waitUntil(() => modest.answers.length === asked, WAIT)
  }

  // What had arrived at the same time as the first of them.
  expect(begun).toBeLessThan(FLOOD / 4)
  greedy.socket.destroy()
})

test('what a client sends is read to its end in spite of that', async () => {
  await using port = await startPort()
  const client = await port.open()
  const one = otherRequest(bodyOf(1))

  client.send(Buffer.concat(Array.from({ length: FLOOD / 4 }, () => one)))

  await vi.waitUntil(() => client.answers.length === FLOOD / 4, WAIT)
  expect(client.answers.every(({ status }) => status === 200)).toBe(true)
})
