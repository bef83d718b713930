// Loads models where they hold up nobody, and runs them where they belong: kernels in any thread
// that opens them, onnxruntime in threads of its own, TensorFlow in a child process.

import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { SERVE_TAGS } from '@drover/saved-model'
import type { SignatureDef } from '@drover/serving-api'
import { type EngineChoice, type PassedOver, passedOverBy } from '../choice.ts'
import type { Stamps } from '../model-folder.ts'
import { hostedEngine } from '../tensorflow-engine.ts'
import {
  startTensorflowHost,
  type TensorflowHost,
  type TensorflowHostOptions,
} from '../tensorflow-host.ts'
import { Exchange } from './exchange.ts'
import { CONTROL } from './line.ts'
import { LoadedKernel } from './loaded-kernel.ts'
import { type LoadedModel, LoadedRemote, Loss, type Shared } from './loaded-model.ts'
import { Loader } from './loader.ts'
import { OnnxThreads } from './onnx-threads.ts'
import type { Parcel } from './parcel.ts'
import { onnxBytes, TENSORFLOW_PROCESS_BYTES, tensorflowBytes } from './resident-bytes.ts'
import { RunQueue } from './run-queue.ts'
import type { RemoteMessage } from './servable-message.ts'
import { type StartWorker, startWorker } from './thread.ts'

/** TensorFlow's process has the next call at hand while it runs one; the others wait here. */
const TENSORFLOW_RUNS_MAX = 2
const END_MS_MAX = 5_000

/** Limits of engines. */
export interface EnginesOptions {
  tensorflow?: TensorflowHostOptions
  /** Threads for small models that onnxruntime runs. */
  onnxThreads?: number
  /** Threads for large ones, each of which gets its own until there are so many. */
  onnxLargeThreads?: number
  /** Calls of one model that may wait in its engine; those beyond are UNAVAILABLE. */
  waitingMax?: number
  /** How long one model may take to load, without its wait. */
  loadTimeoutMs?: number
  /** The tags of the graph that is loaded, unless `load` is told others. */
  savedModelTags?: readonly string[]
  /** Unsafe operations that models may have, by their names; see `unsafeIn` of saved-model. None unless told. */
  allowedOperations?: readonly string[]
  /** Starts the threads; tests keep hold of them. */
  start?: StartWorker
}

const DEFAULTS = {
  onnxThreads: 1,
  onnxLargeThreads: 4,
  waitingMax: 256,
  loadTimeoutMs: 60_000,
  savedModelTags: SERVE_TAGS,
  allowedOperations: [],
  start: startWorker,
}

/** Loads and runs models; to be started once, in the control thread. */
export interface Engines extends AsyncDisposable {
  /**
   * Loads a SavedModel's folder. `fast` is a kernel or onnx; `auto` takes TensorFlow for what these
   * cannot run. Throws LOAD_FAILED for what no engine loads, UNTRANSLATABLE for what the engine asked
   * for does not, CRASHED and TIMEOUT over it, and UNAVAILABLE, which says nothing of the model.
   */
  load(
    directory: string,
    options?: { engine?: EngineChoice; tags?: readonly string[] },
  ): Promise<LoadedModel>
  /** To be told of each thread that has ended and opened models, by its `threadId`. */
  forgetThread(threadId: number): Promise<void>
  /** TensorFlow's process for all models, while there is one. */
  readonly tensorflowPid: number | undefined
  /** Those of models that have held up or ended that one. */
  readonly tensorflowOwnPids: readonly number[]
}

/** Starts the thread that loads; those that run models start with the first one. */
export function startEngines(options: EnginesOptions = {}): Engines {
  return new AllEngines({ ...DEFAULTS, tensorflow: {}, ...options })
}

interface Source {
  directory: string
  tags: readonly string[]
  signatures: Readonly<Record<string, SignatureDef>>
  uncallable: LoadedModel['uncallable']
  sizeBytes: number
  graphBytes: number
  keepsState: boolean
  passedOver: readonly PassedOver[]
  needsMending: boolean
  stamps: Stamps
}

class AllEngines implements Engines {
  readonly #id = randomUUID()
  readonly #tags: readonly string[]
  readonly #loader: Loader
  readonly #onnx: OnnxThreads
  readonly #tensorflow: TensorflowHost
  readonly #tensorflowQueue: RunQueue
  readonly #exchange: Exchange
  #lastModel = 0

