// Requests that node:http reads: whatever is not plain. See plain.ts for the others.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { errorBody } from '@drover/serving-api'
import type { Answers, Asker } from './answers.ts'
import { gunzip, isGzip } from './gunzip.ts'
import { Body, type Held } from './held.ts'
import { type Headers, type Reply, textOf } from './reply.ts'
import type { Routes } from './routes.ts'

/** How long a connection stays after an answer to what is not HTTP. */
const LINGER_MS = 1_000
/** Requests of one connection that are not answered; beyond it nothing more is read. */
const UNANSWERED_MAX = 64

export interface HttpOptions {
  answers: Answers
  routes: Routes
  headers: Headers
  held: Held
}

/** A request that is not answered yet, or not all there. */
interface Open {
  request: IncomingMessage
  response: ServerResponse
}

/** A connection: a client may send requests without waiting for answers. */
interface Connection {
  open: Set<Open>
  /** Resolves when the last request has its answer: one is answered at a time, as their order is theirs. */
  last: Promise<void> | undefined
}

/** What comes of a request until it is answered. */
interface Taken {
  sent: Body
  inflated: Body
  asker: Asker
  /** Those before it on its connection have their answers then. */
  before: Promise<void> | undefined
  tell: (reply: Reply) => void
}

/** Answers requests of node:http. */
export class HttpRequests {
  readonly #options: HttpOptions
  readonly #connections = new WeakMap<Duplex, Connection>()
  readonly #refused = new WeakSet<Duplex>()
  /** From now on every answer ends its connection. */
  isLeaving = false

  constructor(options: HttpOptions) {
    this.#options = options
  }

  /** Reads the body and answers. */
  take(request: IncomingMessage, response: ServerResponse): void {
    const { answers, held } = this.#options
    const leaving = new AbortController()
    const answered = this.#remember({ request, response })
    const taken: Taken = {
      sent: new Body(held),
      inflated: new Body(held),
      asker: leaving,
      before: answered.before,
      tell: (reply) => {
        release()
        this.#tell(reply, response)
      },
    }
    const release = (): void => {
      taken.sent.release()
      taken.inflated.release()
      answered.done()
    }
    const fail = (error: unknown): void => {
      // What still comes is read and dropped, so that the answer reaches a client that is sending.
      request.removeAllListeners('data').removeAllListeners('end').resume()
      taken.tell(answers.failed(error))
    }
    response.once('close', () => {
      release()
      leaving.abort()
    })
    request.on('data', (piece: Buffer) => {
      try {
        taken.sent.add(piece)
      } catch (error) {
        fail(error)
      }
    })
    request.once('end', () => void this.#answer(request, taken).catch(fail))
    try {
      held.check(Number(request.headers['content-length'] ?? 0))
    } catch (error) {
      fail(error)
    }
  }

  #remember(open: Open): { before: Promise<void> | undefined; done: () => void } {
    const { request, response } = open
    const { socket } = request
    const connection = this.#connections.get(socket) ?? meet(socket)
    this.#connections.set(socket, connection)
    const all = connection.open.add(open)
    if (isOver(connection)) socket.pause()
    const forget = (): void => {
      if (!request.complete || !response.writableEnded || !all.delete(open)) return
      if (!isOver(connection)) socket.resume()
    }
    request.once('close', forget)
    response.once('finish', forget)
    const before = connection.last
    let done = ignore
    connection.last = new Promise((resolve) => {
      done = resolve
    })
    return { before, done }
  }

  async #answer(
    { method = '', url = '', headers }: IncomingMessage,
    { sent, inflated, asker, before, tell }: Taken,
  ): Promise<void> {
    const { answers, routes } = this.#options
    const { host, origin } = headers
    const bytes = await sent.whole()
    const isPacked = bytes.length > 0 && isGzip(headers['content-encoding'])
    const body = isPacked ? await gunzip(bytes, inflated) : bytes
    await before
    answers.answer({ route: routes.find(method, url), host, origin, body, asker }, tell)
  }

  #tell(reply: Reply, response: ServerResponse): void {
    if (response.headersSent || response.destroyed) return
    if (this.isLeaving) response.shouldKeepAlive = false
    response.writeHead(reply.status, this.#options.headers.listOf(reply))
    response.end(reply.body)
  }

  /** Answers what is not HTTP, or takes too long, and ends the connection. */
  refuse(error: Error, socket: Duplex): void {
    // What comes after the first fault is dropped.
    if (this.#refused.has(socket)) return
    if (!socket.writable || !this.#isNext(socket)) return void socket.destroy()
    const [status, message] = wordsFor(error)
    const reply = { status, body: errorBody(message) }
    this.#refused.add(socket)
    socket.end(this.#options.headers.headOf(reply, true) + textOf(reply.body), 'latin1')
    // To close at once would take the answer from a client that is still sending.
    setTimeout(() => socket.destroy(), LINGER_MS).unref()
  }

  /** Whether the client would take what is written now for the answer to what it sends. */
  #isNext(socket: Duplex): boolean {
    const [first, ...more] = this.#connections.get(socket)?.open ?? []
    if (first === undefined) return true
    return more.length === 0 && !first.request.complete && !first.response.headersSent
  }
}

const ignore = (): void => undefined

const isOver = ({ open }: Connection): boolean => open.size > UNANSWERED_MAX

function meet(socket: Duplex): Connection {
  const connection = { open: new Set<Open>(), last: undefined }
  // Who reads a body resumes its socket, and so all that comes behind it.
  socket.on('resume', () => {
    if (isOver(connection)) socket.pause()
  })
  return connection
}

/** The status and the words for what the parser of node:http found. */
function wordsFor(error: Error): [status: number, message: string] {
  const code = 'code' in error ? error.code : undefined
  switch (code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return [408, 'The request took too long']
    case 'HPE_HEADER_OVERFLOW':
      return [431, 'The head of the request is too large']
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return [413, 'The extensions of a chunk are too large']
    default: {
      const reason = 'reason' in error ? String(error.reason) : error.message
      return [400, `Malformed HTTP: ${reason}`]
    }
  }
}
