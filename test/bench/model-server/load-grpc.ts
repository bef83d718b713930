import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import {
  ACKNOWLEDGED,
  FLAG,
  FRAME,
  type Frame,
  FrameReader,
  frameOf,
  framesOfCall,
  GREETING,
  MESSAGE_BYTES_MAX,
  pongOf,
  WINDOW_BYTES,
  windowUpdate,
} from './http2.ts'
import type { Connection, Job } from './load-job.ts'

/** What a client may send before the server says that it read some of it. */
const FIRST_WINDOW_BYTES = 65_535
/** What was received is told when it comes to so much. */
const TOLD_BYTES = WINDOW_BYTES / 4

/**
 * A connection of HTTP/2, by hand: grpc-js as a client would be slower than the servers that it is to
 * keep busy. As other clients do, it sends the headers of its second call on by reference.
 */
export async function openGrpc({ port, path, bodyFile = '' }: Job): Promise<Connection> {
  const message = readFileSync(bodyFile)
  if (message.length > MESSAGE_BYTES_MAX) throw new Error(`${message.length} bytes in one frame`)
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  const call = new GrpcCall({ path, message, send: (bytes) => void socket.write(bytes) })
  await once(socket, 'connect')
  socket.on('data', (piece) => call.receive(piece))
  socket.once('close', () => {
    throw new Error('the server closed a connection')
  })
  socket.write(GREETING)
  return { ask: (_index, done) => call.ask(done) }
}

interface GrpcCallOptions {
  path: string
  message: Buffer
  send: (bytes: Buffer) => void
}

/** One call after the other. */
class GrpcCall {
  readonly #options: GrpcCallOptions
  readonly #reader = new FrameReader((frame) => this.#take(frame))
  #stream = -1
  #window = FIRST_WINDOW_BYTES
  #receivedBytes = 0
  #hasAnswer = false
  #waiting: Buffer | undefined
  #done: (isGood: boolean) => void = () => {}

  constructor(options: GrpcCallOptions) {
    this.#options = options
  }

  ask(done: (isGood: boolean) => void): void {
    const { path, message } = this.#options
    const isFirst = this.#stream < 0
    this.#stream += 2
    this.#done = done
    this.#hasAnswer = false
    this.#waiting = framesOfCall({ stream: this.#stream, path, message, isFirst })
    this.#send()
  }

  #send(): void {
    if (this.#waiting === undefined || this.#window < this.#waiting.length) return
    this.#window -= this.#options.message.length + FRAME.messagePrefixBytes
    this.#options.send(this.#waiting)
    this.#waiting = undefined
  }

  receive(piece: Buffer): void {
    this.#reader.push(piece)
  }

  #take(frame: Frame): void {
    if (frame.stream === 0) return this.#serve(frame)
    if (frame.stream !== this.#stream) return
    const { type, flags, payload } = frame
    if (type === FRAME.reset) return this.#done(false)
    if (type === FRAME.data) {
      this.#hasAnswer ||= payload.length > 0
      this.#count(payload.length)
    }
    // A call that failed has an end without a message before it.
    const mayEnd = type === FRAME.data || type === FRAME.headers
    if (mayEnd && (flags & FLAG.endOfStream) !== 0) this.#done(this.#hasAnswer)
  }

  /** What concerns the connection as a whole. */
  #serve({ type, flags, payload }: Frame): void {
    if (type === FRAME.windowUpdate) {
      this.#window += payload.readUInt32BE()
      this.#send()
    }
    if ((flags & FLAG.acknowledged) !== 0) return
    if (type === FRAME.settings) this.#options.send(ACKNOWLEDGED)
    if (type === FRAME.ping) this.#options.send(pongOf(payload))
  }

  #count(bytes: number): void {
    this.#receivedBytes += bytes
    if (this.#receivedBytes < TOLD_BYTES) return
    this.#options.send(frameOf(FRAME.windowUpdate, 0, 0, windowUpdate(this.#receivedBytes)))
    this.#receivedBytes = 0
  }
}
