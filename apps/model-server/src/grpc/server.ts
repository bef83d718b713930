// gRPC over HTTP/2 by itself, on an HTTP/2 of its own: node:http2 costs more for each call than all
// else that this server does for a small model, and @grpc/grpc-js more still, keeps messages of any
// size before anybody may count them, and overflows on long deadlines.

import { once } from 'node:events'
import {
  type AddressInfo,
  createServer,
  type ListenOptions,
  type Server as TcpServer,
  type Socket,
} from 'node:net'
import { createServer as createTlsServer, type TlsOptions } from 'node:tls'
import { ServingError } from '@drover/serving-api'
import type { Log } from '@drover/service'
import type { Headers } from '../http2/header-reader.ts'
import { encodeHeaders } from '../http2/header-writer.ts'
import type { Stream } from '../http2/stream.ts'
import { Turns } from '../event-loop/turns.ts'
import { untilQuiet } from '../serving/quiet.ts'
import type { ChannelArguments } from './channel-arguments.ts'
import { Compression } from './compression.ts'
import { type SslConfig, tlsOptions } from './credentials.ts'
import { Held, type Share } from './held.ts'
import type { GrpcLimits } from './limits.ts'
import { Sessions } from './sessions.ts'
import { failureHeaders, stopSending } from './status.ts'
import { answerStream, type Streaming } from './streaming-call.ts'
import { type Calls, startUnaryCall, type Unary } from './unary-call.ts'

/** What answers a method. */
export type Method = { kind: 'unary'; answer: Unary } | { kind: 'streaming'; answer: Streaming }

export interface GrpcServerOptions {
  /** By path: `/tensorflow.serving.PredictionService/Predict`. */
  methods: ReadonlyMap<string, Method>
  limits: GrpcLimits
  /** Further connections are closed at once. */
  connectionsMax: number
  /** How long a client may take to say that it speaks HTTP/2. */
  greetingMsMax: number
  /** One that takes connections while it ends has ended when there was none for so long. */
  quietMs: number
  arguments: ChannelArguments
  ssl: SslConfig | undefined
  log: Log
}

/** A server that answers methods, and listens wherever it is told to. */
export class GrpcServer {
  readonly #options: GrpcServerOptions
  readonly #calls: Calls
  readonly #streaming = new Set<() => void>()
  readonly #sessions: Sessions
  readonly #tls: TlsOptions | undefined
  readonly #sockets = new Set<Socket>()
  readonly #doors: TcpServer[] = []
  #watch: NodeJS.Timeout | undefined
  #isDraining = false

  constructor(options: GrpcServerOptions) {
    const { limits, log } = options
    const { maxReceiveMessageLength, maxSendMessageLength, maxConcurrentStreams, maxMetadataSize } =
      options.arguments
    this.#options = options
    this.#tls = options.ssl && tlsOptions(options.ssl, options.greetingMsMax)
    this.#sessions = new Sessions({
      ...options,
      http2: {
        ...limits,
        streamsMax: maxConcurrentStreams ?? limits.streamsMax,
        headersBytesMax: maxMetadataSize ?? limits.headersBytesMax,
      },
      held: new Held(limits),
      turns: new Turns(),
      open: (stream, headers, share) => this.#answer(stream, headers, share),
    })
    this.#calls = {
      limits,
      receivedBytesMax: maxReceiveMessageLength ?? limits.messageBytesMax,
      sentBytesMax: maxSendMessageLength ?? limits.messageBytesMax,
      compression: new Compression(limits),
      log,
      tick: 0,
    }
  }

  /** Connections that are open. */
  get connections(): number {
    return this.#sockets.size
  }

  /** Listens at a place of node:net; returns the address. Throws what node:net throws. */
  async listen(place: ListenOptions | { fd: number }): Promise<AddressInfo | string | null> {
    const door = this.#makeDoor()
    door.listen({ ...place, backlog: this.#options.limits.backlog })
    await once(door, 'listening')
    this.#doors.push(door)
    this.#watch ??= setInterval(
      () => this.#endStalled(),
      this.#options.limits.stalledCheckMs,
    ).unref()
    return door.address()
  }

  /**
   * Ends all connections as their calls end, and those that still come; resolves when none is left. Of
   * several drains the one that ends first cuts for all.
   */
  async drain(msMax: number, staysOpen: boolean): Promise<void> {
    this.#isDraining = true
    for (const stop of this.#streaming) stop()
    this.#sessions.drain(performance.now() + msMax)
    const cut = setTimeout(() => this.#cut(), msMax)
    if (staysOpen) await untilQuiet(() => this.#sockets.size, msMax, this.#options.quietMs)
    const closed = this.#doors.map(async (door) => {
      door.close()
      await once(door, 'close')
    })
    await Promise.all(closed)
    // The sockets below those of TLS close last.
    await Promise.all(Array.from(this.#sockets, async (socket) => await once(socket, 'close')))
    clearTimeout(cut)
    clearInterval(this.#watch)
  }

  /** Ends what is left; nobody comes behind it, whom nothing would end any more. */
  #cut(): void {
    for (const door of this.#doors) door.close()
    this.#sessions.cut()
    for (const socket of this.#sockets) socket.destroy()
  }

  #makeDoor(): TcpServer {
    const noDelay = true
    const door =
      this.#tls === undefined
        ? createServer({ noDelay }, (socket) => this.#sessions.add(socket))
        : createTlsServer({ ...this.#tls, noDelay }, (socket) => {
            socket.on('error', ignore)
            if (socket.alpnProtocol === 'h2') this.#sessions.add(socket)
            else socket.destroy()
          })
    door.maxConnections = this.#options.connectionsMax
    door.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
      socket.on('error', ignore)
    })
    return door
  }

  #answer(stream: Stream, headers: Headers, share: Share): void {
    if (headers.get('content-type')?.startsWith('application/grpc') !== true)
      return refuse(stream, HTTP_UNSUPPORTED_MEDIA_TYPE)
    if (headers.get(':method') !== 'POST') return refuse(stream, HTTP_METHOD_NOT_ALLOWED)
    const { methods, limits, log } = this.#options
    const path = headers.get(':path') ?? ''
    const method = methods.get(path)
    if (method === undefined) {
      const error = new ServingError('UNIMPLEMENTED', `There is no method ${path} here`)
      stream.respondOnly(failureHeaders(error, log))
      return stopSending(stream, limits.goodbyeMs)
    }
    if (method.kind === 'unary')
      startUnaryCall(stream, headers, { calls: this.#calls, share, answer: method.answer })
    else
      void answerStream(stream, method.answer, {
        limits,
        log,
        open: this.#streaming,
        isDraining: this.#isDraining,
      })
  }

  #endStalled(): void {
    const { stalledMsMax, stalledCheckMs } = this.#options.limits
    const looks = Math.ceil(stalledMsMax / stalledCheckMs)
    this.#calls.tick++
    this.#sessions.endStalled(looks)
  }
}

const HTTP_METHOD_NOT_ALLOWED = 405
const HTTP_UNSUPPORTED_MEDIA_TYPE = 415

const ignore = (): void => {}

/** No gRPC at all: HTTP says so. */
function refuse(stream: Stream, status: number): void {
  stream.respondOnly(encodeHeaders(status, {}))
}