  constructor(options: Required<EnginesOptions>) {
    const { start, loadTimeoutMs, waitingMax, allowedOperations } = options
    this.#tags = options.savedModelTags
    this.#loader = new Loader({ start, timeoutMs: loadTimeoutMs, allowedOperations })
    this.#onnx = new OnnxThreads({
      start,
      loader: this.#loader,
      loadTimeoutMs,
      waitingMax,
      smallMax: options.onnxThreads,
      largeMax: options.onnxLargeThreads,
      onStart: (thread) => this.#exchange.started(thread),
      onEnd: (thread) => this.#exchange.left(thread),
    })
    this.#tensorflow = startTensorflowHost({ loadTimeoutMs, ...options.tensorflow })
    this.#tensorflowQueue = new RunQueue({ runsMax: TENSORFLOW_RUNS_MAX, waitingMax })
    this.#exchange = new Exchange(this.#tensorflowQueue, (thread, port) =>
      this.#onnx.connect(thread, port),
    )
  }

  get tensorflowPid(): number | undefined {
    return this.#tensorflow.pid
  }

  get tensorflowOwnPids(): readonly number[] {
    return this.#tensorflow.ownPids
  }

  async forgetThread(threadId: number): Promise<void> {
    await this.#loader.forgetThread(threadId)
  }

  async load(
    directory: string,
    { engine = 'auto', tags = this.#tags }: Parameters<Engines['load']>[1] = {},
  ): Promise<LoadedModel> {
    const read = await this.#loader.load({ directory, engine, tags })
    const { sizeBytes, plan, uncallable, passedOver } = read
    if (plan.engine === 'kernel')
      return new LoadedKernel(plan, { sizeBytes, uncallable }, this.#loader)
    const { signatures, graphBytes, keepsState, needsMending, stamps } = plan
    const stateful = { keepsState, needsMending, stamps }
    const about = { sizeBytes, signatures, uncallable, graphBytes, passedOver, ...stateful }
    const source = { directory, tags, ...about }
    if (plan.engine === 'tensorflow') return await this.#runByTensorflow(source)
    try {
      return await this.#runByOnnx(source, plan)
    } catch (error) {
      const over = [...passedOver, passedOverBy(error, engine)]
      return await this.#runByTensorflow({ ...source, passedOver: over })
    }
  }

  async #runByOnnx(source: Source, plan: { parcel: Parcel; nodes: number }): Promise<LoadedModel> {
    const model = ++this.#lastModel
    const loss = new Loss()
    const thread = await this.#onnx.load({ number: model, onLost: loss.tell, ...source }, plan)
    return new LoadedRemote(
      { engine: 'onnx', ...source },
      {
        residentBytes: () => onnxBytes(source.sizeBytes),
        lost: loss.told,
        share: () => this.#share(source, { engine: 'onnx', thread, model }),
        free: async () => await this.#onnx.unload(model),
      },
    )
  }

  async #runByTensorflow(source: Source): Promise<LoadedModel> {
    const { directory, tags, signatures, sizeBytes, graphBytes } = source
    const { keepsState, needsMending, stamps } = source
    const model = ++this.#lastModel
    const loss = new Loss()
    let isAlone = false
    let loaded: LoadedModel | undefined
    const hosted = await this.#tensorflow.load(directory, {
      tags,
      sizeBytes,
      keepsState,
      needsMending,
      stamps,
      onLost: loss.tell,
      onMove: (isNowAlone) => {
        isAlone = isNowAlone
        this.#tensorflowQueue.setAlone(model, isAlone)
        loaded?.onResize?.()
      },
    })
    const bytes = tensorflowBytes(sizeBytes, graphBytes)
    this.#tensorflowQueue.add(model, hostedEngine(hosted, signatures), signatures)
    this.#tensorflowQueue.setAlone(model, isAlone)
    loaded = new LoadedRemote(
      { engine: 'tensorflow', ...source },
      {
        residentBytes: () => bytes + (isAlone ? TENSORFLOW_PROCESS_BYTES : 0),
        lost: loss.told,
        share: () => this.#share(source, { engine: 'tensorflow', thread: CONTROL, model }),
        free: async () => await this.#tensorflowQueue.remove(model),
      },
    )
    return loaded
  }

  #share(
    { signatures, sizeBytes }: Source,
    where: Pick<RemoteMessage, 'engine' | 'thread' | 'model'>,
  ): Shared {
    const line = this.#exchange.open()
    const message = { ...where, signatures, sizeBytes, engines: this.#id, line }
    return { message, transfer: [line] }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#exchange.close()
    const ends = [this.#loader.close(), this.#onnx.close(), this.#tensorflow[Symbol.asyncDispose]()]
    await Promise.race([Promise.all(ends), sleep(END_MS_MAX, undefined, { ref: false })])
  }
}
