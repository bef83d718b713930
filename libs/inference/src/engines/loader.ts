// The control thread's half of the loader: reads go to it one after the other.

import type { SignatureDef } from '@drover/serving-api'
import { InferenceError } from '../errors.ts'
import type { KernelMessage } from '../kernel/types.ts'
import { LastingThread } from './lasting-thread.ts'
import type { Parcel } from './parcel.ts'
import type { RequestOf, StartWorker } from './thread.ts'

const LOADS_WAITING_MAX = 200_000

/** What may run a model: `fast` is a kernel or onnx, `onnx` never a kernel, `auto` anything. */
export type EngineChoice = 'auto' | 'fast' | 'onnx' | 'tensorflow'

/** What is to be read. */
export interface LoadRequest {
  directory: string
  engine: EngineChoice
  tags: readonly string[]
}

/** A model that runs in any thread, in memory that all share. */
export interface KernelPlan {
  engine: 'kernel'
  message: KernelMessage
  residentBytes: number
  /** By which its memory is freed. */
  load: number
}

/** A model that onnxruntime or TensorFlow runs. */
export type RemotePlan = {
  signatures: Readonly<Record<string, SignatureDef>>
  /** Bytes of `saved_model.pb`. */
  graphBytes: number
} & ({ engine: 'onnx'; nodes: number; parcel: Parcel } | { engine: 'tensorflow' })

/** A model that was read, and what is to run it. */
export interface ReadModel {
  /** Bytes of its files. */
  sizeBytes: number
  plan: KernelPlan | RemotePlan
}

/** What the loader thread answers. */
export type LoaderProtocol = {
  load: { ask: LoadRequest & { load: number }; answer: ReadModel }
  /** Gives back the memory of kernels. */
  free: { ask: { load: number }; answer: undefined }
  /** A thread has ended that may have run kernel models. */
  forgetThread: { ask: { thread: number }; answer: undefined }
}

/** Reads models in a thread of its own, which is started again when it ends. */
export class Loader {
  readonly #thread: LastingThread<LoaderProtocol>
  readonly #timeoutMs: number
  readonly #turns: (() => void)[] = []
  #isReading = false
  #lastLoad = 0

  constructor({ start, timeoutMs }: { start: StartWorker; timeoutMs: number }) {
    this.#timeoutMs = timeoutMs
    this.#thread = new LastingThread({
      start: () => start('loader-thread', undefined),
      isNative: false,
      isNeeded: () => true,
    })
    // It is there when the first model comes; whoever loads that one meets its failure.
    this.#thread.running().catch(() => {})
  }

  /** Throws what the reading threw; CRASHED or TIMEOUT when it ended the thread; UNAVAILABLE. */
  async load(request: LoadRequest): Promise<ReadModel> {
    if (this.#turns.length >= LOADS_WAITING_MAX)
      throw new InferenceError('UNAVAILABLE', `${LOADS_WAITING_MAX} models wait to be loaded`)
    if (this.#isReading) await new Promise<void>((resolve) => this.#turns.push(resolve))
    else this.#isReading = true
    try {
      const thread = await this.#thread.running()
      const timeoutMs = this.#timeoutMs
      const load = ++this.#lastLoad
      return await thread.request<'load'>({ kind: 'load', load, ...request }, { timeoutMs })
    } finally {
      const next = this.#turns.shift()
      if (next === undefined) this.#isReading = false
      else next()
    }
  }

  /** Gives back the memory of a kernel model. */
  async free(load: number): Promise<void> {
    await this.#tell({ kind: 'free', load })
  }

  /** To be told of each thread that has ended and may have run kernel models. */
  async forgetThread(thread: number): Promise<void> {
    await this.#tell({ kind: 'forgetThread', thread })
  }

  /** A thread that has ended has nothing to give back. */
  async #tell(request: Exclude<RequestOf<LoaderProtocol>, { kind: 'load' }>): Promise<void> {
    const timeoutMs = this.#timeoutMs
    await this.#thread.current
      ?.request<'free' | 'forgetThread'>(request, { timeoutMs })
      .catch(() => {})
  }

  async close(): Promise<void> {
    await this.#thread.close()
  }
}
