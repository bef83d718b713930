import { once } from 'node:events'
import { describe, expect, test, vi } from 'vitest'
import {
  answered,
  answering,
  data,
  END_HEADERS,
  frame,
  number,
  OK,
  request,
  requestBlock,
  startConnections,
  WHOLE,
} from '../test-support/http2.ts'
import { ErrorCode, FrameType, PREFACE, settingsFrame, windowFrame } from './frames.ts'
import type { Stream } from './stream.ts'

/** For machines that are busy. */
const PATIENCE = { timeout: 20_000 }

describe('flow control', () => {
  test('an answer goes out as far as the client has room for it', async () => {
    const body = Buffer.from(Array.from({ length: 100_000 }, (_, index) => index % 251))
    const server = await startConnections(answering(body))
    const client = server.connect()
    client.send(PREFACE, settingsFrame([[4, 10]]), request(1))

    await vi.waitUntil(() => client.bodyOf(1).length === 10, PATIENCE)
    client.send(windowFrame(1, 20_000))
    await vi.waitUntil(() => client.bodyOf(1).length === 20_010, PATIENCE)
    client.send(settingsFrame([[4, 60_010]]))
    // The connection has no more room than it began with.
    await vi.waitUntil(() => client.bodyOf(1).length === 65_535, PATIENCE)
    client.send(windowFrame(0, 1_000_000))
    await vi.waitUntil(() => client.bodyOf(1).length === 80_010, PATIENCE)
    client.send(windowFrame(1, 1_000_000))
    await answered(client, 1)

    expect(client.bodyOf(1)).toEqual(body)
  })

  test('room may become less than nothing, and streams beside go on', async () => {
    const server = await startConnections(answering(Buffer.alloc(1_000)))
    const client = server.connect()
    client.send(PREFACE, settingsFrame([[4, 600]]), request(1))
    await vi.waitUntil(() => client.bodyOf(1).length === 600, PATIENCE)

    client.send(settingsFrame([[4, 0]]), windowFrame(1, 700), request(3), windowFrame(3, 1_000))
    await answered(client, 3)
    expect(client.bodyOf(1)).toHaveLength(700)
    client.send(windowFrame(1, 300))
    await answered(client, 1)

    expect(client.bodyOf(1)).toHaveLength(1_000)
  })

  test('streams with large answers take turns', async () => {
    const answers: (() => void)[] = []
    // All begin at once, however the requests were cut on their way.
    const together = (answer: () => void): void => {
      answers.push(answer)
      if (answers.length === 3) for (const each of answers) each()
    }
    const server = await startConnections(answering(Buffer.alloc(2_000_000), together))
    const client = server.connect()
    const room = 2 ** 31 - 1
    client.send(PREFACE, settingsFrame([[4, room]]), windowFrame(0, room - 65_535))

    client.send(request(1), request(3), request(5))
    await answered(client, 1)

    // Without turns it would not have begun.
    expect(client.bodyOf(5).length).toBeGreaterThan(500_000)
  })

  test('a client that sends more than there is room for ends its connection', async () => {
    const server = await startConnections(() => {}, { streamWindowBytes: 20_000 })
    const client = server.greet()

    client.send(request(1, END_HEADERS), data(1, 16_000), data(1, 4_001))

    expect(await client.end()).toBe(ErrorCode.FLOW_CONTROL_ERROR)
  })

  test('the client is told of what was read, not of what came', async () => {
    const open: Stream[] = []
    const limits = { streamWindowBytes: 20_000, connectionWindowBytes: 70_000 }
    const server = await startConnections((stream) => void open.push(stream), limits)
    const client = server.greet()
    client.send(
      request(1, END_HEADERS),
      data(1, 16_000),
      frame(FrameType.PING, {}, Buffer.alloc(8)),
    )
    await client.until(FrameType.PING)
    expect(client.of(FrameType.WINDOW_UPDATE, 1)).toEqual([])

    open[0]?.consumed(16_000)
    await vi.waitUntil(() => client.of(FrameType.WINDOW_UPDATE, 1).length === 1, PATIENCE)
    client.send(data(1, 16_000))
    // What a stream did not read is free for others when it ends.
    client.send(frame(FrameType.RST_STREAM, { stream: 1 }, number(ErrorCode.CANCEL)))
    client.send(request(3, END_HEADERS), data(3, 3_000))
    await vi.waitUntil(() => open.length === 2, PATIENCE)
    open[1]?.consumed(3_000)
    await client.until(FrameType.WINDOW_UPDATE, 3)

    const told = client.of(FrameType.WINDOW_UPDATE, 0).map(({ payload }) => payload.readUInt32BE())
    expect(told).toEqual([70_000 - 65_535, 35_000])
  })
})

