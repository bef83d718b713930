// The control thread's half of the loader. Files are read here, as many models at a time as are asked
// for, so that one whose file system hangs holds up no other; what was read goes to the thread, one
// model after the other.

import { strict as assert } from 'node:assert'
import type { SavedModel } from '@drover/saved-model'
import type { SignatureDef } from '@drover/serving-api'
import type { EngineChoice, PassedOver } from '../choice.ts'
import { InferenceError } from '../errors.ts'
import type { Stamps } from '../model-folder.ts'
import { type ModelBytes, type Reading, readContents, readOutline } from '../model-files.ts'
import { settledBy } from '../timed.ts'
import type { KernelMessage } from '../kernel/types.ts'
import { LastingThread } from './lasting-thread.ts'
import type { Parcel } from './parcel.ts'
import type { RequestOf, StartWorker } from './thread.ts'

/** Less than this is read before it is known who needs it: to ask first would take as long. */
const AT_ONCE_BYTES_MAX = 8 * 2 ** 20
const LOADS_WAITING_MAX = 200_000

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
  /** A signature changes its variables or tables. */
  keepsState: boolean
  /** TensorFlow by itself leaves some of its variables without values. */
  needsMending: boolean
  /** Of the files that were checked. */
  stamps: Stamps
} & ({ engine: 'onnx'; nodes: number; parcel: Parcel } | { engine: 'tensorflow' })

/** A model that was read, and what is to run it. */
export interface ReadModel {
  /** Bytes of its files. */
  sizeBytes: number
  plan: KernelPlan | RemotePlan
  passedOver: readonly PassedOver[]
  /** See `SavedModel`. */
  uncallable: SavedModel['uncallable']
}

/** What the loader thread answers. */
export type LoaderProtocol = {
  /** The answer is undefined where the model has to be read whole. */
  load: {
    ask: LoadRequest & ModelBytes & Reading & { load: number }
    answer: ReadModel | undefined
  }
  /** Gives back the memory of kernels. */
  free: { ask: { load: number }; answer: undefined }
  /** A thread has ended that may have run kernel models. */
  forgetThread: { ask: { thread: number }; answer: undefined }
}

export interface LoaderOptions {
  start: StartWorker
  timeoutMs: number
  /** See `Reading`. */
  allowedOperations: readonly string[]
}

/** Prepares models in a thread of its own, which is started again when it ends. */
export class Loader {
  readonly #thread: LastingThread<LoaderProtocol>
  readonly #timeoutMs: number
  readonly #allowedOperations: readonly string[]
  readonly #turns: (() => void)[] = []
  #isBusy = false
  /** Directories whose files did not come in time. Each holds a thread for files: none is asked again. */
  readonly #late = new Set<string>()
  #lastLoad = 0

  constructor({ start, timeoutMs, allowedOperations }: LoaderOptions) {
    this.#timeoutMs = timeoutMs
    this.#allowedOperations = allowedOperations
    this.#thread = new LastingThread({
      start: () => start('loader-thread', undefined),
      isNative: false,
      isNeeded: () => true,
    })
    // It is there when the first model comes; whoever loads that one meets its failure.
    this.#thread.running().catch(() => {})
  }

  /** Throws LOAD_FAILED for files that do not come; CRASHED or TIMEOUT when it ended the thread; UNAVAILABLE. */
  async load(request: LoadRequest): Promise<ReadModel> {
    const { directory } = request
    if (this.#late.has(directory)) throw late(directory)
    const atOnceBytesMax = request.engine === 'tensorflow' ? 0 : AT_ONCE_BYTES_MAX
    const outline = await this.#read(directory, readOutline(directory, atOnceBytesMax))
    const isRead = outline.unread.length === 0
    const unread = isRead ? undefined : await this.#ask(request, outline, [])
    if (unread !== undefined) return unread
    const files = isRead ? outline : await this.#read(directory, readContents(directory, outline))
    const read = await this.#ask(request, files, transferOf(files))
    assert(read !== undefined, 'nothing is left to be read of a model')
    return read
  }

  /** One model after the other. What is transferred is gone here. */
  async #ask(
    request: LoadRequest,
    files: ModelBytes,
    transfer: ArrayBuffer[],
  ): Promise<ReadModel | undefined> {
    if (this.#turns.length >= LOADS_WAITING_MAX)
      throw new InferenceError('UNAVAILABLE', `${LOADS_WAITING_MAX} models wait to be loaded`)
    if (this.#isBusy) await new Promise<void>((resolve) => this.#turns.push(resolve))
    else this.#isBusy = true
    try {
      const thread = await this.#thread.running()
      const timeoutMs = this.#timeoutMs
      const allowedOperations = this.#allowedOperations
      const load = ++this.#lastLoad
      return await thread.request<'load'>(
        { kind: 'load', load, allowedOperations, ...request, ...files },
        { timeoutMs, transfer },
      )
    } finally {
      const next = this.#turns.shift()
      if (next === undefined) this.#isBusy = false
      else next()
    }
  }

  async #read(directory: string, reading: Promise<ModelBytes>): Promise<ModelBytes> {
    try {
      return await settledBy(reading, performance.now() + this.#timeoutMs)
    } catch (error) {
      if (!(error instanceof InferenceError) || error.code !== 'TIMEOUT') throw error
      this.#late.add(directory)
      void reading.catch(() => {}).finally(() => this.#late.delete(directory))
      throw late(directory)
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

const transferOf = ({ graph, checkpoint, assets }: ModelBytes): ArrayBuffer[] =>
  [graph, ...checkpoint.values(), ...assets.values()].map(bufferOf)

const bufferOf = ({ buffer }: Uint8Array<ArrayBuffer>): ArrayBuffer => buffer

const late = (directory: string): InferenceError =>
  new InferenceError('LOAD_FAILED', `the files in ${directory} do not come`)
