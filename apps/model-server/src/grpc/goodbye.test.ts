import { connect as connectTcp } from 'node:net'
import { once } from 'node:events'
import { Health } from '@drover/serving-api'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { ErrorCode, FrameType } from '../http2/frames.ts'
import { LIMITS } from '../limits.ts'
import { coreOf, startGrpc } from '../test-support/grpc.ts'
import { answered } from '../test-support/http2.ts'
import { beginning, calling, greet, haveRead, stopTime } from '../test-support/raw-grpc.ts'
import { pathOf } from './messages.ts'

const core = coreOf({})
const CHECK = pathOf(Health.method.check)
const LAST_STREAM_MAX = 2 ** 31 - 1
/** Of the time of a drain: by then who never answers has been left. */
const WELL_BEFORE = 0.85
/** By then who does not close its side either is left. */
const BEFORE = 0.95

describe('a client that is told goodbye', () => {
  test('is answered until it says that it has read that', async () => {
    await using grpc = await startGrpc({ core, grpcLimits: { goodbyeMsMax: 60_000 } })
    const client = greet(grpc.address)
    await client.until(FrameType.SETTINGS, 2)

    const drained = grpc.port.drain(60_000)
    await client.until(FrameType.PING)
    const [goodbye] = client.of(FrameType.GOAWAY)
    // It had begun a call before it read any of this.
    client.send(calling(1, CHECK))
    await answered(client, 1)
    await haveRead(client)
    await client.end()
    await drained

    expect(goodbye?.payload.readUInt32BE(0)).toBe(LAST_STREAM_MAX)
    expect(client.of(FrameType.GOAWAY).at(-1)?.payload.readUInt32BE(0)).toBe(1)
  })

  test('is told so with the answer of its next call', async () => {
    await using grpc = await startGrpc({ core, grpcLimits: { restMs: 60_000 } })
    const client = greet(grpc.address)
    await client.until(FrameType.SETTINGS, 2)

    const drained = grpc.port.drain(600_000)
    client.send(calling(1, CHECK))
    await answered(client, 1)
    await haveRead(client)
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

  test.each([LIMITS.drainMsMax, 2_500, 500])(
    'and never says so is left well before the end of a drain of %d ms',
    async (msMax) => {
      await using grpc = await startGrpc({ core })
      const client = greet(grpc.address)
      await client.until(FrameType.SETTINGS, 2)
      stopTime()

      const drained = grpc.port.drain(msMax)
      await vi.advanceTimersByTimeAsync(msMax * WELL_BEFORE)

      expect(await client.end()).toBe(ErrorCode.NO_ERROR)
      await drained
    },
  )

  test('and neither says so nor closes its side is left before the end of a drain', async () => {
    await using grpc = await startGrpc({ core })
    const client = greet(grpc.address)
    await client.until(FrameType.SETTINGS, 2)
    client.socket.pause()
    stopTime()

    const drained = grpc.port.drain(LIMITS.drainMsMax)
    await vi.advanceTimersByTimeAsync(LIMITS.drainMsMax * BEFORE)
    await drained

    client.socket.resume()
    expect(await client.end()).toBe(ErrorCode.NO_ERROR)
  })

  test('and comes while the port drains is left well before the end as well', async () => {
    await using grpc = await startGrpc({ core })
    stopTime()
    const drained = grpc.port.drain(LIMITS.drainMsMax, true)
    const client = greet(grpc.address)
    await client.until(FrameType.SETTINGS, 2)

    await vi.advanceTimersByTimeAsync(LIMITS.drainMsMax * WELL_BEFORE)

    expect(await client.end()).toBe(ErrorCode.NO_ERROR)
    vi.useRealTimers()
    await drained
  })

  test('and was told so before the port drains is left before the end of that', async () => {
    await using grpc = await startGrpc({
      core,
      grpcLimits: { goodbyeMsMax: 60_000 },
      settings: { grpc: { channelArguments: { 'grpc.max_connection_age_ms': 100 } } },
    })
    const client = greet(grpc.address)
    await client.until(FrameType.GOAWAY)
    stopTime()

    const drained = grpc.port.drain(2_000)
    await vi.advanceTimersByTimeAsync(2_000 * WELL_BEFORE)

    expect(await client.end()).toBe(ErrorCode.NO_ERROR)
    await drained
  })

  test('is told so even by a port that has no time for it', async () => {
    await using grpc = await startGrpc({ core })
    const client = greet(grpc.address)
    await client.until(FrameType.SETTINGS, 2)
    client.send(beginning(1, CHECK))
    await vi.waitUntil(() => grpc.port.connections() === 1)

    await grpc.port.drain(0)

    expect(await client.end()).toBe(ErrorCode.NO_ERROR)
  })
})

describe('a port that drains', () => {
  test('and stays open answers who still comes, and ends when nobody does', async () => {
    await using grpc = await startGrpc({ core })
    const first = greet(grpc.address)
    await first.until(FrameType.SETTINGS, 2)

    const drained = grpc.port.drain(60_000, true)
    await first.until(FrameType.GOAWAY)
    const late = greet(grpc.address)
    late.send(calling(1, CHECK))
    await answered(late, 1)
    await Promise.all([first, late].map(haveRead))
    await Promise.all([first.end(), late.end()])
    await drained

    expect(late.of(FrameType.GOAWAY).length).toBeGreaterThan(0)
    const tooLate = connectTcp(Number(new URL(`http://${grpc.address}`).port), '127.0.0.1')
    await expect(once(tooLate, 'connect')).rejects.toThrow('ECONNREFUSED')
  })

  test('and stays open takes nobody in who comes behind the cut', async () => {
    await using grpc = await startGrpc({ core })
    const client = greet(grpc.address)
    client.send(beginning(1, CHECK))
    await client.until(FrameType.SETTINGS, 2)
    // The cut comes at once; looking whether anybody is left goes by another clock.
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())

    const drained = grpc.port.drain(60_000, true)
    await vi.advanceTimersByTimeAsync(60_000)
    const late = connectTcp(Number(new URL(`http://${grpc.address}`).port), '127.0.0.1')

    await expect(once(late, 'connect')).rejects.toThrow('ECONNREFUSED')
    await drained
  })

  test('for a shorter time than it was told before ends within the shorter one', async () => {
    await using grpc = await startGrpc({ core, grpcLimits: { goodbyeMsMax: 60_000 } })
    const client = greet(grpc.address)
    await client.until(FrameType.SETTINGS, 2)
    stopTime()

    const drains = [grpc.port.drain(600_000), grpc.port.drain(2_000), grpc.port.drain(900_000)]
    await vi.advanceTimersByTimeAsync(2_000 * WELL_BEFORE)

    expect(await client.end()).toBe(ErrorCode.NO_ERROR)
    await Promise.all(drains)
    await grpc.port.drain(600_000)
  })
})
