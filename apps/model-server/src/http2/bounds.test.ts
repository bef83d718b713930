import { describe, expect, test, vi } from 'vitest'
import {
  answered,
  answering,
  data,
  END_HEADERS,
  frame,
  number,
  request,
  requestBlock,
  startConnections,
  WHOLE,
} from '../test-support/http2.ts'
import { stopTime } from '../test-support/raw-grpc.ts'
import { GRPC_LIMITS } from '../grpc/limits.ts'
import { ErrorCode, FrameType, SETTINGS_ACK, settingsFrame } from './frames.ts'
import type { Stream } from './stream.ts'

const { ENHANCE_YOUR_CALM } = ErrorCode
const NOBODY = answering(Buffer.alloc(0))
const PING = frame(FrameType.PING, {}, Buffer.alloc(8))
const BAD = requestBlock({ 'Not-Lower': 'x' })

describe('what comes to nothing', () => {
  test.each<[string, (index: number) => Buffer]>([
    ['pings', () => PING],
    ['answers to no ping', () => frame(FrameType.PING, { flags: 1 }, Buffer.alloc(8))],
    ['settings', () => settingsFrame([[4, 100]])],
    ['acknowledgements', () => SETTINGS_ACK],
    ['priorities', () => frame(FrameType.PRIORITY, { stream: 3 }, Buffer.alloc(5))],
    ['frames of an unknown kind', () => frame(0xee)],
    ['data without data', () => data(1, 0)],
    ['padding', () => frame(FrameType.DATA, { flags: 8, stream: 1 }, Buffer.of(2, 0, 0))],
    ['headers of a stream that is over', () => request(3)],
    ['requests beyond the bound', (index) => request(3 + index * 2)],
    ['bad requests', (index) => frame(1, { flags: WHOLE, stream: 3 + index * 2 }, BAD)],
  ])('is bounded: %s', async (_, make) => {
    const server = await startConnections(NOBODY, {
      streamsMax: 1,
      resetsMax: 20,
      signalsMax: 20,
    })
    const client = server.greet()

    client.send(request(1, END_HEADERS), ...Array.from({ length: 15 }, (_each, at) => make(at)))
    client.send(PING)
    await vi.waitUntil(() => client.of(FrameType.PING).length > 0)
    client.send(...Array.from({ length: 15 }, (_each, at) => make(15 + at)))

    expect(await client.end()).toBe(ENHANCE_YOUR_CALM)
  })

  test('is as often as there are requests, and a little more', async () => {
    const server = await startConnections(NOBODY, { signalsMax: 10 })
    const client = server.greet()

    for (let stream = 1; stream < 1_000; stream += 2) client.send(request(stream), PING)
    await answered(client, 999)

    await client.until(FrameType.PING, 500)
    expect(client.of(FrameType.GOAWAY)).toEqual([])
  })

  test('calls that are given up later, all together, are not among it', async () => {
    const open: Stream[] = []
    const server = await startConnections((stream) => void open.push(stream), { resetsMax: 10 })
    const client = server.greet()
    const ids = Array.from({ length: 50 }, (_, at) => 1 + 2 * at)
    client.send(...ids.map((id) => request(id)))
    await vi.waitUntil(() => open.length === ids.length)
    const last = open.at(-1)?.sinceMs ?? 0
    await vi.waitUntil(() => performance.now() - last > GRPC_LIMITS.resetAtOnceMs)

    for (const stream of ids)
      client.send(frame(FrameType.RST_STREAM, { stream }, number(ErrorCode.CANCEL)))
    client.send(PING)
    await client.until(FrameType.PING)

    expect(open.every(({ isClosed }) => isClosed)).toBe(true)
    expect(client.of(FrameType.GOAWAY)).toEqual([])
  })
})

test('a connection that was ended for what it did holds nothing once it is closed', async () => {
  const server = await startConnections(NOBODY)
  stopTime()
  const clients = Array.from({ length: 5 }, () => server.greet())

  for (const client of clients) client.send(data(1, 3))
  await Promise.all(clients.map(async (client) => await client.end()))
  await vi.waitUntil(() => server.sockets.every(({ closed }) => closed))

  expect(server.sockets).toHaveLength(clients.length)
  expect(vi.getTimerCount()).toBe(0)
})

describe('a request with too many headers', () => {
  test('in several frames fails alone, and what they taught is known', async () => {
    const seen: (string | undefined)[] = []
    const server = await startConnections((stream, headers) => {
      seen.push(headers.get('x-late'))
      NOBODY(stream)
    })
    const client = server.greet()
    const long = Array.from({ length: 6 }, (_, at) => requestBlockOf(`x-${at}`, 'y'.repeat(16_000)))
    client.send(request(1, END_HEADERS))

    client.send(frame(FrameType.HEADERS, { flags: 1, stream: 3 }, requestBlock()))
    for (const part of long) client.send(frame(FrameType.CONTINUATION, { stream: 3 }, part))
    // Taught at the very end of the block.
    const late = Buffer.concat([Buffer.of(0x40, 6), Buffer.from('x-late'), Buffer.of(2, 104, 105)])
    client.send(frame(FrameType.CONTINUATION, { stream: 3, flags: END_HEADERS }, late))
    const taught = Buffer.concat([requestBlock(), Buffer.of(0x80 | 62)])
    client.send(frame(FrameType.HEADERS, { flags: WHOLE, stream: 5 }, taught))
    client.send(data(1, 0, 1))
    await Promise.all([answered(client, 1), answered(client, 5)])

    expect(client.of(FrameType.RST_STREAM).map(({ stream, payload }) => [stream, payload])).toEqual(
      [[3, number(ENHANCE_YOUR_CALM)]],
    )
    expect(seen).toEqual([undefined, 'hi'])
  })
})

/** One header, as it is coded without being remembered. */
const requestBlockOf = (name: string, value: string): Buffer =>
  requestBlock({ [name]: value }).subarray(requestBlock().length)
