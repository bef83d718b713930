// The connections of a port, and when each of them ends.

import { constants, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import type { ChannelArguments } from './channel-arguments.ts'
import type { GrpcLimits } from './limits.ts'

/** Connections that are given an age end at times that differ, so that not all clients come back at once. */
const AGE_SPREAD = 0.1
/** Announced as the last call when nobody knows yet which it will be. */
const LAST_STREAM = 2 ** 31 - 1

export interface SessionsOptions {
  limits: GrpcLimits
  arguments: ChannelArguments
  /** How long a client may take to say that it speaks HTTP/2. */
  greetingMsMax: number
}

/** Timers that end with their connection, and keep no process alive. */
class Timers {
  readonly #timers = new Set<NodeJS.Timeout>()

  after(ms: number, callback: () => void): NodeJS.Timeout {
    const timer = setTimeout(callback, ms).unref()
    this.#timers.add(timer)
    return timer
  }

  clear(): void {
    for (const timer of this.#timers) clearTimeout(timer)
  }
}

export class Sessions {
  readonly #options: SessionsOptions
  readonly #sessions = new Map<ServerHttp2Session, Timers>()
  #isDraining = false

  constructor(options: SessionsOptions) {
    this.#options = options
  }

  /** Takes a new connection on. */
  add(session: ServerHttp2Session): void {
    const { limits, greetingMsMax } = this.#options
    const timers = new Timers()
    this.#sessions.set(session, timers)
    session.once('close', () => {
      this.#sessions.delete(session)
      timers.clear()
    })
    // Nothing has failed but this connection, and its calls hear of it.
    session.on('error', () => {})
    session.setLocalWindowSize(limits.connectionWindowBytes)
    const greeting = timers.after(greetingMsMax, () => session.destroy())
    session.once('remoteSettings', () => clearTimeout(greeting))
    if (this.#isDraining) return session.close()
    this.#limitAge(session, timers)
    this.#limitIdleness(session, timers)
    this.#keepAlive(session, timers)
  }

  #limitAge(session: ServerHttp2Session, timers: Timers): void {
    const { maxConnectionAgeMs, maxConnectionAgeGraceMs } = this.#options.arguments
    if (maxConnectionAgeMs === undefined) return
    const spread = 1 + (Math.random() * 2 - 1) * AGE_SPREAD
    timers.after(maxConnectionAgeMs * spread, () => {
      this.#sayGoodbye(session, timers)
      if (maxConnectionAgeGraceMs !== undefined)
        timers.after(maxConnectionAgeGraceMs, () => session.destroy())
    })
  }

  #limitIdleness(session: ServerHttp2Session, timers: Timers): void {
    const { maxConnectionIdleMs } = this.#options.arguments
    if (maxConnectionIdleMs === undefined) return
    let calls = 0
    const timer = timers.after(maxConnectionIdleMs, () => {
      if (calls === 0) this.#sayGoodbye(session, timers)
    })
    session.on('stream', (stream: ServerHttp2Stream) => {
      calls++
      stream.once('close', () => {
        calls--
        timer.refresh()
      })
    })
  }

  /** Asks a connection from time to time whether the other side is still there. */
  #keepAlive(session: ServerHttp2Session, timers: Timers): void {
    const { limits } = this.#options
    const { keepaliveTimeMs = limits.keepaliveMs, keepaliveTimeoutMs = limits.keepaliveTimeoutMs } =
      this.#options.arguments
    const asking = timers.after(keepaliveTimeMs, () => {
      if (!isOpen(session)) return
      const lost = setTimeout(() => session.destroy(), keepaliveTimeoutMs).unref()
      session.ping(() => {
        clearTimeout(lost)
        if (isOpen(session)) asking.refresh()
      })
    })
  }

  /**
   * Says that the connection ends, waits for calls that were on their way by then, and takes no more;
   * it closes when the last call is over.
   */
  #sayGoodbye(session: ServerHttp2Session, timers: Timers): void {
    if (!isOpen(session)) return
    session.goaway(constants.NGHTTP2_NO_ERROR, LAST_STREAM)
    timers.after(this.#options.limits.goodbyeMs, () => {
      if (isOpen(session)) session.close()
    })
  }

  /** Ends all connections as their calls end, and those that come from now on. */
  drain(): void {
    this.#isDraining = true
    for (const [session, timers] of this.#sessions) this.#sayGoodbye(session, timers)
  }

  /** Cuts what is still open. */
  destroy(): void {
    for (const session of this.#sessions.keys()) session.destroy()
  }
}

const isOpen = (session: ServerHttp2Session): boolean => !session.closed && !session.destroyed
