// The connections of a port, and when each of them ends.

import type { Socket } from 'node:net'
import { Connection, type ConnectionHandler } from '../http2/connection.ts'
import type { Headers } from '../http2/header-reader.ts'
import type { Http2Limits } from '../http2/limits.ts'
import type { Stream } from '../http2/stream.ts'
import type { Turns } from '../event-loop/turns.ts'
import type { ChannelArguments } from './channel-arguments.ts'
import type { Held, Share } from './held.ts'
import type { GrpcLimits } from './limits.ts'

/** Connections that are given an age end at times that differ, so that not all clients come back at once. */
const AGE_SPREAD = 0.1
/** Node's timers count no further. */
const TIMER_MS_MAX = 2 ** 31 - 1
/**
 * What of the time until a connection is cut may pass before its end is announced, and what of the
 * rest between that and its last goodbye: the rest of that is for the calls that are still open.
 */
const REST_SHARE = 1 / 8
const GOODBYE_SHARE = 3 / 4
/** By then who has all and does not close is gone or hangs, and a drain does not wait for it. */
const LEAVE_SHARE = 7 / 8

export interface SessionsOptions {
  limits: GrpcLimits
  http2: Http2Limits
  held: Held
  turns: Turns
  arguments: ChannelArguments
  /** How long a client may take to say that it speaks HTTP/2. */
  greetingMsMax: number
  /** Answers a request; `share` is what its connection may hold. */
  open: (stream: Stream, headers: Headers, share: Share) => void
}

export class Sessions {
  readonly #options: SessionsOptions
  readonly #sessions = new Set<Session>()
  /** When those that are left are cut, on the clock of `performance.now()`; if the port drains. */
  #untilMs: number | undefined

  constructor(options: SessionsOptions) {
    this.#options = options
  }

