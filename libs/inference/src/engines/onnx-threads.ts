// The threads in which onnxruntime runs: small models share theirs, large ones have their own, so
// that a load or a run of a large model holds up no small one.

import type { MessagePort } from 'node:worker_threads'
import { InferenceError } from '../errors.ts'
import type { Connect } from './exchange.ts'
import { type OnnxModel, OnnxThread, type OnnxThreadOptions } from './onnx-thread.ts'
import type { Parcel } from './parcel.ts'

/** Beyond one of these a model is large: to load it or to run it may take long. */
const SMALL_BYTES_MAX = 8 * 2 ** 20
const SMALL_NODES_MAX = 2_000

export interface OnnxThreadsOptions extends Omit<OnnxThreadOptions, 'number'> {
  /** Threads for small models. */
  smallMax: number
  /** Threads for large models; beyond it they share. */
  largeMax: number
  /** Called when a thread has ended for good. */
  onEnd: (thread: number) => void
}

/** See the head of the file. */
export class OnnxThreads {
  readonly #options: OnnxThreadsOptions
  readonly #small: OnnxThread[]
  readonly #large: OnnxThread[] = []
  /** Of models that are loaded or being loaded. */
  readonly #threads = new Map<number, OnnxThread>()
  /** How many of them each thread has. */
  readonly #sizes = new Map<OnnxThread, number>()
  #lastThread = 0
  #isClosed = false

  constructor(options: OnnxThreadsOptions) {
    this.#options = options
    this.#small = Array.from({ length: options.smallMax }, () => this.#make())
  }

  #make(): OnnxThread {
    return new OnnxThread({ ...this.#options, number: ++this.#lastThread })
  }

  /** The number of the thread that runs the model. Throws what `OnnxThread.load` throws. */
  async load(model: OnnxModel, { parcel, nodes }: { parcel: Parcel; nodes: number }) {
    if (this.#isClosed) throw new InferenceError('UNAVAILABLE', 'the engines are closed')
    const isSmall = model.sizeBytes <= SMALL_BYTES_MAX && nodes <= SMALL_NODES_MAX
    const thread = isSmall ? this.#leastLoaded(this.#small) : this.#placeForLarge()
    this.#threads.set(model.number, thread)
    this.#count(thread, 1)
    try {
      await thread.load(model, parcel)
      return thread.number
    } catch (error) {
      await this.#leave(model.number)
      throw error
    }
  }

  #placeForLarge(): OnnxThread {
    if (this.#large.length >= this.#options.largeMax) return this.#leastLoaded(this.#large)
    const thread = this.#make()
    this.#large.push(thread)
    return thread
  }

  #leastLoaded(threads: readonly OnnxThread[]): OnnxThread {
    return threads.reduce((best, each) => (this.#sizeOf(each) < this.#sizeOf(best) ? each : best))
  }

  #sizeOf(thread: OnnxThread): number {
    return this.#sizes.get(thread) ?? 0
  }

  #count(thread: OnnxThread, change: 1 | -1): void {
    this.#sizes.set(thread, this.#sizeOf(thread) + change)
  }

  /** Gives a model's memory back; resolves when it runs no more. */
  async unload(model: number): Promise<void> {
    await this.#threads.get(model)?.unload(model)
    await this.#leave(model)
  }

  /** A thread of large models ends with the last of them. */
  async #leave(model: number): Promise<void> {
    const thread = this.#threads.get(model)
    if (thread === undefined) return
    this.#threads.delete(model)
    this.#count(thread, -1)
    const index = this.#large.indexOf(thread)
    if (index < 0 || this.#sizeOf(thread) > 0) return
    this.#large.splice(index, 1)
    this.#sizes.delete(thread)
    await thread.close()
    this.#options.onEnd(thread.number)
  }

  /** Gives a thread a port over which calls come. */
  connect(number: number, port: MessagePort): ReturnType<Connect> {
    const thread = [...this.#small, ...this.#large].find((each) => each.number === number)
    if (thread === undefined) return 'never'
    return thread.connect(port) ? 'now' : 'later'
  }

  /** Ends all of them. */
  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.all([...this.#small, ...this.#large].map(async (thread) => await thread.close()))
  }
}
