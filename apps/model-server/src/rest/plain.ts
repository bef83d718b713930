// Plain requests, read and answered without node:http, which costs more than all that this server
// does for a small model. A connection stays here as long as its requests are plain (see head.ts);
// with the first that is not, it goes to node:http with every byte of that request, for good. So each
// request has exactly one reader.

import type { Socket } from 'node:net'
import type { Limits } from '../limits.ts'
import type { Answers } from './answers.ts'
import type { Held } from './held.ts'
import { PlainConnection } from './plain-connection.ts'
import type { Headers } from './reply.ts'
import type { Routes } from './routes.ts'

export interface PlainOptions {
  answers: Pick<Answers, 'answer'>
  routes: Routes
  headers: Headers
  held: Held
  limits: Limits
  /** Gives a socket to node:http. */
  handOver: (socket: Socket) => void
}

/** The connections that ask plain requests. */
export class PlainConnections {
  readonly options: PlainOptions
  readonly #connections = new Set<PlainConnection>()
  readonly #timer: NodeJS.Timeout
  /** From now on every answer ends its connection. */
  isLeaving = false
  /** The time of the last sweep, on the clock of `performance.now()`: exact enough for these. */
  nowMs = performance.now()

  constructor(options: PlainOptions) {
    this.options = options
    this.#timer = setInterval(() => this.#sweep(), options.limits.connectionsCheckMs).unref()
  }

  /** Reads a new connection. */
  take(socket: Socket): void {
    this.#connections.add(new PlainConnection(socket, this))
  }

  forget(connection: PlainConnection): void {
    this.#connections.delete(connection)
  }

  #sweep(): void {
    this.nowMs = performance.now()
    for (const connection of this.#connections) connection.check(this.nowMs)
  }

  /** Ends those that wait for a request. */
  closeIdle(): void {
    for (const connection of this.#connections) connection.closeIfIdle()
  }

  /** Ends all of them; takes no more. */
  close(): void {
    clearInterval(this.#timer)
    for (const connection of this.#connections) connection.destroy()
  }
}
