// One process of TensorFlow and the models in it, over all its lives. States:
//
//   idle       no process                       -> opening, at the first request
//   opening    it starts and loads its models   -> running, or waiting when it ends
//   running    it takes requests                -> waiting, when it ends or is killed
//   waiting    until the next start is due      -> opening if it has models, or else idle
//   closed     for ever
//
// Requests that the process has not begun wait for its next life, each until its own deadline; only
// those that it had begun end with it. After a few lives in which nothing succeeded, requests do not
// wait for the next start any more: they are UNAVAILABLE, and told when it is due.

import { setTimeout as sleep } from 'node:timers/promises'
import { Child, type ChildEnd } from './child.ts'
import { toShared } from './engines/clock.ts'
import { InferenceError, type InferenceErrorCode } from './errors.ts'
import { HoldUps } from './hold-ups.ts'
import type { HostRequest } from './messages.ts'
import { restartDelayMs } from './restarts.ts'
import { Suspect } from './suspect.ts'
import {
  Evicted,
  loadRequest,
  type ModelSource,
  type ProcessEvents,
  type ProcessLimits,
  type RunCall,
} from './tensorflow-terms.ts'
import { settledBy } from './timed.ts'

/** Lives without a success after which requests do not wait for the next one. */
const AWAITED_FAILURES_MAX = 3
/** Lives that one request may see end before it is begun. */
const SENDS_MAX = 4
/** A run is looked at so often; one that is shorter is no overrun, however little time it was left. */
const OVERRUN_LOOK_MS = 500

interface SendOptions {
  /** Of the model. */
  directory: string | undefined
  /** Until when a life of the process is waited for. */
  deadlineMs: number
  /** How long it may be the first in the process. */
  limitMs: number
  onBegin?: (child: Child) => void
}

/** See the head of the file. */
export class TensorflowProcess {
  readonly #limits: ProcessLimits
  readonly #events: ProcessEvents
  readonly #models = new Map<number, ModelSource>()
  readonly #closing = new AbortController()
  readonly #suspect = new Suspect()
  #opening: Promise<Child> | undefined
  #current: Child | undefined
  readonly #holdUps = new HoldUps()
  /** What it is at. */
  #work: Pick<SendOptions, 'directory'> | undefined
  #failures = 0
  #notBeforeMs = 0

  constructor(limits: ProcessLimits, events: ProcessEvents) {
    this.#limits = limits
    this.#events = events
  }

  get pid(): number | undefined {
    return this.#current?.pid
  }

