// A thread that is started again when it ends. States:
//
//   idle       no thread                     -> running, when somebody asks for it
//   running    the thread takes requests     -> waiting, when it ends
//   waiting    until the next start is due   -> running if it is needed, or else idle
//   closed     for ever

import { setTimeout as sleep } from 'node:timers/promises'
import type { Worker } from 'node:worker_threads'
import { InferenceError } from '../errors.ts'
import { failuresAfter, restartDelayMs } from '../restarts.ts'
import { Thread, type ThreadProtocol } from './thread.ts'

export interface LastingThreadOptions<P extends ThreadProtocol> {
  start: () => Worker
  /** Whether it runs native code; see `Thread`. */
  isNative: boolean
  /** Whether it is started again without being asked for. */
  isNeeded: () => boolean
  onStart?: (thread: Thread<P>) => void
  onEnd?: () => void
}

/** See the head of the file. */
export class LastingThread<P extends ThreadProtocol> {
  readonly #options: LastingThreadOptions<P>
  readonly #closing = new AbortController()
  #opening: Promise<Thread<P>> | undefined
  #current: Thread<P> | undefined
  #failures = 0
  #notBeforeMs = 0

  constructor(options: LastingThreadOptions<P>) {
    this.#options = options
  }

  /** The thread, while there is one. */
  get current(): Thread<P> | undefined {
    return this.#current
  }

  /** The thread, when it runs; starts it if need be. Throws UNAVAILABLE once it is closed. */
  async running(): Promise<Thread<P>> {
    return await (this.#opening ??= this.#open())
  }

  async #open(): Promise<Thread<P>> {
    const { signal } = this.#closing
    const waitMs = Math.max(0, this.#notBeforeMs - performance.now())
    await sleep(waitMs, undefined, { signal }).catch(() => {})
    if (signal.aborted) throw new InferenceError('UNAVAILABLE', 'the engines are closed')
    const thread = new Thread<P>(this.#start(), this.#options)
    this.#current = thread
    const startedMs = performance.now()
    void thread.ended.then(() => this.#afterEnd(performance.now() - startedMs))
    this.#options.onStart?.(thread)
    return thread
  }

  /** Where the system has no room for another thread, that is one that ended at once. */
  #start(): Worker {
    try {
      return this.#options.start()
    } catch (cause) {
      this.#afterEnd(0)
      throw new InferenceError('UNAVAILABLE', 'the thread does not start', { cause })
    }
  }

  #afterEnd(livedMs: number): void {
    this.#current = undefined
    this.#opening = undefined
    if (this.#closing.signal.aborted) return
    this.#failures = failuresAfter(this.#failures, livedMs)
    this.#notBeforeMs = performance.now() + restartDelayMs(this.#failures)
    this.#options.onEnd?.()
    // Whoever asks for it meets the failure.
    if (this.#options.isNeeded()) this.running().catch(() => {})
  }

  /** Ends it, for ever. */
  async close(): Promise<void> {
    this.#closing.abort()
    await this.#current?.end()
  }
}
