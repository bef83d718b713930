import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type ClientHttp2Session, type ClientHttp2Stream, constants } from 'node:http2'
import { connect as connectTcp } from 'node:net'
import { create, toBinary } from '@bufbuild/protobuf'
import { Health, PredictionService } from '@drover/serving-api'
import { status } from '@grpc/grpc-js'
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { coreOf, frameOf, startGrpc, speak } from '../test-support/grpc.ts'
import { pathOf } from './messages.ts'

const MEGABYTE = 1024 * 1024
const core = coreOf({})
const { check } = Health.method
const PREDICT = pathOf(PredictionService.method.predict)

const HEADERS = { ':method': 'POST', ':path': PREDICT, 'content-type': 'application/grpc' }

function open(
  session: ClientHttp2Session,
  headers: Record<string, string> = {},
): ClientHttp2Stream {
  const stream = session.request({ ...HEADERS, ...headers })
  stream.on('error', () => {})
  return stream
}

/** How a call ended: the status of gRPC, or of HTTP where that is none. */
async function endOf(stream: ClientHttp2Stream): Promise<{ http?: number; grpc?: number }> {
  const end: { http?: number; grpc?: number } = {}
  const note = (headers: Record<string, unknown>): void => {
    if (headers[':status'] !== undefined) end.http = Number(headers[':status'])
    if (headers['grpc-status'] !== undefined) end.grpc = Number(headers['grpc-status'])
  }
  stream.on('response', note).on('trailers', note).resume()
  await new Promise((resolve) => stream.once('close', resolve))
  return end
}

const send = async (session: ClientHttp2Session, body: Uint8Array, headers = {}) => {
  const stream = open(session, headers)
  stream.end(body)
  return await endOf(stream)
}

describe('bytes that are no request', () => {
  test('never end anything but their call', async () => {
    await using grpc = await startGrpc({ core })
    const session = await speak(grpc.address)
    const { input } = PredictionService.method.predict
    const good = toBinary(
      input,
      create(input, {
        modelSpec: { name: 'm' },
        inputs: { x: { dtype: 1, tensorShape: { dim: [{ size: 3n }] }, floatVal: [1, 2, 3] } },
      }),
    )
    const broken = fc
      .tuple(fc.nat(good.length - 1), fc.integer({ min: 0, max: 255 }), fc.nat(good.length))
      .map(([at, byte, length]) => {
        const bytes = good.slice(0, length)
        if (at < length) bytes[at] = byte
        return bytes
      })
    const methods = PredictionService.methods.map(pathOf)
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.uint8Array({ maxLength: 200 }), broken),
        fc.constantFrom(...methods, '/tensorflow.serving.ModelService/HandleReloadConfigRequest'),
        async (bytes, path) => {
          const end = await send(session, frameOf(bytes), { ':path': path })

          expect(end.http).toBe(200)
          expect([0, 3, 5, 12, 13]).toContain(end.grpc)
        },
      ),
      { numRuns: 500 },
    )
    await expect(grpc.client.ask(check, {})).resolves.toBeDefined()
  })

  test('are told from messages before they are read', async () => {
    await using grpc = await startGrpc({ core })
    const session = await speak(grpc.address)
    const frame = frameOf(Buffer.from('x'))

    expect(await send(session, Buffer.alloc(0))).toEqual({ http: 200, grpc: status.INTERNAL })
    expect(await send(session, frame.subarray(0, 3))).toEqual({ http: 200, grpc: status.INTERNAL })
    expect(await send(session, Buffer.from([9, 0, 0, 0, 0]))).toEqual({
      http: 200,
      grpc: status.INTERNAL,
    })
    expect(await send(session, Buffer.concat([frame, frame]))).toEqual({
      http: 200,
      grpc: status.INTERNAL,
    })
    expect(await send(session, Buffer.from([0, 0xff, 0xff, 0xff, 0xff]))).toEqual({
      http: 200,
      grpc: status.RESOURCE_EXHAUSTED,
    })
    const compressed = frameOf(Buffer.from('not gzip'), true)
    expect(await send(session, compressed)).toEqual({ http: 200, grpc: status.INTERNAL })
    expect(await send(session, compressed, { 'grpc-encoding': 'gzip' })).toEqual({
      http: 200,
      grpc: status.INTERNAL,
    })
    expect(await send(session, compressed, { 'grpc-encoding': 'br' })).toEqual({
      http: 200,
      grpc: status.UNIMPLEMENTED,
    })
  })

  test('other HTTP is told so', async () => {
    await using grpc = await startGrpc({ core })
    const session = await speak(grpc.address)
    const empty = Buffer.alloc(0)

    expect(await send(session, empty, { 'content-type': 'text/html' })).toEqual({ http: 415 })
    expect(await send(session, empty, { ':method': 'PUT' })).toEqual({ http: 405 })
    expect(await send(session, empty, { ':path': '/%00/../ä' })).toEqual({
      http: 200,
      grpc: status.UNIMPLEMENTED,
    })
    expect(await send(session, empty, { ':path': `/${'x'.repeat(60_000)}` })).toEqual({
      http: 200,
      grpc: status.UNIMPLEMENTED,
    })
  })
})

