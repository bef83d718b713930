import { once } from 'node:events'
import { type ClientHttp2Session, connect, constants } from 'node:http2'
import { connect as connectTcp } from 'node:net'
import { Health } from '@drover/serving-api'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { FrameType } from '../http2/frames.ts'
import { coreOf, frameOf, startGrpc } from '../test-support/grpc.ts'
import { answered, frame } from '../test-support/http2.ts'
import { calling, greet, haveRead, stopTime } from '../test-support/raw-grpc.ts'
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

  test.each([0, 100, 400])(
    'is said goodbye to before a grace of %d ms cuts it',
    async (graceMs) => {
      await using grpc = await start({
        'grpc.max_connection_age_ms': 200,
        'grpc.max_connection_age_grace_ms': graceMs,
      })
      const session = await speak(grpc.address)
      const codes: number[] = []
      session.on('goaway', (code) => codes.push(code))
      const watching = call(session, pathOf(watch))

      await once(session, 'close')

      expect(codes.length).toBeGreaterThan(0)
      expect(new Set(codes)).toEqual(new Set([constants.NGHTTP2_NO_ERROR]))
      expect(await watching).toBeUndefined()
    },
  )

  test('has its grace from the last goodbye on: calls before that are answered', async () => {
    await using grpc = await startGrpc({
      core,
      grpcLimits: { goodbyeMsMax: 60_000 },
      settings: {
        grpc: {
          channelArguments: {
            'grpc.max_connection_age_ms': 100,
            'grpc.max_connection_age_grace_ms': 0,
          },
        },
      },
    })
    const client = greet(grpc.address)
    client.send(calling(1, pathOf(watch)))
    await client.until(FrameType.GOAWAY)

    client.send(calling(3, pathOf(check)))
    await answered(client, 3)
    await haveRead(client)
    await client.end()

    const last = client.of(FrameType.GOAWAY).at(-1)
    expect([last?.payload.readUInt32BE(0), last?.payload.readUInt32BE(4)]).toEqual([3, 0])
  })

  test('of the greatest age there is does not end at once', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.99)
    onTestFinished(() => void vi.restoreAllMocks())
    stopTime()
    await using grpc = await start({ 'grpc.max_connection_age_ms': 2 ** 31 - 2 })
    const client = greet(grpc.address)
    await client.until(FrameType.SETTINGS, 2)

    await vi.advanceTimersByTimeAsync(60_000)
    client.send(frame(FrameType.PING, {}, Buffer.alloc(8)))
    await client.until(FrameType.PING)

    expect(client.of(FrameType.GOAWAY)).toEqual([])
    vi.useRealTimers()
    client.socket.destroy()
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