describe('turns', () => {
  test('a connection with much to do lets others have theirs', async () => {
    const { order, clients } = await startBusy({ eachMs: 1, count: 2 })
    const [busy, other] = clients

    busy?.send(...Array.from({ length: 500 }, (_, index) => ask('/busy', index * 2 + 1)))
    await vi.waitUntil(() => order.length > 0, { interval: 1, ...PATIENCE })
    other?.send(ask('/other', 1))
    await vi.waitUntil(() => order.length === 501, PATIENCE)

    expect(order.indexOf('/other')).toBeLessThan(250)
  })

  test('a connection that gives many pieces at once lets others have theirs', async () => {
    const { order, sockets } = await startBusy({ eachMs: 1, count: 2 })
    const [busySocket, otherSocket] = sockets

    // As a socket does that has much to give: many pieces within one turn of the event loop.
    for (let index = 0; index < 30; index++) busySocket?.emit('data', ask('/busy', index * 2 + 1))
    otherSocket?.emit('data', ask('/other', 1))
    const wasPaused = busySocket?.isPaused()
    await vi.waitUntil(() => order.length === 31, PATIENCE)

    expect(order.indexOf('/other')).toBeLessThan(10)
    expect([wasPaused, busySocket?.isPaused()]).toEqual([true, false])
  })

  test('many connections with much to do have short ones', async () => {
    const { order, sockets } = await startBusy({ eachMs: 0.1, count: 9 })
    const much = Buffer.concat(Array.from({ length: 50 }, (_, at) => ask('/busy', at * 2 + 1)))

    for (const [index, socket] of sockets.entries())
      socket.emit('data', index < 8 ? much : ask('/other', 1))
    await vi.waitUntil(() => order.length === 401, PATIENCE)

    expect(order.indexOf('/other')).toBeLessThan(80)
  })

  test('a connection that ends while it waits begins nothing more', async () => {
    const { order, sockets, clients } = await startBusy({ eachMs: 1, count: 2 })
    const [busySocket] = sockets
    for (let index = 0; index < 30; index++) busySocket?.emit('data', ask('/busy', index * 2 + 1))

    busySocket?.destroy()
    if (busySocket !== undefined) await once(busySocket, 'close')
    const begun = order.length
    // Whatever waited has had many turns by then.
    for (let index = 0; index < 30; index++) {
      clients[1]?.send(ask('/other', index * 2 + 1))
      await vi.waitUntil(() => order.filter((path) => path === '/other').length > index, PATIENCE)
    }

    expect(begun).toBeLessThan(30)
    expect(order).toHaveLength(begun + 30)
  })

  test('a client that does not read is not read either, until it does', async () => {
    const server = await startConnections(() => {}, { signalsMax: 2_000_000 })
    const client = server.greet()
    await client.until(FrameType.SETTINGS, 2)
    client.socket.pause()
    const pings = Buffer.concat(
      Array.from({ length: 10_000 }, () => frame(FrameType.PING, {}, Buffer.alloc(8))),
    )
    const rounds = 100

    for (let round = 0; round < rounds; round++) client.send(pings)
    const [socket] = server.sockets
    await vi.waitUntil(() => socket?.writableNeedDrain === true && socket.isPaused(), PATIENCE)

    expect(socket?.writableLength).toBeLessThan(4_000_000)
    client.socket.removeAllListeners('data')
    client.socket.resume()
    // All of them are answered.
    await vi.waitUntil(() => client.socket.bytesRead > rounds * pings.length, PATIENCE)
  }, 30_000)
})

/** Clients of a server that each request keeps busy for so long, and the paths in their order. */
async function startBusy({ eachMs, count }: { eachMs: number; count: number }) {
  const order: string[] = []
  const server = await startConnections((stream, headers) => {
    const untilMs = performance.now() + eachMs
    while (performance.now() < untilMs);
    order.push(headers.get(':path') ?? '')
    stream.respondOnly(OK)
  })
  const clients = Array.from({ length: count }, () => server.greet())
  await Promise.all(clients.map((client) => client.until(FrameType.SETTINGS, 2)))
  return { order, clients, sockets: server.sockets }
}

const ask = (path: string, stream: number): Buffer =>
  frame(FrameType.HEADERS, { flags: WHOLE, stream }, requestBlock({ ':path': path }))
