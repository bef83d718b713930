// A client of HTTP/2 that says what a test has it say, right or wrong.

import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { onTestFinished, vi } from 'vitest'
import { Connection, type ConnectionHandler } from '../http2/connection.ts'
import {
  type FrameHead,
  FrameType,
  HEAD_BYTES,
  NOTHING,
  PREFACE,
  putHead,
  settingsFrame,
} from '../http2/frames.ts'
import { encodeHeaders } from '../http2/header-writer.ts'
import type { Http2Limits } from '../http2/limits.ts'
import type { Stream } from '../http2/stream.ts'
import { GRPC_LIMITS } from '../grpc/limits.ts'
import { Turns } from '../event-loop/turns.ts'

/** For machines that are busy. */
const WAIT = { timeout: 20_000 }

export interface ReceivedFrame extends FrameHead {
  payload: Buffer
}

/** A frame with whatever is in it. */
export function frame(
  type: number,
  { flags = 0, stream = 0 }: { flags?: number; stream?: number } = {},
  payload: Uint8Array = NOTHING,
): Buffer {
  const bytes = Buffer.alloc(HEAD_BYTES + payload.length)
  bytes.set(payload, putHead(bytes, 0, { type, flags, stream, length: payload.length }))
  return bytes
}

/** A number of 32 bits. */
export function number(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** The headers of a request as they are coded. */
export const requestBlock = (headers: Record<string, string> = {}): Buffer =>
  encodeHeaders(undefined, { ':method': 'POST', ':scheme': 'http', ':path': '/', ...headers })

/** What every client says first. */
export const GREETING: Buffer = Buffer.concat([PREFACE, settingsFrame([])])

export class RawClient {
  readonly socket: Socket
  readonly frames: ReceivedFrame[] = []
  #rest: Buffer = NOTHING

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true })
    this.socket.on('error', () => {})
    this.socket.on('data', (bytes: Buffer) => this.#take(bytes))
    onTestFinished(() => void this.socket.destroy())
  }

  #take(bytes: Buffer): void {
    const all = Buffer.concat([this.#rest, bytes])
    let at = 0
    while (all.length - at >= HEAD_BYTES) {
      const length = all.readUIntBE(at, 3)
      const start = at + HEAD_BYTES
      if (all.length < start + length) break
      this.frames.push({
        length,
        type: all.readUInt8(at + 3),
        flags: all.readUInt8(at + 4),
        stream: all.readUInt32BE(at + 5),
        payload: all.subarray(start, start + length),
      })
      at = start + length
    }
    this.#rest = all.subarray(at)
  }

  send(...parts: readonly Uint8Array[]): void {
    this.socket.write(Buffer.concat(parts))
  }

  /** All frames of a kind that came so far. */
  of(type: number, stream?: number): ReceivedFrame[] {
    return this.frames.filter(
      (each) => each.type === type && (stream === undefined || each.stream === stream),
    )
  }

  /** The bytes of a body that came so far. */
  bodyOf(stream: number): Buffer {
    return Buffer.concat(this.of(FrameType.DATA, stream).map(({ payload }) => payload))
  }

  /** The code that the connection ended with, once it has ended. */
  async end(): Promise<number | undefined> {
    if (!this.socket.closed) await once(this.socket, 'close')
    return this.of(FrameType.GOAWAY).at(-1)?.payload.readUInt32BE(4)
  }

  async until(type: number, count = 1): Promise<ReceivedFrame[]> {
    return await vi.waitUntil(() => {
      const found = this.of(type)
      return found.length >= count && found
    }, WAIT)
  }
}

export const END_STREAM = 1
export const END_HEADERS = 4
export const WHOLE = END_STREAM | END_HEADERS
export const OK: Buffer = encodeHeaders(200, {})
export const TRAILERS: Buffer = encodeHeaders(undefined, { status: 'fine' })

/** Answers a whole request with these bytes, at once unless told. */
export const answering =
  (body: Buffer, when: (answer: () => void) => void = (answer) => answer()) =>
  (stream: Stream): void => {
    stream.handler = {
      data: (piece) => stream.consumed(piece.length),
      end: () => when(() => stream.answer({ headers: OK, body: [body], trailers: TRAILERS })),
      sent: () => {},
      endIfStalled: () => {},
      close: () => {},
    }
  }

/** Headers, and nothing behind them unless told. */
export const request = (stream: number, flags = WHOLE): Buffer =>
  frame(FrameType.HEADERS, { flags, stream }, requestBlock())
export const data = (stream: number, length: number, flags = 0): Buffer =>
  frame(FrameType.DATA, { flags, stream }, Buffer.alloc(length))

/** Resolves when the answer of a stream is whole. */
export const answered = async (client: RawClient, stream: number): Promise<unknown> =>
  await vi.waitUntil(() => {
    const last = client.of(FrameType.HEADERS, stream).at(-1)
    return ((last?.flags ?? 0) & END_STREAM) !== 0
  }, WAIT)

/** A server of connections, each of which is handled as told. */
export async function startConnections(
  open: ConnectionHandler['open'],
  limits: Partial<Http2Limits> = {},
) {
  const connections: Connection[] = []
  const sockets: Socket[] = []
  const turns = new Turns()
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.push(socket)
    connections.push(
      new Connection(socket, { ...GRPC_LIMITS, ...limits }, turns, {
        open,
        greeted: () => {},
        idle: () => {},
      }),
    )
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port }: AddressInfo = Object(server.address())
  onTestFinished(async () => {
    for (const connection of connections) connection.destroy()
    server.close()
    await once(server, 'close')
  })
  return {
    port,
    connections,
    sockets,
    connect: () => new RawClient(port),
    /** A client that has greeted. */
    greet: () => {
      const client = new RawClient(port)
      client.send(GREETING)
      return client
    },
  }
}
