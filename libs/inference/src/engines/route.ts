// The asking side of calls to one thread: what waits for answers, and until when.

import type { MessagePort } from 'node:worker_threads'
import { InferenceError } from '../errors.ts'
import { errorOf } from '../failure.ts'
import type { Tensors } from '../servable.ts'
import { fromShared } from './clock.ts'
import type { CallFailure } from './run-queue.ts'
import { type OpenCall, type Places, readAnswer, readAnswerId, writeCall } from './wire.ts'

/** Calls of one thread to another that may wait. */
const WAITING_MAX = 10_000
const TIMER_MS_MAX = 2 ** 31 - 1

interface Waiting {
  places: Places
  deadline: number
  resolve: (answers: Tensors) => void
  reject: (error: InferenceError) => void
}

/** Calls to one thread. It is connected later, and again when that thread was started again. */
export class Route {
  readonly #waiting = new Map<number, Waiting>()
  /** Calls that wait for the first connection. */
  #held: ArrayBuffer[] = []
  #state: 'connecting' | 'open' | 'lost' = 'connecting'
  #port: MessagePort | undefined
  #lastId = 0
  /** One timer for all: it is set to the earliest deadline, and seldom fires. */
  #timer: NodeJS.Timeout | undefined
  #timerDue = Infinity

  /**
   * Sends what waits, and all calls from now on, over this port. Its messages are to be given to
   * `receive`; while no call waits, the port keeps nothing alive.
   */
  connect(port: MessagePort): void {
    // What was asked of a thread before goes with it.
    if (this.#port !== undefined) this.#drop('the thread that runs the model ended')
    this.#port = port
    this.#state = 'open'
    port.once('close', () => {
      if (this.#port === port) this.lose('the thread that runs the model ended')
    })
    if (this.#waiting.size === 0) port.unref()
    for (const call of this.#held.splice(0)) port.postMessage(call, [call])
  }

  /** Fails all that waits, and all calls until it is connected again. */
  lose(reason: string): void {
    this.#state = 'lost'
    this.#port = undefined
    this.#held = []
    for (const id of this.#waiting.keys())
      this.#settle(id)?.reject(new InferenceError('UNAVAILABLE', reason))
    clearTimeout(this.#timer)
    this.#timerDue = Infinity
  }

  /** Closes its port. */
  close(): void {
    this.#drop('the model is closed')
  }

  #drop(reason: string): void {
    const port = this.#port
    this.lose(reason)
    port?.close()
  }

  /** Asks; `deadline` is on the clock that all threads share. */
  async ask({ model, deadline }: { model: number; deadline: number }, call: OpenCall) {
    if (this.#state === 'lost')
      throw new InferenceError('UNAVAILABLE', 'the thread that runs the model is starting again')
    if (this.#waiting.size >= WAITING_MAX)
      throw new InferenceError('UNAVAILABLE', `${WAITING_MAX} requests wait for the thread already`)
    const id = ++this.#lastId
    const buffer = writeCall({ id, model, deadline }, call)
    return await new Promise<Tensors>((resolve, reject) => {
      if (this.#waiting.size === 0) this.#port?.ref()
      this.#waiting.set(id, { places: call.signature, deadline, resolve, reject })
      if (deadline < this.#timerDue) this.#setTimer(deadline)
      if (this.#port === undefined) this.#held.push(buffer)
      else this.#port.postMessage(buffer, [buffer])
    })
  }

  /** Takes an answer. */
  receive(message: ArrayBuffer | CallFailure): void {
    if (message instanceof ArrayBuffer) {
      const found = this.#settle(readAnswerId(message))
      found?.resolve(readAnswer(message, found.places))
    } else this.#settle(message.id)?.reject(errorOf(message.failure))
  }

  #settle(id: number): Waiting | undefined {
    const found = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (this.#waiting.size === 0) this.#port?.unref()
    return found
  }

  #setTimer(deadline: number): void {
    clearTimeout(this.#timer)
    this.#timerDue = deadline
    const ms = Math.min(Math.max(1, fromShared(deadline) - performance.now()), TIMER_MS_MAX)
    this.#timer = setTimeout(() => this.#expire(), ms)
    this.#timer.unref()
  }

  #expire(): void {
    let next = Infinity
    this.#timerDue = Infinity
    for (const [id, { deadline }] of this.#waiting)
      if (fromShared(deadline) > performance.now()) next = Math.min(next, deadline)
      else this.#settle(id)?.reject(new InferenceError('TIMEOUT', 'no answer came in its time'))
    if (next < Infinity) this.#setTimer(next)
  }
}
