// TensorFlow in a child process. States of the host:
//
//   idle       no process                      -> running, at the first model
//   running    the process takes requests      -> waiting, when it ends by itself or at a deadline
//   waiting    until the next start is due     -> running, with all models loaded again
//   closed     for ever

import { SERVE_TAGS } from '@drover/saved-model'
import { z } from 'zod'
import type { Tensor } from '@drover/serving-api'
import { Child } from './child.ts'
import { InferenceError } from './errors.ts'
import { type HostRequest, TensorMessage } from './messages.ts'

const Tensors = z.array(TensorMessage)

/** Limits of a host. */
export interface TensorflowHostOptions {
  /** How long one model may take to load. */
  loadTimeoutMs?: number
  /** How long one request may take, with those before it; then the process is ended. */
  runTimeoutMs?: number
  /** More requests than this are refused as UNAVAILABLE. */
  waitingMax?: number
}

const DEFAULTS = { loadTimeoutMs: 60_000, runTimeoutMs: 30_000, waitingMax: 256 }
const RESTART_DELAY_MS_MIN = 100
const RESTART_DELAY_MS_MAX = 30_000

interface Source {
  directory: string
  tags: string[]
  /** Called when it is closed because it keeps ending the process. */
  onLost: (error: InferenceError) => void
}

/** A model in a host; it outlives the host's processes. */
export interface HostedModel {
  /** `inputs` and `outputs` by their names in the graph. */
  run(
    inputs: readonly { name: string; tensor: Tensor }[],
    outputs: readonly string[],
  ): Promise<Tensor[]>
  close(): Promise<void>
}

/** Runs SavedModels by TensorFlow in a process of its own. */
export interface TensorflowHost extends AsyncDisposable {
  /** The process, while there is one. */
  readonly pid: number | undefined
  /**
   * Loads a SavedModel's graph with these tags; `onLost` hears when the host closes it. Throws
   * LOAD_FAILED, CRASHED, TIMEOUT or UNAVAILABLE.
   */
  load(
    directory: string,
    tags?: readonly string[],
    onLost?: (error: InferenceError) => void,
  ): Promise<HostedModel>
}

/**
 * Starts nothing yet: the process starts with the first model. When it dies, its requests fail as
 * UNAVAILABLE (the one that overran its time as TIMEOUT), it is started again, at first soon and
 * then ever later while nothing succeeds, and its models are loaded again; one that ends it then
 * is closed.
 */
export function startTensorflowHost(options: TensorflowHostOptions = {}): TensorflowHost {
  return new Host({ ...DEFAULTS, ...options })
}

class Host implements TensorflowHost {
  readonly #options: Required<TensorflowHostOptions>
  /** Where the models come from, by number. */
  readonly #models = new Map<number, Source>()
  /** The model that is loaded again just now: when the process ends, it is left out from then on. */
  #suspect: number | undefined
  #lastModel = 0
  #child: Promise<Child> | undefined
  #running: Child | undefined
  #restart: NodeJS.Timeout | undefined
  #failures = 0
  #waiting = 0
  #isClosed = false

  constructor(options: Required<TensorflowHostOptions>) {
    this.#options = options
  }

  get pid(): number | undefined {
    return this.#running?.pid
  }

  async load(
    directory: string,
    tags: readonly string[] = SERVE_TAGS,
    onLost: Source['onLost'] = () => {},
  ): Promise<HostedModel> {
    const model = ++this.#lastModel
    const source = { directory, tags: [...tags] }
    await this.#ask({ kind: 'load', model, ...source })
    this.#models.set(model, { ...source, onLost })
    return {
      run: async (inputs, outputs) => {
        if (!this.#models.has(model)) throw new InferenceError('UNAVAILABLE', 'the model is closed')
        return Tensors.parse(
          await this.#ask({ kind: 'run', model, inputs: [...inputs], outputs: [...outputs] }),
        )
      },
      close: async () => {
        // With no process there is nothing to unload: the next one will not load it.
        if (this.#models.delete(model) && this.#running !== undefined)
          await this.#ask({ kind: 'unload', model }).catch(ignoreLoss)
      },
    }
  }

  async #ask(request: HostRequest): Promise<unknown> {
    if (this.#isClosed) throw new InferenceError('UNAVAILABLE', 'TensorFlow is closed')
    if (this.#restart !== undefined)
      throw new InferenceError('UNAVAILABLE', 'TensorFlow is starting again')
    if (this.#waiting >= this.#options.waitingMax)
      throw new InferenceError('UNAVAILABLE', `${this.#waiting} requests wait for TensorFlow`)
    this.#waiting++
    try {
      this.#child ??= this.#start()
      const child = await this.#child
      const answer = await child.request(request, { timeoutMs: this.#timeoutOf(request) })
      this.#failures = 0
      return answer
    } catch (error) {
      // A model that ends the process while it loads is at fault; a request merely shared it.
      if (request.kind === 'load' || !(error instanceof InferenceError)) throw error
      if (error.code !== 'CRASHED') throw error
      throw new InferenceError('UNAVAILABLE', 'TensorFlow ended', { cause: error })
    } finally {
      this.#waiting--
    }
  }

  #timeoutOf({ kind }: HostRequest): number {
    return kind === 'load' ? this.#options.loadTimeoutMs : this.#options.runTimeoutMs
  }

  /** Starts a process and loads all models into it; one that fails to load only fails its requests. */
  async #start(): Promise<Child> {
    const child = new Child('tensorflow-child')
    this.#running = child
    void child.ended.then(() => this.#afterEnd())
    await child.ready
    for (const [model, { directory, tags }] of this.#models) {
      this.#suspect = model
      await child
        .request(
          { kind: 'load', model, directory, tags },
          { timeoutMs: this.#options.loadTimeoutMs },
        )
        .catch((error: unknown) => {
          if (child.hasEnded) throw error
        })
    }
    this.#suspect = undefined
    return child
  }

  #afterEnd(): void {
    this.#running = undefined
    this.#child = undefined
    if (this.#suspect !== undefined) this.#giveUp(this.#suspect)
    this.#suspect = undefined
    if (this.#isClosed) return
    const delayMs = Math.min(RESTART_DELAY_MS_MIN * 2 ** this.#failures++, RESTART_DELAY_MS_MAX)
    this.#restart = setTimeout(() => {
      this.#restart = undefined
      if (this.#models.size === 0) return
      this.#child = this.#start()
      // The next request meets the failure, or the next start mends it.
      this.#child.catch(() => {})
    }, delayMs)
  }

  #giveUp(model: number): void {
    const source = this.#models.get(model)
    this.#models.delete(model)
    source?.onLost(new InferenceError('CRASHED', 'the model ended TensorFlow when it was loaded'))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#restart)
    this.#models.clear()
    await this.#running?.kill()
  }
}

/** Unloading from a process that is gone is done. */
function ignoreLoss(error: unknown): void {
  if (!(error instanceof InferenceError)) throw error
}
