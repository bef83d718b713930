// The control thread's half of one thread that runs onnxruntime. When it ends, it is started again
// and its models are read again from their folders; one that keeps ending it is given up.

import type { MessagePort } from 'node:worker_threads'
import { InferenceError } from '../errors.ts'
import { LastingThread } from './lasting-thread.ts'
import type { Loader } from './loader.ts'
import type { OnnxProtocol, OnnxThreadData } from './onnx-protocol.ts'
import type { Parcel } from './parcel.ts'
import type { StartWorker, Thread } from './thread.ts'

/** A model that ended its thread this often is given up, if it was within this time. */
const KILLS_MAX = 3
const KILLS_WINDOW_MS = 10 * 60_000

/** A model that onnxruntime runs, whichever thread it is in. */
export interface OnnxModel {
  number: number
  directory: string
  tags: readonly string[]
  sizeBytes: number
  /** Called when it is given up, with the reason. */
  onLost: (error: InferenceError) => void
}

export interface OnnxThreadOptions {
  /** Its number; not 0, which is the control thread's. */
  number: number
  start: StartWorker
  loader: Loader
  loadTimeoutMs: number
  /** Calls of one model that may wait. */
  waitingMax: number
  /** Called when it takes calls. */
  onStart: (thread: number) => void
}

/** See the head of the file. */
export class OnnxThread {
  readonly #options: OnnxThreadOptions
  readonly #thread: LastingThread<OnnxProtocol>
  /** What is loaded, or is to be loaded again. */
  readonly #models = new Map<number, OnnxModel>()
  /** When each model ended the thread, on the clock of `performance.now()`. */
  readonly #kills = new Map<number, number[]>()
  #suspects = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT))
  /** Loads go one after the other, so that it is known which one ended the thread. */
  #lastLoad: Promise<unknown> = Promise.resolve()

  constructor(options: OnnxThreadOptions) {
    this.#options = options
    this.#thread = new LastingThread<OnnxProtocol>({
      start: () => {
        this.#suspects = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT))
        const data: OnnxThreadData = { waitingMax: options.waitingMax, suspects: this.#suspects }
        return options.start('onnx-thread', data)
      },
      isNative: true,
      isNeeded: () => this.#models.size > 0,
      onStart: (thread) => {
        options.onStart(options.number)
        for (const model of this.#models.values()) void this.#loadAgain(model, thread)
      },
      onEnd: () => this.#blame(),
    })
  }

  get number(): number {
    return this.#options.number
  }

  /** Throws UNTRANSLATABLE, LOAD_FAILED, CRASHED, TIMEOUT or UNAVAILABLE. */
  async load(model: OnnxModel, parcel: Parcel): Promise<void> {
    await this.#inTurn(async () => {
      const thread = await this.#thread.running()
      await this.#send(thread, model, parcel)
      this.#models.set(model.number, model)
    })
  }

  async #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#lastLoad.then(work)
    this.#lastLoad = turn.catch(() => {})
    await turn
  }

  async #send(thread: Thread<OnnxProtocol>, { number }: OnnxModel, parcel: Parcel): Promise<void> {
    const timeoutMs = this.#options.loadTimeoutMs
    await thread.request<'load'>(
      { kind: 'load', model: number, parcel },
      { timeoutMs, transfer: [parcel] },
    )
  }

  /** After a new start of the thread. What ends the thread again is seen to there. */
  async #loadAgain(model: OnnxModel, thread: Thread<OnnxProtocol>): Promise<void> {
    await this.#inTurn(async () => {
      if (thread.hasEnded || !this.#models.has(model.number)) return
      const { directory, tags } = model
      const read = await this.#options.loader.load({ directory, tags, engine: 'onnx' })
      if (read.plan.engine !== 'onnx')
        throw new InferenceError('UNTRANSLATABLE', 'the model is another one by now')
      await this.#send(thread, model, read.plan.parcel)
      if (!this.#models.has(model.number)) await this.unload(model.number)
    }).catch((cause: unknown) => {
      if (thread.hasEnded) return
      this.#giveUp(model, 'the model could not be loaded again', cause)
    })
  }

  /** Looks which models were at work when the thread ended. */
  #blame(): void {
    for (const number of new Set(this.#suspects)) {
      const model = this.#models.get(number)
      if (model === undefined) continue
      const nowMs = performance.now()
      const kills = (this.#kills.get(number) ?? []).filter((ms) => nowMs - ms < KILLS_WINDOW_MS)
      this.#kills.set(number, [...kills, nowMs])
      if (kills.length + 1 >= KILLS_MAX)
        this.#giveUp(model, `the model ended its thread ${kills.length + 1} times`)
    }
  }

  #giveUp(model: OnnxModel, reason: string, cause?: unknown): void {
    this.#forget(model.number)
    model.onLost(new InferenceError('CRASHED', reason, { cause }))
  }

  #forget(number: number): void {
    this.#models.delete(number)
    this.#kills.delete(number)
  }

  /** Gives a model's memory back; resolves when it runs no more. */
  async unload(number: number): Promise<void> {
    this.#forget(number)
    await this.#thread.current
      ?.request<'unload'>(
        { kind: 'unload', model: number },
        { timeoutMs: this.#options.loadTimeoutMs },
      )
      .catch(() => {
        // A thread that has ended has unloaded it.
      })
  }

  /** Gives it a port over which calls come; false while it does not run. */
  connect(port: MessagePort): boolean {
    const thread = this.#thread.current
    if (thread === undefined) return false
    const timeoutMs = this.#options.loadTimeoutMs
    const asked = thread.request<'connect'>(
      { kind: 'connect', port },
      { timeoutMs, transfer: [port] },
    )
    // Whoever holds the other end hears of the thread's end.
    asked.catch(() => {})
    return true
  }

  /** Ends it, for ever; its models are gone. */
  async close(): Promise<void> {
    this.#models.clear()
    await this.#thread.close()
  }
}
