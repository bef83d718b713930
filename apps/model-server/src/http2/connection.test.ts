import { once } from 'node:events'
import { connect } from 'node:http2'
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import {
  answered,
  answering,
  data,
  END_HEADERS,
  END_STREAM,
  frame,
  GREETING,
  number,
  OK,
  request,
  requestBlock,
  startConnections,
  TRAILERS,
  WHOLE,
} from '../test-support/http2.ts'
import { ErrorCode, FrameType, PREFACE, settingsFrame, windowFrame } from './frames.ts'
import type { Headers } from './header-reader.ts'
import { encodeHeaders } from './header-writer.ts'
import type { Stream } from './stream.ts'

describe('a connection', () => {
  test('is greeted, answered and asked nothing more', async () => {
    const client = (await startConnections(answering(Buffer.from('body')))).greet()

    client.send(request(1), frame(FrameType.PING, {}, Buffer.from('12345678')))
    await client.until(FrameType.PING)

    expect(client.frames.map(({ type, flags, stream }) => [type, flags, stream])).toEqual([
      [FrameType.SETTINGS, 0, 0],
      [FrameType.WINDOW_UPDATE, 0, 0],
      [FrameType.SETTINGS, 1, 0],
      [FrameType.HEADERS, END_HEADERS, 1],
      [FrameType.DATA, 0, 1],
      [FrameType.HEADERS, WHOLE, 1],
      [FrameType.PING, 1, 0],
    ])
    expect(client.bodyOf(1).toString()).toBe('body')
    expect(client.of(FrameType.PING)[0]?.payload.toString()).toBe('12345678')
  })

  test('takes headers in several frames, with padding and priorities, and what it does not know', async () => {
    const seen: Headers[] = []
    const server = await startConnections((stream, headers) => {
      seen.push(headers)
      answering(Buffer.alloc(0))(stream)
    })
    const client = server.greet()
    const block = requestBlock({ 'x-custom': 'value' })
    const padded = Buffer.concat([Buffer.of(3), number(7), Buffer.of(16), block.subarray(0, 9)])

    client.send(
      frame(
        FrameType.HEADERS,
        { flags: END_STREAM | 0x28, stream: 1 },
        Buffer.concat([padded, Buffer.alloc(3)]),
      ),
      frame(FrameType.CONTINUATION, { stream: 1 }, block.subarray(9, 12)),
      frame(FrameType.CONTINUATION, { flags: END_HEADERS, stream: 1 }, block.subarray(12)),
      frame(FrameType.PRIORITY, { stream: 9 }, Buffer.alloc(5)),
      frame(0xee, { stream: 3, flags: 0xff }, Buffer.alloc(100)),
    )
    await answered(client, 1)

    expect(seen).toEqual([
      new Map([
        [':method', 'POST'],
        [':scheme', 'http'],
        [':path', '/'],
        ['x-custom', 'value'],
      ]),
    ])
  })

  test('reads every octet that a client may code', async () => {
    const values: (string | undefined)[] = []
    const server = await startConnections((stream, headers) => {
      values.push(headers.get('x-value'))
      answering(Buffer.alloc(0))(stream)
    })
    const octets = Array.from({ length: 0xff - 0x21 }, (_, index) => index + 0x21)
    // Among others of few bits, so that the whole is shorter coded than not.
    const sent = octets
      .filter((octet) => octet !== 0x7f)
      .map((octet) => `aaaaaaaaaaaaaaaaaaaa${String.fromCharCode(octet)}a`)
    const session = connect(`http://127.0.0.1:${server.port}`)

    for (const value of sent) {
      const stream = session.request({ ':method': 'POST', 'x-value': value })
      stream.end()
      await once(stream.resume(), 'close')
    }
    session.destroy()

    expect(values).toEqual(sent)
  })

  test('ends with its last stream once it is to close, and takes no new ones', async () => {
    const open: Stream[] = []
    const server = await startConnections((stream) => void open.push(stream))
    const client = server.greet()
    client.send(request(1))
    await vi.waitUntil(() => open.length === 1)

    server.connections[0]?.close()
    client.send(request(3), frame(FrameType.PING, {}, Buffer.alloc(8)))
    await client.until(FrameType.PING)
    open[0]?.answer({ headers: OK, body: [], trailers: TRAILERS })

    expect(await client.end()).toBe(ErrorCode.NO_ERROR)
    expect(open).toHaveLength(1)
    expect(client.of(FrameType.GOAWAY)[0]?.payload.readUInt32BE()).toBe(1)
    await answered(client, 1)
  })
})

