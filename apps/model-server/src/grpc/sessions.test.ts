import { once } from 'node:events'
import { type ClientHttp2Session, connect, constants } from 'node:http2'
import { connect as connectTcp } from 'node:net'
import { Health } from '@drover/serving-api'
import { describe, expect, onTestFinished, test } from 'vitest'
import { FrameType } from '../http2/frames.ts'
import { coreOf, frameOf, startGrpc } from '../test-support/grpc.ts'
import {
  answered,
  END_HEADERS,
  END_STREAM,
  frame,
  GREETING,
  RawClient,
  requestBlock,
} from '../test-support/http2.ts'
import { pathOf } from './messages.ts'

const core = coreOf({})
const { check, watch } = Health.method
const LAST_STREAM_MAX = 2 ** 31 - 1

const start = async (channelArguments: Record<string, number>) =>
  await startGrpc({ core, settings: { grpc: { channelArguments } } })

async function speak(address: string): Promise<ClientHttp2Session> {
  const session = connect(`http://${address}`)
  onTestFinished(() => session.destroy())
  await once(session, 'remoteSettings')
  return session
}

/** Calls a method with an empty message; the status once it ends, if it ends with one. */
async function call(session: ClientHttp2Session, path: string): Promise<unknown> {
  const stream = session.request({
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/grpc',
  })
  stream.end(frameOf(Buffer.alloc(0)))
  stream.resume()
  let status: unknown
  stream.on('trailers', (trailers) => {
    status = trailers['grpc-status']
  })
  await once(stream, 'close')
  return status
}

describe('a connection', () => {
  test('says goodbye at its age, with calls that come until then still to be answered', async () => {
    await using grpc = await start({ 'grpc.max_connection_age_ms': 100 })
    const session = await speak(grpc.address)
    const closed = once(session, 'close')

    const [code, lastStream] = await once(session, 'goaway')

    expect([code, lastStream]).toEqual([constants.NGHTTP2_NO_ERROR, LAST_STREAM_MAX])
    await closed
  })

  test('at its age costs no call', async () => {
    await using grpc = await start({
      'grpc.max_connection_age_ms': 200,
      'grpc.max_connection_age_grace_ms': 5_000,
    })
    const untilMs = performance.now() + 1_500
    let calls = 0
    while (performance.now() < untilMs) {
      await Promise.all(Array.from({ length: 8 }, () => grpc.client.ask(check, {})))
      calls += 8
    }

    expect(calls).toBeGreaterThan(8)
  })

  test('is cut some time after its age, whatever goes on in it', async () => {
    await using grpc = await start({
      'grpc.max_connection_age_ms': 500,
      'grpc.max_connection_age_grace_ms': 300,
    })
    const session = await speak(grpc.address)
    const watching = call(session, pathOf(watch))

    await once(session, 'close')

    expect(await watching).toBeUndefined()
  })

  test('ends when it is idle, and not while there is a call', async () => {
    await using grpc = await start({ 'grpc.max_connection_idle_ms': 100 })
    const idle = await speak(grpc.address)
    const busy = await speak(grpc.address)
    const watching = call(busy, pathOf(watch))

    await once(idle, 'close')

    expect(busy.closed).toBe(false)
    expect(await call(busy, pathOf(check))).toBe('0')
    await grpc.port.drain(10_000)
    expect(await watching).toBe('14')
  })

  test('to a client that is gone is noticed', async () => {
    await using grpc = await start({
      'grpc.keepalive_time_ms': 30,
      'grpc.keepalive_timeout_ms': 30,
    })
    const session = await speak(grpc.address)
    const { hostname, port } = new URL(`http://${grpc.address}`)
    const silent = connectTcp(Number(port), hostname)
    silent.on('error', () => {})
    silent.resume()
    silent.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
    // Settings, and nothing ever again: no answer to a ping either.
    silent.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]))

    await once(silent, 'close')

    expect(session.closed).toBe(false)
    expect(await call(session, pathOf(check))).toBe('0')
  })
})

const checkHeaders = requestBlock({ ':path': pathOf(check), 'content-type': 'application/grpc' })

/** A whole call of the health check. */
const checking = (stream: number): Buffer =>
  Buffer.concat([
    frame(FrameType.HEADERS, { stream, flags: END_HEADERS }, checkHeaders),
    frame(FrameType.DATA, { stream, flags: END_STREAM }, frameOf(Buffer.alloc(0))),
  ])

const greet = (address: string): RawClient => {
  const client = new RawClient(Number(new URL(`http://${address}`).port))
  client.send(GREETING)
  return client
}

describe('a client that is told goodbye', () => {
  test('is answered until it says that it has read that', async () => {
    await using grpc = await startGrpc({ core, grpcLimits: { goodbyeMsMax: 60_000 } })
    const client = greet(grpc.address)
    await client.until(FrameType.SETTINGS, 2)

    const drained = grpc.port.drain(60_000)
    const [ping] = await client.until(FrameType.PING)
    const [goodbye] = client.of(FrameType.GOAWAY)
    // It had begun a call before it read any of this.
    client.send(checking(1))
    await answered(client, 1)
    client.send(frame(FrameType.PING, { flags: 1 }, ping?.payload))
    await client.end()
    await drained

    expect(goodbye?.payload.readUInt32BE(0)).toBe(LAST_STREAM_MAX)
    expect(client.of(FrameType.GOAWAY).at(-1)?.payload.readUInt32BE(0)).toBe(1)
  })

  test('is told so with the answer of its next call', async () => {
    await using grpc = await startGrpc({ core, grpcLimits: { restMs: 60_000 } })
    const client = greet(grpc.address)
    await client.until(FrameType.SETTINGS, 2)

    const drained = grpc.port.drain(60_000)
    client.send(checking(1))
    await answered(client, 1)
    const [ping] = await client.until(FrameType.PING)
    client.send(frame(FrameType.PING, { flags: 1 }, ping?.payload))
    await client.end()
    await drained

    const types = client.frames.map(({ type }) => type)
    const told = types.indexOf(FrameType.GOAWAY)
    expect(types.slice(told - 1, told + 2)).toEqual([
      FrameType.HEADERS,
      FrameType.GOAWAY,
      FrameType.PING,
    ])
  })

  test('and never says so is left after a while', async () => {
    await using grpc = await startGrpc({ core, grpcLimits: { goodbyeMsMax: 50 } })
    const client = greet(grpc.address)
    await client.until(FrameType.SETTINGS, 2)

    await grpc.port.drain(60_000)

    expect(await client.end()).toBe(0)
  })
})

test('a port that stays open while it drains answers who still comes, and ends when nobody does', async () => {
  await using grpc = await startGrpc({ core })
  const first = greet(grpc.address)
  await first.until(FrameType.SETTINGS, 2)

  const drained = grpc.port.drain(60_000, true)
  await first.until(FrameType.GOAWAY)
  const late = greet(grpc.address)
  late.send(checking(1))
  await answered(late, 1)
  for (const client of [first, late]) {
    const [ping] = await client.until(FrameType.PING)
    client.send(frame(FrameType.PING, { flags: 1 }, ping?.payload))
  }
  await Promise.all([first.end(), late.end()])
  await drained

  expect(late.of(FrameType.GOAWAY).length).toBeGreaterThan(0)
  const tooLate = connectTcp(Number(new URL(`http://${grpc.address}`).port), '127.0.0.1')
  await expect(once(tooLate, 'connect')).rejects.toThrow('ECONNREFUSED')
})
