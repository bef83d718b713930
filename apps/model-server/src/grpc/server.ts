// gRPC over HTTP/2 by itself. It stands on node:http2 rather than on @grpc/grpc-js: that takes half
// as much time again for each call, keeps messages of any size before anybody may count them, and
// overflows on long deadlines.

import {
  constants,
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type SecureServerOptions,
  type ServerHttp2Stream,
} from 'node:http2'
import { once } from 'node:events'
import { type AddressInfo, type ListenOptions, Server as TcpServer, type Socket } from 'node:net'
import { ServingError } from '@drover/serving-api'
import type { Log } from '@drover/service'
import type { ChannelArguments } from './channel-arguments.ts'
import { Compression } from './compression.ts'
import { type SslConfig, tlsOptions } from './credentials.ts'
import { Held } from './held.ts'
import type { GrpcLimits } from './limits.ts'
import { Sessions } from './sessions.ts'
import { ANSWER_HEADERS, failureTrailers, RESPOND_ONLY } from './status.ts'
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
  readonly #tls: SecureServerOptions | undefined
  readonly #sockets = new Set<Socket>()
  readonly #doors: (Http2Server | Http2SecureServer)[] = []
  #watch: NodeJS.Timeout | undefined

  constructor(options: GrpcServerOptions) {
    const { limits, log } = options
    const { maxReceiveMessageLength, maxSendMessageLength } = options.arguments
    this.#options = options
    this.#sessions = new Sessions(options)
    this.#tls = options.ssl && tlsOptions(options.ssl, options.greetingMsMax)
    this.#calls = {
      limits,
      receivedBytesMax: maxReceiveMessageLength ?? limits.messageBytesMax,
      sentBytesMax: maxSendMessageLength ?? limits.messageBytesMax,
      held: new Held(limits),
      compression: new Compression(limits),
      log,
      open: new Set(),
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

  /** Takes no more connections, and resolves when those that are there have ended; cuts them after `graceMs`. */
  async drain(graceMs: number): Promise<void> {
    const closed = this.#doors.map(async (door) => {
      // The close of node:http2 would say goodbye in its own way.
      TcpServer.prototype.close.call(door)
      await once(door, 'close')
    })
    for (const stop of this.#streaming) stop()
    this.#sessions.drain()
    const cut = setTimeout(() => {
      this.#sessions.destroy()
      for (const socket of this.#sockets) socket.destroy()
    }, graceMs)
    await Promise.all(closed)
    // The sockets below those of TLS close last.
    await Promise.all(Array.from(this.#sockets, async (socket) => await once(socket, 'close')))
    clearTimeout(cut)
    clearInterval(this.#watch)
  }

  #makeDoor(): Http2Server | Http2SecureServer {
    const { limits, connectionsMax } = this.#options
    const options = {
      maxSessionMemory: limits.sessionMegabytesMax,
      settings: {
        initialWindowSize: limits.streamWindowBytes,
        maxConcurrentStreams: this.#options.arguments.maxConcurrentStreams ?? limits.streamsMax,
        maxHeaderListSize: this.#options.arguments.maxMetadataSize ?? limits.headersBytesMax,
      },
    }
    const door =
      this.#tls === undefined
        ? createServer(options)
        : createSecureServer({ ...options, ...this.#tls })
    door.maxConnections = connectionsMax
    door.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
      socket.on('error', ignore)
    })
    // Before anybody speaks HTTP/2 on it, nobody but us looks after such a socket.
    door.on('secureConnection', (socket) => socket.on('error', ignore))
    door.on('unknownProtocol', (socket) => socket.destroy())
    door.on('session', (session) => this.#sessions.add(session))
    door.on('stream', (stream, headers) => this.#answer(stream, headers))
    return door
  }

  #answer(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    // A stream that fails closes as well, and then its call is over.
    stream.on('error', ignore)
    const { 'content-type': type = '', ':method': verb, ':path': path = '' } = headers
    if (!type.startsWith('application/grpc'))
      return refuse(stream, constants.HTTP_STATUS_UNSUPPORTED_MEDIA_TYPE)
    if (verb !== 'POST') return refuse(stream, constants.HTTP_STATUS_METHOD_NOT_ALLOWED)
    const { methods, limits, log } = this.#options
    const method = methods.get(path)
    if (method === undefined) {
      const error = new ServingError('UNIMPLEMENTED', `There is no method ${path} here`)
      stream.respond({ ...ANSWER_HEADERS, ...failureTrailers(error, log) }, RESPOND_ONLY)
      return
    }
    if (method.kind === 'unary')
      startUnaryCall(stream, headers, { calls: this.#calls, answer: method.answer })
    else void answerStream(stream, method.answer, { limits, log, open: this.#streaming })
  }

  #endStalled(): void {
    const { stalledMsMax, stalledCheckMs } = this.#options.limits
    this.#calls.tick++
    for (const call of this.#calls.open) call.endIfStalled(Math.ceil(stalledMsMax / stalledCheckMs))
  }
}

const ignore = (): void => {}

/** No gRPC at all: HTTP says so. */
function refuse(stream: ServerHttp2Stream, status: number): void {
  stream.respond({ [constants.HTTP2_HEADER_STATUS]: status }, { endStream: true })
}
