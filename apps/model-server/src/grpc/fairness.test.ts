import { once } from 'node:events'
import { type ClientHttp2Session, type ClientHttp2Stream, constants } from 'node:http2'
import { Health, PredictionService } from '@drover/serving-api'
import { status } from '@grpc/grpc-js'
import { describe, expect, onTestFinished, test } from 'vitest'
import { coreOf, startGrpc, speak } from '../test-support/grpc.ts'
import { pathOf } from './messages.ts'

const KILOBYTE = 1024
const core = coreOf({})
const { check } = Health.method
const PREDICT = pathOf(PredictionService.method.predict)

/** A call whose message has so many bytes, of which these come. */
function upload(session: ClientHttp2Session, bytes: number, come: number): ClientHttp2Stream {
  const stream = session.request({
    ':method': 'POST',
    ':path': PREDICT,
    'content-type': 'application/grpc',
  })
  const begun = Buffer.alloc(come)
  begun.writeUInt32BE(bytes - 5, 1)
  stream.on('error', () => {}).resume()
  stream.write(begun)
  return stream
}

/** Resolves when the server has read what the session sent so far. */
const read = async (session: ClientHttp2Session): Promise<unknown> =>
  await new Promise((resolve) => session.ping(resolve))

describe('a connection whose calls never end', () => {
  test('takes no room from calls of others', async () => {
    await using grpc = await startGrpc({
      core,
      grpcLimits: { smallBytesMax: 1_000 * KILOBYTE, reservedBytes: KILOBYTE },
    })
    for (const greedy of [await speak(grpc.address), await speak(grpc.address)]) {
      for (let count = 0; count < 20; count++) upload(greedy, 100 * KILOBYTE, 99 * KILOBYTE)
      await read(greedy)
    }
    const ended: unknown[] = []
    const other = await speak(grpc.address)

    const stream = upload(other, 100 * KILOBYTE, 100 * KILOBYTE)
    stream.on('response', (headers) => ended.push(headers['grpc-status']))
    stream.end()
    await once(stream, 'close')

    expect(ended).not.toContain(`${status.RESOURCE_EXHAUSTED}`)
    await expect(grpc.client.ask(check, {})).resolves.toBeDefined()
  })

  test('loses those that come byte by byte', async () => {
    await using grpc = await startGrpc({
      core,
      grpcLimits: { stalledMsMax: 60, stalledCheckMs: 20, stalledBytesMin: KILOBYTE },
    })
    const stream = upload(await speak(grpc.address), 100 * KILOBYTE, 10)
    const trickle = setInterval(() => stream.write(Buffer.alloc(1)), 5)
    onTestFinished(() => clearInterval(trickle))

    await once(stream, 'close')

    expect(stream.rstCode).toBe(constants.NGHTTP2_CANCEL)
  })

  test('loses those whose time is over before their message is there', async () => {
    await using grpc = await startGrpc({ core, grpcLimits: { callMsMax: 50, stalledCheckMs: 20 } })
    const stream = upload(await speak(grpc.address), 100 * KILOBYTE, 10)

    await once(stream, 'close')

    expect(stream.rstCode).toBe(constants.NGHTTP2_CANCEL)
  })
})