  /** Loads a model, in this life and all to come. Throws LOAD_FAILED, CRASHED, TIMEOUT or UNAVAILABLE. */
  async load(model: number, source: ModelSource): Promise<void> {
    const { loadTimeoutMs } = this.#limits
    const deadlineMs = performance.now() + loadTimeoutMs
    const send = { deadlineMs, limitMs: loadTimeoutMs, directory: source.directory }
    await this.#counted(model, async () => {
      await this.#send(loadRequest(model, source), send)
      this.#models.set(model, source)
    })
  }

  /** Gives a model's memory back. With no process there is nothing to do: the next one will not load it. */
  async unload(model: number): Promise<void> {
    const child = this.#current
    this.#holdUps.forgive(model)
    if (!this.#models.delete(model) || child === undefined) return
    await child
      .request({ kind: 'unload', model }, { timeoutMs: this.#limits.loadTimeoutMs })
      .catch(ignoreLoss)
  }

  /**
   * Settles when the process is done with it, be it after the deadline: nothing else can run until
   * then. A run that takes longer than its limit gets the process killed, and TIMEOUT.
   */
  async run(model: number, call: RunCall, deadlineMs = Infinity): Promise<unknown> {
    const { runTimeoutMs, runLimitMs } = this.#limits
    const leftMs = Number.isFinite(deadlineMs) ? deadlineMs - performance.now() : runTimeoutMs
    // The child's clock may be behind by a little: what is over here is not sent at all.
    if (leftMs <= 0) throw new InferenceError('TIMEOUT', 'its time was over before its turn came')
    const limitMs = Math.max(leftMs, runLimitMs)
    let watch: NodeJS.Timeout | undefined
    let begunBy: Child | undefined
    let begunMs = Infinity
    let isEvicted = false
    const options: SendOptions = {
      limitMs,
      directory: this.#models.get(model)?.directory,
      deadlineMs: Number.isFinite(deadlineMs) ? deadlineMs : performance.now() + limitMs,
      onBegin: (child) => {
        begunBy = child
        begunMs = performance.now()
        watch = this.#watch(model, deadlineMs, () => {
          isEvicted = true
          void child.kill()
        })
      },
    }
    const deadline = Number.isFinite(deadlineMs) ? toShared(deadlineMs) : undefined
    try {
      const request = { kind: 'run', model, ...call, deadline } as const
      return await this.#counted(model, async () => await this.#send(request, options))
    } catch (error) {
      if (isEvicted && performance.now() < deadlineMs) throw new Evicted()
      if (isEvicted) throw new InferenceError('TIMEOUT', 'it ran past its deadline')
      throw this.#judge(model, error, begunBy)
    } finally {
      clearInterval(watch)
      this.#charge(model, begunMs)
    }
  }

  /** Charges a model with the time that others had to wait for its run. */
  #charge(model: number, begunMs: number): void {
    const nowMs = performance.now()
    if (nowMs > begunMs && this.#holdUps.charge(model, nowMs - begunMs, nowMs))
      this.#events.onOffence(model, 'heldUp')
  }

  /**
   * Looks at a run while others wait for it. One that is over its time gets its model a process of its
   * own; so does one that they have waited for too long, and that one ends this process.
   */
  #watch(model: number, deadlineMs: number, evict: () => void): NodeJS.Timeout {
    const { holdLimitMs } = this.#limits
    const sinceMs = performance.now()
    return setInterval(() => {
      const nowMs = performance.now()
      const isOver = nowMs >= deadlineMs && this.#models.size > 1
      const isHolding = nowMs - sinceMs >= holdLimitMs && this.#holdUps.othersThan(model) > 0
      const losesState = [...this.#models.values()].some(({ keepsState }) => keepsState)
      const mayEvict = isHolding && !losesState
      if (this.#models.has(model) && (isOver || mayEvict)) this.#events.onOffence(model, 'overran')
      if (mayEvict && !this.#models.has(model)) evict()
    }, OVERRUN_LOOK_MS)
  }

  /** What a failure of a run is to its caller. Tells of an offence. */
  #judge(model: number, error: unknown, begunBy: Child | undefined): unknown {
    if (begunBy === undefined || !(error instanceof InferenceError)) return error
    const isKilled = error.code === 'TIMEOUT' && begunBy.isEnding
    if (isKilled || begunBy.hasCrashed) this.#events.onOffence(model, 'ended')
    if (error.code !== 'CRASHED') return error
    return new InferenceError('UNAVAILABLE', 'TensorFlow ended', { cause: error })
  }

  async #counted<T>(model: number, ask: () => Promise<T>): Promise<T> {
    const { total } = this.#holdUps
    if (total >= this.#limits.waitingMax)
      throw new InferenceError('UNAVAILABLE', `${total} requests wait for TensorFlow`)
    this.#holdUps.enter(model)
    try {
      return await ask()
    } finally {
      this.#holdUps.leave(model)
    }
  }

  /** Sends it until a life of the process begins it. */
  async #send(request: HostRequest, options: SendOptions) {
    const { deadlineMs, limitMs, onBegin } = options
    for (let sends = 1; ; sends++) {
      const child = await this.#running(deadlineMs)
      let hasBegun = false
      try {
        const answer = await child.request(request, {
          timeoutMs: limitMs,
          onBegin: () => {
            hasBegun = true
            this.#work = options
            onBegin?.(child)
          },
        })
        this.#failures = 0
        // The next one may have begun already.
        if (this.#work === options) this.#work = undefined
        return answer
      } catch (error) {
        if (!child.isEnding && this.#work === options) this.#work = undefined
        if (hasBegun || sends === SENDS_MAX) throw error
        // Its end is known to this class when the child has told all who waited for it.
        await child.ended
      }
    }
  }

  /** The process, when it runs. The turns are those of its lives, of which few are waited for. */
  async #running(deadlineMs: number): Promise<Child> {
    let cause: unknown
    while (true) {
      const delayMs = this.#notBeforeMs - performance.now()
      if (this.#failures > AWAITED_FAILURES_MAX && delayMs > 0)
        throw new InferenceError('UNAVAILABLE', 'TensorFlow is starting again', {
          cause,
          retryAfterMs: Math.ceil(delayMs),
        })
      const failures = this.#failures
      try {
        return await settledBy((this.#opening ??= this.#open()), deadlineMs)
      } catch (error) {
        const isLate = error instanceof InferenceError && error.code === 'TIMEOUT'
        if (isLate || this.#closing.signal.aborted) throw error
        if (this.#failures === failures) throw error
        cause = error
      }
    }
  }

  /** Starts a process when it is due and loads all models; one that fails to load is left out. */
  async #open(): Promise<Child> {
    const { signal } = this.#closing
    const waitMs = this.#notBeforeMs - performance.now()
    if (waitMs > 0) await sleep(waitMs, undefined, { signal }).catch(() => {})
    if (signal.aborted) throw new InferenceError('UNAVAILABLE', 'TensorFlow is closed')
    const child = new Child('tensorflow-child')
    this.#current = child
    const ended = child.ended.then((end) => this.#afterEnd(end, child.hasCrashed))
    try {
      await child.ready
      for (const [model, source] of this.#models) await this.#loadAgain(child, model, source)
    } catch (error) {
      await ended
      throw error
    }
    return child
  }

  async #loadAgain(child: Child, model: number, source: ModelSource): Promise<void> {
    this.#suspect.suspect(model)
    this.#work = source
    try {
      await child.request(loadRequest(model, source), { timeoutMs: this.#limits.loadTimeoutMs })
    } catch (cause) {
      if (child.isEnding)
        throw new InferenceError('UNAVAILABLE', 'TensorFlow ended over a model', { cause })
      // Whoever hears of it may load it once more; its requests would only learn that it is not there.
      this.#leaveOut(model, 'LOAD_FAILED', 'the model could not be loaded again', cause)
    }
    this.#suspect.acquit()
    this.#work = undefined
  }

  #afterEnd(end: ChildEnd, hasCrashed: boolean): void {
    this.#current = undefined
    this.#opening = undefined
    const directory = this.#work?.directory
    this.#work = undefined
    const culprit = this.#suspect.blame(!hasCrashed && !end.isKilled)
    if (this.#closing.signal.aborted) return
    this.#events.onEnd({ ...end, directory })
    this.#notBeforeMs = performance.now() + restartDelayMs(++this.#failures)
    if (culprit !== undefined)
      this.#leaveOut(culprit, 'CRASHED', 'the model ended TensorFlow when it was loaded')
    if (this.#models.size === 0) return
    this.#opening = this.#open()
    // The next request meets the failure, or the next start mends it.
    this.#opening.catch(() => {})
  }

  #leaveOut(model: number, code: InferenceErrorCode, message: string, cause?: unknown): void {
    if (this.#models.delete(model))
      this.#events.onLost(model, new InferenceError(code, message, { cause }))
  }

  /** Ends it, for ever. */
  async close(): Promise<void> {
    this.#closing.abort()
    this.#models.clear()
    await this.#current?.kill()
  }
}

/** Unloading from a process that is gone is done. */
function ignoreLoss(error: unknown): void {
  if (!(error instanceof InferenceError)) throw error
}
