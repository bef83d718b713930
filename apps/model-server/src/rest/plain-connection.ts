// One connection whose requests are plain. Its states:
//   between requests -> in a body -> answering -> between requests
// and from each of them to ended; from the first two also to node:http, with all that came of the
// request so far.

import type { Socket } from 'node:net'
import { errorBody } from '@drover/serving-api'
import type { Asker } from './answers.ts'
import { type Head, readHead } from './head.ts'
import type { PlainConnections } from './plain.ts'
import { isShort, NOTHING, type Reply, textOf } from './reply.ts'
import type { RestRoute } from './routes.ts'

/** Longer bodies are for node:http. */
const BODY_BYTES_MAX = 64 * 1024
/** Longer heads are read anew each time. */
const KEPT_HEAD_BYTES_MAX = 1_024

/** A head with what it asks for. */
interface Asked extends Head {
  route: RestRoute
  /** All its bytes. */
  bytes: Buffer
}

export class PlainConnection implements Asker {
  readonly #socket: Socket
  readonly #all: PlainConnections
  readonly #tell = (reply: Reply): void => this.#finish(reply)
  readonly #onData = (bytes: Buffer): void => this.#take(bytes)
  readonly #onEnd = (): void => this.#clientEnded()
  readonly #onClose = (): void => this.#leave()
  /** The last head. Most clients send the same bytes each time, which are then not read again. */
  #known: Asked | undefined
  #state: 'between' | 'body' | 'answering' | 'ended' = 'between'
  /** The request that is in its body, and what came of that if not all came at once. */
  #asked: Asked | undefined
  #body: Buffer | undefined
  #bodyBytes = 0
  /** What came while an answer was being made. */
  #rest: Buffer = NOTHING
  #isReading = false
  /** Only where somebody asks for it. */
  #leaving: AbortController | undefined
  #isLast = false
  /** The client sends nothing more; what came before is answered. */
  #hasEnded = false
  #hasAsked = false
  /** When the state began. */
  #sinceMs: number

  constructor(socket: Socket, all: PlainConnections) {
    this.#socket = socket
    this.#all = all
    this.#sinceMs = all.nowMs
    socket.on('data', this.#onData)
    socket.on('end', this.#onEnd)
    socket.on('close', this.#onClose)
    socket.on('error', ignore)
  }

  #enter(state: 'between' | 'body' | 'answering' | 'ended'): void {
    this.#state = state
    this.#sinceMs = this.#all.nowMs
  }

  #take(bytes: Buffer): void {
    switch (this.#state) {
      case 'between':
        return this.#readAll(bytes)
      case 'body':
        return this.#readAll(this.#fill(bytes))
      case 'answering':
        return this.#keep(this.#rest.length > 0 ? Buffer.concat([this.#rest, bytes]) : bytes)
      case 'ended':
        return
    }
  }

  #keep(bytes: Buffer): void {
    this.#rest = bytes
    this.#socket.pause()
  }

  #readAll(bytes: Buffer): void {
    this.#isReading = true
    let left = bytes
    while (left.length > 0 && this.#state === 'between') left = this.#read(left)
    this.#isReading = false
    if (left.length > 0 && this.#state === 'answering') this.#keep(left)
    if (this.#hasEnded) this.#clientEnded()
  }

  /** Reads one request; returns what is behind it. */
  #read(bytes: Buffer): Buffer {
    const asked = this.#recognize(bytes)
    if (asked === undefined || asked.bodyBytes > BODY_BYTES_MAX) return this.#handOver(bytes)
    if (bytes.length < asked.sizeBytes + asked.bodyBytes) {
      this.#asked = asked
      this.#enter('body')
      return this.#fill(bytes.subarray(asked.sizeBytes))
    }
    return this.#answer(asked, bytes, asked.sizeBytes)
  }

  #recognize(bytes: Buffer): Asked | undefined {
    const known = this.#known
    if (known !== undefined && startsWith(bytes, known.bytes)) return known
    const head = readHead(bytes)
    if (head === undefined) return undefined
    const route = this.#all.options.routes.find(head.method, head.target)
    const asked = { ...head, route, bytes: Buffer.from(bytes.subarray(0, head.sizeBytes)) }
    this.#known = head.sizeBytes <= KEPT_HEAD_BYTES_MAX ? asked : undefined
    return asked
  }

  /** Goes on with a body; returns what is behind it. */
  #fill(bytes: Buffer): Buffer {
    const asked = this.#asked
    if (asked === undefined || bytes.length === 0) return NOTHING
    // Most clients that send heads and bodies apart send all of the body at once.
    if (this.#body === undefined && bytes.length >= asked.bodyBytes)
      return this.#answer(asked, bytes, 0)
    this.#body ??= this.#room(asked.bodyBytes)
    if (this.#body === undefined) return this.#handOver(Buffer.concat([asked.bytes, bytes]))
    const missing = asked.bodyBytes - this.#bodyBytes
    this.#bodyBytes += bytes.copy(this.#body, this.#bodyBytes)
    if (bytes.length < missing) return NOTHING
    const body = this.#body
    this.#drop()
    this.#answer(asked, body, 0)
    return bytes.subarray(missing)
  }

  #room(bytes: number): Buffer | undefined {
    return this.#all.options.held.tryTake(bytes) ? Buffer.allocUnsafeSlow(bytes) : undefined
  }