describe('a client', () => {
  test('that is no HTTP/2 client ends its own connection only', async () => {
    await using grpc = await startGrpc({ core, headersMsMax: 100 })
    const { hostname, port } = new URL(`http://${grpc.address}`)
    const talk = async (said: Uint8Array): Promise<void> => {
      const socket = connectTcp(Number(port), hostname)
      socket.on('error', () => {})
      socket.write(said)
      socket.resume()
      await new Promise((resolve) => socket.once('close', resolve))
    }

    await Promise.all([
      talk(Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')),
      talk(randomBytes(1_000)),
      talk(Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')),
      talk(Buffer.from('PRI *')),
      talk(Buffer.alloc(0)),
    ])

    await vi.waitUntil(() => grpc.port.connections() === 0)
    await expect(grpc.client.ask(check, {})).resolves.toBeDefined()
  })

  test('that stops in the middle of a message is given up', async () => {
    await using grpc = await startGrpc({
      core,
      grpcLimits: { stalledMsMax: 60, stalledCheckMs: 20 },
    })
    const session = await speak(grpc.address)
    const stream = open(session)
    stream.write(Buffer.from([0, 0, 0, 1, 0, 1, 2, 3]))

    await once(stream, 'close')

    expect(stream.rstCode).toBe(constants.NGHTTP2_CANCEL)
  })

  test('that sends a byte at a time is read', async () => {
    await using grpc = await startGrpc({ core })
    const stream = open(await speak(grpc.address), { ':path': pathOf(check) })
    const ended = endOf(stream)

    for (const byte of frameOf(Buffer.from([0x0a, 0]))) {
      stream.write(Buffer.from([byte]))
      await new Promise(setImmediate)
    }
    stream.end()

    expect(await ended).toEqual({ http: 200, grpc: 0 })
  })

  test('that sends too many headers fails alone', async () => {
    await using grpc = await startGrpc({ core })
    const session = await speak(grpc.address)
    const many = Object.fromEntries(
      Array.from({ length: 100 }, (_, index) => [`x-${index}`, 'y'.repeat(700)]),
    )

    const end = await send(session, Buffer.alloc(0), many)

    expect(end.grpc).toBeUndefined()
    await expect(grpc.client.ask(check, {})).resolves.toBeDefined()
  })

  test('is kept to so many calls at a time', async () => {
    await using grpc = await startGrpc({
      core,
      settings: { grpc: { channelArguments: { 'grpc.max_concurrent_streams': 3 } } },
    })

    const session = await speak(grpc.address)

    expect(session.remoteSettings.maxConcurrentStreams).toBe(3)
  })
})

describe('memory', () => {
  test('large bodies beyond the bound are refused while small ones are answered', async () => {
    await using grpc = await startGrpc({ core, grpcLimits: { largeBytesMax: 4 * MEGABYTE } })
    const session = await speak(grpc.address)
    const announced = Buffer.from([0, 0x40, 0, 0, 0])
    const streams = Array.from({ length: 4 }, () => open(session))
    const ends = streams.map(endOf)
    for (const stream of streams) stream.write(Buffer.concat([announced, Buffer.alloc(MEGABYTE)]))
    const refused = await Promise.race(ends)

    expect(refused).toEqual({ http: 200, grpc: status.RESOURCE_EXHAUSTED })
    await expect(grpc.client.ask(check, {})).resolves.toBeDefined()
    session.destroy()
    await Promise.all(ends)
    await vi.waitUntil(() => grpc.port.connections() === 1)
    const again = open(await speak(grpc.address))
    again.end(
      Buffer.concat([Buffer.from([0, 0, 0x2f, 0xff, 0xfb]), Buffer.alloc(3 * MEGABYTE - 5)]),
    )
    expect((await endOf(again)).grpc).not.toBe(status.RESOURCE_EXHAUSTED)
  })

  test('is held neither by calls that are reset at once nor by many connections', async () => {
    await using grpc = await startGrpc({ core })
    const before = process.memoryUsage().rss
    for (let round = 0; round < 20; round++) {
      const session = await speak(grpc.address)
      const streams = Array.from({ length: 100 }, () => open(session))
      for (const stream of streams) stream.write(Buffer.from([0, 0, 1, 0, 0, 1]))
      for (const stream of streams) stream.close(constants.NGHTTP2_CANCEL)
      session.destroy()
    }

    await vi.waitUntil(() => grpc.port.connections() === 0)
    await expect(grpc.client.ask(check, {})).resolves.toBeDefined()
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * MEGABYTE)
  })

  test('of a call is free however the call ends', async () => {
    await using grpc = await startGrpc({
      core,
      grpcLimits: { smallBytesMax: 10_000, reservedBytes: 0 },
    })
    const session = await speak(grpc.address)
    const whole = frameOf(Buffer.alloc(1_000))
    const flagged = frameOf(Buffer.alloc(1_000), true)

    for (let round = 0; round < 20; round++) {
      const cancelled = open(session)
      cancelled.write(whole.subarray(0, 900))
      const cancels = endOf(cancelled)
      setImmediate(() => cancelled.close(constants.NGHTTP2_CANCEL))
      const ends = await Promise.all([
        send(session, whole),
        send(session, whole.subarray(0, 500)),
        send(session, flagged, { 'grpc-encoding': 'gzip' }),
        cancels,
      ])

      expect(ends.map(({ grpc: code }) => code)).not.toContain(status.RESOURCE_EXHAUSTED)
    }
    expect(await send(session, Buffer.concat([whole, Buffer.alloc(5_000)]))).toEqual({
      http: 200,
      grpc: status.RESOURCE_EXHAUSTED,
    })
  })
})