  /** Takes a new connection on. */
  add(socket: Socket): void {
    const session = new Session(socket, this.#options)
    this.#sessions.add(session)
    socket.once('close', () => {
      this.#sessions.delete(session)
      session.clear()
    })
    if (this.#untilMs !== undefined) session.endSoon(this.#untilMs)
  }

  /** Ends those, and their calls, in which nothing has moved for so many looks. */
  endStalled(looks: number): void {
    for (const { connection } of this.#sessions) connection.endIfStalled(looks)
  }

  /** Ends all connections as their calls end, and those that come from now on, before they are cut. */
  drain(untilMs: number): void {
    this.#untilMs = Math.min(this.#untilMs ?? untilMs, untilMs)
    for (const session of this.#sessions) session.end(this.#untilMs)
  }

  /** Cuts what is still open; the goodbye is read by who has room for it. */
  cut(): void {
    for (const { connection } of this.#sessions) {
      connection.leave()
      connection.destroy()
    }
  }
}

/** One connection, with timers that end with it and keep no process alive. */
class Session implements ConnectionHandler {
  readonly connection: Connection
  readonly #options: SessionsOptions
  readonly #timers = new Set<NodeJS.Timeout>()
  readonly #greeting: NodeJS.Timeout
  readonly #idleness: NodeJS.Timeout | undefined
  readonly #share: Share
  /** Whether it is about to end: `soon`, when its next call is over; `now`, the client was told. */
  #end: 'soon' | 'now' | undefined
  /** When it is cut, on the clock of `performance.now()`. */
  #untilMs = Infinity
  /** How long calls may take behind the last goodbye, once the connection has its age. */
  #graceMs: number | undefined

  constructor(socket: Socket, options: SessionsOptions) {
    const { maxConnectionIdleMs } = options.arguments
    this.#options = options
    this.#share = options.held.share()
    this.connection = new Connection(socket, options.http2, options.turns, this)
    this.#greeting = this.#after(options.greetingMsMax, () => this.connection.destroy())
    if (maxConnectionIdleMs !== undefined)
      this.#idleness = this.#after(maxConnectionIdleMs, () => {
        if (this.connection.streams === 0) this.#sayGoodbye()
      })
    this.#limitAge()
    this.#keepAlive()
  }

  #after(ms: number, callback: () => unknown): NodeJS.Timeout {
    const timer = setTimeout(callback, ms).unref()
    this.#timers.add(timer)
    return timer
  }

  clear(): void {
    for (const timer of this.#timers) clearTimeout(timer)
  }

  /** See `ConnectionHandler`. */
  open(stream: Stream, headers: Headers): void {
    this.#options.open(stream, headers, this.#share)
  }

  /** See `ConnectionHandler`. */
  greeted(): void {
    clearTimeout(this.#greeting)
  }

  /** See `ConnectionHandler`. */
  idle(): void {
    this.#idleness?.refresh()
    if (this.#end === 'soon') this.#announceEnd()
  }

  #limitAge(): void {
    const { maxConnectionAgeMs, maxConnectionAgeGraceMs } = this.#options.arguments
    if (maxConnectionAgeMs === undefined) return
    const spread = 1 + (Math.random() * 2 - 1) * AGE_SPREAD
    this.#after(Math.min(maxConnectionAgeMs * spread, TIMER_MS_MAX), () => {
      this.#graceMs = maxConnectionAgeGraceMs
      if (this.connection.isOpen) this.#sayGoodbye()
      else this.#limitGrace()
    })
  }

  /** Counted from the last goodbye: until then the client may not know that there is any. */
  #limitGrace(): void {
    if (this.#graceMs !== undefined) this.#after(this.#graceMs, () => this.connection.leave())
  }

  /** Asks from time to time whether the other side is still there. */
  #keepAlive(): void {
    const { limits, arguments: given } = this.#options
    const { keepaliveTimeMs = limits.keepaliveMs } = given
    const { keepaliveTimeoutMs = limits.keepaliveTimeoutMs } = given
    const asking = this.#after(keepaliveTimeMs, () => {
      const lost = this.#after(keepaliveTimeoutMs, () => this.connection.destroy())
      this.connection.ping(() => {
        clearTimeout(lost)
        this.#timers.delete(lost)
        asking.refresh()
      })
    })
  }

  /**
   * Ends one that came while the port drains. A client that is told goodbye in its greeting loses
   * the calls that it was about to send, and gives them up when that happens twice.
   */
  endSoon(untilMs: number): void {
    this.#leaveBefore(untilMs)
    this.#after(this.#within(this.#options.limits.lateMs, REST_SHARE), () => this.#sayGoodbye())
  }

  /** Ends one that is cut at a time. What was begun without that may take too long, and is hurried. */
  end(untilMs: number): void {
    this.#leaveBefore(untilMs)
    if (this.#end === 'now') this.#closeInTime()
    else {
      this.#end = 'soon'
      this.#announceInTime()
    }
  }

  #leaveBefore(untilMs: number): void {
    this.#untilMs = untilMs
    this.#after(this.#within(TIMER_MS_MAX, LEAVE_SHARE), () => this.connection.endIfLeft())
  }

  /**
   * Says that the connection ends, with the answer of its next call: gRPC's C core gives up a call for
   * which it has chosen the connection and which it has not begun to send, and at no other moment is it
   * so sure that there is none. Who does not call soon, or without a pause, is told all the same.
   */
  #sayGoodbye(): void {
    if (this.#end !== undefined) return
    this.#end = 'soon'
    this.#announceInTime()
  }

  #announceInTime(): void {
    this.#after(this.#within(this.#options.limits.restMs, REST_SHARE), () => this.#announceEnd())
  }

  /**
   * Waits for calls that were on their way when the client was told, and takes no more; it closes when
   * the last call is over. The client has read it when it answers the ping behind it, which may take a
   * while, as clients pause too. Some (on nghttp2) send that answer ahead of calls that they have begun,
   * so these are given some time more.
   */
  #announceEnd(): void {
    if (!this.connection.isOpen || this.#end === 'now') return
    this.#end = 'now'
    this.connection.announceEnd()
    this.connection.ping(() => this.#after(this.#options.limits.goodbyeMs, () => this.#closeSoon()))
    this.#closeInTime()
  }

  #closeInTime(): void {
    const { goodbyeMsMax } = this.#options.limits
    this.#after(this.#within(goodbyeMsMax, GOODBYE_SHARE), () => this.#closeSoon())
  }

  /** What has come by then is read first: timers go before sockets in a process that was held up. */
  #closeSoon(): void {
    setImmediate(() => {
      if (!this.connection.isOpen) return
      this.connection.close()
      this.#limitGrace()
    })
  }

  /** So long, or a share of the time that is left until it is cut. */
  #within(ms: number, share: number): number {
    return Math.min(ms, Math.max(this.#untilMs - performance.now(), 0) * share)
  }
}