  #drop(): void {
    if (this.#body !== undefined) this.#all.options.held.give(this.#body.length)
    this.#body = undefined
    this.#bodyBytes = 0
  }

  /** Answers with the body that begins here; returns what is behind it. */
  #answer(asked: Asked, bytes: Buffer, from: number): Buffer {
    const { route, host, origin, bodyBytes, isLast } = asked
    const end = from + bodyBytes
    this.#asked = undefined
    this.#hasAsked = true
    this.#isLast = isLast
    this.#enter('answering')
    const body = bodyBytes > 0 ? bytes.subarray(from, end) : NOTHING
    this.#all.options.answers.answer({ route, host, origin, body, asker: this }, this.#tell)
    return end < bytes.length ? bytes.subarray(end) : NOTHING
  }

  get signal(): AbortSignal {
    this.#leaving ??= new AbortController()
    return this.#leaving.signal
  }

  #finish(reply: Reply): void {
    const socket = this.#socket
    if (socket.destroyed) return
    const isOver = this.#hasEnded && !this.#isReading && this.#rest.length === 0
    const isLast = this.#isLast || isOver || this.#all.isLeaving
    const head = this.#all.options.headers.headOf(reply, isLast)
    const isTaken = isShort(reply.body)
      ? socket.write(head + textOf(reply.body), 'latin1')
      : this.#writeLong(head, reply.body)
    if (isLast) return this.#sayGoodbye()
    if (isTaken) return this.#goOn()
    // A client that does not read its answers is not asked for more.
    socket.once('drain', () => this.#goOn())
  }

  #writeLong(head: string, body: Uint8Array): boolean {
    this.#socket.cork()
    this.#socket.write(head, 'latin1')
    const isTaken = this.#socket.write(body)
    this.#socket.uncork()
    return isTaken
  }

  #goOn(): void {
    if (this.#state !== 'answering') return
    this.#enter('between')
    if (this.#isReading) return
    const rest = this.#rest
    this.#rest = NOTHING
    if (this.#socket.isPaused()) this.#socket.resume()
    this.#readAll(rest)
  }

  /** Ends this side. What still comes is read and dropped until the client ends its own. */
  #sayGoodbye(): void {
    this.#enter('ended')
    this.#rest = NOTHING
    this.#socket.end()
    this.#socket.resume()
  }

  #clientEnded(): void {
    this.#hasEnded = true
    switch (this.#state) {
      case 'between':
        return this.#sayGoodbye()
      case 'body':
        return this.#refuse(400, 'The connection ended within the body of a request')
      case 'answering':
      case 'ended':
        return
    }
  }

  #refuse(status: number, message: string): void {
    this.#drop()
    this.#isLast = true
    this.#finish({ status, body: errorBody(message) })
  }

  #handOver(bytes: Buffer): Buffer {
    // A stream that has ended takes nothing back.
    if (this.#hasEnded) {
      this.#sayGoodbye()
      return NOTHING
    }
    const socket = this.#socket
    this.#enter('ended')
    this.#leave()
    socket.pause()
    socket.off('data', this.#onData)
    socket.off('end', this.#onEnd)
    socket.off('close', this.#onClose)
    socket.unshift(bytes)
    this.#all.options.handOver(socket)
    socket.off('error', ignore)
    socket.resume()
    return NOTHING
  }

  #leave(): void {
    this.#drop()
    this.#leaving?.abort()
    this.#all.forget(this)
  }

  /** Ends it if nothing has moved for too long. */
  check(nowMs: number): void {
    const { headersMsMax, keepAliveMs, receiveMsMax } = this.#all.options.limits
    const forMs = nowMs - this.#sinceMs
    switch (this.#state) {
      case 'between':
        if (forMs > (this.#hasAsked ? keepAliveMs : headersMsMax)) this.#sayGoodbye()
        return
      case 'body':
        if (forMs > receiveMsMax) this.#refuse(408, 'The body of the request took too long')
        return
      case 'answering':
        // The answer itself has a deadline of its own; its way to the client has this one.
        if (this.#socket.writableNeedDrain && forMs > receiveMsMax) this.#socket.destroy()
        return
      case 'ended':
        if (forMs > (this.#socket.writableLength > 0 ? receiveMsMax : headersMsMax))
          this.#socket.destroy()
        return
    }
  }

  closeIfIdle(): void {
    if (this.#state === 'between') this.#sayGoodbye()
  }

  destroy(): void {
    this.#socket.destroy()
  }
}

const startsWith = (bytes: Buffer, start: Buffer): boolean =>
  bytes.length >= start.length && bytes.compare(start, 0, start.length, 0, start.length) === 0

const ignore = (): void => undefined