describe('what a client may not do', () => {
  const { PROTOCOL_ERROR, FRAME_SIZE_ERROR, FLOW_CONTROL_ERROR, COMPRESSION_ERROR } = ErrorCode
  const { ENHANCE_YOUR_CALM } = ErrorCode

  test.each<[string, number, readonly Buffer[]]>([
    ['a stream of an even number', PROTOCOL_ERROR, [request(2)]],
    ['a stream without a number', PROTOCOL_ERROR, [request(0)]],
    ['data without headers', PROTOCOL_ERROR, [data(1, 3)]],
    ['data of no stream', PROTOCOL_ERROR, [data(0, 3)]],
    ['data behind the end', PROTOCOL_ERROR, [request(1), data(1, 3)]],
    ['headers within a body', PROTOCOL_ERROR, [request(1, END_HEADERS), request(1, END_HEADERS)]],
    ['headers that something else interrupts', PROTOCOL_ERROR, [request(1, 0), request(3)]],
    ['data among headers', PROTOCOL_ERROR, [request(1, 0), data(1, 3)]],
    ['more of headers that did not begin', PROTOCOL_ERROR, [frame(9, { stream: 1 })]],
    ['a priority of no size', FRAME_SIZE_ERROR, [frame(FrameType.PRIORITY, { stream: 1 })]],
    ['a short goodbye', FRAME_SIZE_ERROR, [frame(FrameType.GOAWAY, {}, Buffer.alloc(7))]],
    ['a promise', PROTOCOL_ERROR, [frame(FrameType.PUSH_PROMISE, { stream: 1 }, number(2))]],
    ['a reset of nothing', PROTOCOL_ERROR, [frame(FrameType.RST_STREAM, { stream: 1 }, number(8))]],
    ['a short reset', FRAME_SIZE_ERROR, [frame(FrameType.RST_STREAM, { stream: 1 })]],
    ['room for nothing', PROTOCOL_ERROR, [windowFrame(0, 0)]],
    ['too much room', FLOW_CONTROL_ERROR, [windowFrame(0, 2 ** 31 - 1)]],
    ['room of a stream that is not', PROTOCOL_ERROR, [windowFrame(5, 1)]],
    ['room of no size', FRAME_SIZE_ERROR, [frame(FrameType.WINDOW_UPDATE, {}, Buffer.alloc(3))]],
    ['settings of a stream', PROTOCOL_ERROR, [frame(FrameType.SETTINGS, { stream: 1 })]],
    ['settings that are cut off', FRAME_SIZE_ERROR, [frame(4, {}, Buffer.alloc(5))]],
    [
      'an acknowledgement with settings',
      FRAME_SIZE_ERROR,
      [frame(4, { flags: 1 }, Buffer.alloc(6))],
    ],
    ['a window that is too large', FLOW_CONTROL_ERROR, [settingsFrame([[4, 2 ** 31]])]],
    ['frames that are too small', PROTOCOL_ERROR, [settingsFrame([[5, 100]])]],
    ['a push that is neither', PROTOCOL_ERROR, [settingsFrame([[2, 2]])]],
    ['a ping of no size', FRAME_SIZE_ERROR, [frame(FrameType.PING, {}, Buffer.alloc(7))]],
    ['a ping of a stream', PROTOCOL_ERROR, [frame(FrameType.PING, { stream: 1 }, Buffer.alloc(8))]],
    [
      'headers that mean nothing',
      COMPRESSION_ERROR,
      [frame(1, { flags: 5, stream: 1 }, number(-1 >>> 0))],
    ],
    [
      'a priority that is cut off',
      FRAME_SIZE_ERROR,
      [frame(1, { flags: 0x24, stream: 1 }, number(1))],
    ],
    [
      'headers without an end',
      ENHANCE_YOUR_CALM,
      [request(1, 0), ...Array.from({ length: 100 }, () => frame(9, { stream: 1 }))],
    ],
    [
      'headers beyond the bound',
      ENHANCE_YOUR_CALM,
      [
        request(1, 0),
        ...Array.from({ length: 17 }, () => frame(9, { stream: 1 }, Buffer.alloc(16_000))),
      ],
    ],
  ])('%s ends its connection', async (_, code, frames) => {
    const server = await startConnections(() => {})
    const other = server.greet()
    const client = server.greet()

    client.send(...frames)

    expect(await client.end()).toBe(code)
    other.send(frame(FrameType.PING, {}, Buffer.alloc(8)))
    await other.until(FrameType.PING)
  })

  test('frames before the settings end its connection', async () => {
    const client = (await startConnections(() => {})).connect()

    client.send(PREFACE, frame(FrameType.PING, {}, Buffer.alloc(8)))

    expect(await client.end()).toBe(PROTOCOL_ERROR)
  })

  test('a bad request ends by itself', async () => {
    const client = (await startConnections(answering(Buffer.alloc(0)))).greet()
    const bad = encodeHeaders(undefined, { 'Not-Lower': 'x' })

    client.send(frame(FrameType.HEADERS, { flags: WHOLE, stream: 1 }, bad), request(3))
    await answered(client, 3)

    expect(
      client.of(FrameType.RST_STREAM).map(({ stream, payload }) => [stream, ...payload]),
    ).toEqual([[1, 0, 0, 0, PROTOCOL_ERROR]])
  })

  test('more streams than at a time are refused, and may come later', async () => {
    const open: Stream[] = []
    const server = await startConnections((stream) => void open.push(stream), { streamsMax: 2 })
    const client = server.greet()

    client.send(request(1), request(3), request(5))
    const [refused] = await client.until(FrameType.RST_STREAM)
    open[0]?.answer({ headers: OK, body: [], trailers: TRAILERS })
    await answered(client, 1)
    client.send(request(7))
    await vi.waitUntil(() => open.length === 3)

    expect([refused?.stream, refused?.payload.readUInt32BE()]).toEqual([
      5,
      ErrorCode.REFUSED_STREAM,
    ])
    expect(open.map(({ id }) => id)).toEqual([1, 3, 7])
  })

  test('requests that are given up at once, again and again, end its connection', async () => {
    const closed: number[] = []
    const server = await startConnections(
      (stream) => {
        const close = (): void => void closed.push(stream.id)
        stream.handler = { data() {}, end() {}, sent() {}, endIfStalled() {}, close }
      },
      { resetsMax: 10 },
    )
    const client = server.greet()
    for (let stream = 1; stream < 40; stream += 2)
      client.send(
        request(stream),
        frame(FrameType.RST_STREAM, { stream }, number(ErrorCode.CANCEL)),
      )

    expect(await client.end()).toBe(ENHANCE_YOUR_CALM)
    // Its settings count as well.
    expect(closed).toHaveLength(10)
  })

  test('no bytes at all end anything but their connection', async () => {
    const server = await startConnections(answering(Buffer.alloc(100)))
    const frames = fc
      .tuple(
        fc.integer({ min: 0, max: 10 }),
        fc.constantFrom(0, 1, 4, 5, 8, 0x20, 0x2d, 0xff),
        fc.integer({ min: 0, max: 9 }),
        fc.oneof(
          fc.uint8Array({ maxLength: 12 }),
          fc.constant(requestBlock()),
          fc.constant(number(9)),
        ),
      )
      .map(([type, flags, stream, payload]) => frame(type, { flags, stream }, payload))
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(frames, fc.constant(request(1)), fc.constant(request(3, 4))), {
          maxLength: 12,
        }),
        async (sent) => {
          const client = server.connect()
          client.send(GREETING, ...sent)
          client.socket.end()

          await client.end()
        },
      ),
      { numRuns: 300 },
    )
    const good = server.greet()
    good.send(request(1))
    await answered(good, 1)
    expect(good.bodyOf(1)).toHaveLength(100)
  })
})
