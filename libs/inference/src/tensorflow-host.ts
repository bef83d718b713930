// TensorFlow in child processes: one for all models, and a few for single models that have held up
// or ended that one, so that they cannot do it again. `tensorflow-process.ts` has the states of a
// process, `hosted-model.ts` those of a model. Where a model is:
//
//   shared   with all others           -> alone, when its run takes longer than its caller waits,
//                                         or ends the process
//   alone    in a process of its own   -> shared, when another one needs the place more

import { SERVE_TAGS } from '@drover/saved-model'
import type { Tensor } from '@drover/serving-api'
import { InferenceError } from './errors.ts'
import { type ModelHooks, PlacedModel } from './hosted-model.ts'
import { type Offence, type ProcessLimits, TensorflowProcess } from './tensorflow-process.ts'

/** Limits of a host. */
export interface TensorflowHostOptions extends Partial<ProcessLimits> {
  /** Processes beside the one for all, each for one model. */
  ownProcessesMax?: number
}

const DEFAULTS = {
  loadTimeoutMs: 60_000,
  runTimeoutMs: 30_000,
  runLimitMs: 5_000,
  waitingMax: 256,
  ownProcessesMax: 4,
}
/** One that merely holds up others takes no place from a model whose offence is younger than this. */
const OWN_MS_MIN = 60_000

/** A model in a host; it outlives the host's processes. */
export interface HostedModel {
  /**
   * `inputs` and `outputs` by their names in the graph; the deadline is on the clock of
   * `performance.now()`. Settles when the process is done with it, which may be after the deadline.
   */
  run(
    inputs: readonly { name: string; tensor: Tensor }[],
    outputs: readonly string[],
    deadlineMs?: number,
  ): Promise<Tensor[]>
  close(): Promise<void>
}

/** Runs SavedModels by TensorFlow in processes of its own. */
export interface TensorflowHost extends AsyncDisposable {
  /** The process for all models, while there is one. */
  readonly pid: number | undefined
  /** Those of single models. */
  readonly ownPids: readonly number[]
  /** Loads a SavedModel's graph with these tags. Throws LOAD_FAILED, CRASHED, TIMEOUT or UNAVAILABLE. */
  load(directory: string, tags?: readonly string[], hooks?: ModelHooks): Promise<HostedModel>
}

/**
 * Starts nothing yet: the process starts with the first model. When it dies, the runs that it had
 * begun fail as UNAVAILABLE (the one that overran its time as TIMEOUT), it is started again, at first
 * soon and then ever later while nothing succeeds, and its models are loaded again; one that ends it
 * then is closed.
 */
export function startTensorflowHost(options: TensorflowHostOptions = {}): TensorflowHost {
  return new Host({ ...DEFAULTS, ...options })
}

/** A model with a process of its own. */
interface Loner {
  model: PlacedModel
  process: TensorflowProcess
  offendedMs: number
}

class Host implements TensorflowHost {
  readonly #options: Required<TensorflowHostOptions>
  readonly #shared: TensorflowProcess
  readonly #models = new Map<number, PlacedModel>()
  /** The one that has offended least recently is the first. */
  readonly #loners = new Map<number, Loner>()
  #lastModel = 0
  #isClosed = false

  constructor(options: Required<TensorflowHostOptions>) {
    this.#options = options
    this.#shared = this.#newProcess()
  }

  get pid(): number | undefined {
    return this.#shared.pid
  }

  get ownPids(): number[] {
    return [...this.#loners.values()].flatMap(({ process: { pid } }) => pid ?? [])
  }

  #newProcess(): TensorflowProcess {
    return new TensorflowProcess(this.#options, {
      onOffence: (model, offence) => this.#onOffence(model, offence),
      onLost: (model, error) => {
        this.#models.get(model)?.lose(error)
        this.#forget(model)
      },
    })
  }

  async load(
    directory: string,
    tags: readonly string[] = SERVE_TAGS,
    hooks: ModelHooks = {},
  ): Promise<HostedModel> {
    if (this.#isClosed) throw new InferenceError('UNAVAILABLE', 'TensorFlow is closed')
    const number = ++this.#lastModel
    const source = { directory, tags: [...tags] }
    await this.#shared.load(number, source)
    const model = new PlacedModel(number, source, this.#shared, hooks)
    this.#models.set(number, model)
    return {
      run: async (inputs, outputs, deadlineMs) =>
        await model.run({ inputs: [...inputs], outputs: [...outputs] }, deadlineMs),
      close: async () => {
        await model.close()
        this.#forget(number)
      },
    }
  }

  /** Of a model that is closed nothing stays. */
  #forget(number: number): void {
    this.#models.delete(number)
    const loner = this.#loners.get(number)
    this.#loners.delete(number)
    void loner?.process.close()
  }

  #onOffence(number: number, offence: Offence): void {
    const model = this.#models.get(number)
    if (this.#isClosed || model === undefined || model.isMoving) return
    const offendedMs = performance.now()
    const loner = this.#loners.get(number)
    if (loner !== undefined) {
      this.#loners.delete(number)
      this.#loners.set(number, { ...loner, offendedMs })
      return
    }
    if (!this.#makePlace(offence)) return
    const process = this.#newProcess()
    this.#loners.set(number, { model, process, offendedMs })
    void this.#move(model, process, { why: offence, isAlone: true })
  }

  /** Whether there is one; the model that has offended least recently may go back for it. */
  #makePlace(offence: Offence): boolean {
    const { ownProcessesMax } = this.#options
    if (this.#loners.size < ownProcessesMax) return true
    const settled = [...this.#loners.values()].filter(({ model }) => !model.isMoving)
    const [oldest] = settled
    if (oldest === undefined) return false
    const ageMs = performance.now() - oldest.offendedMs
    if (offence === 'overran' && ageMs < OWN_MS_MIN) return false
    this.#loners.delete(oldest.model.number)
    void this.#move(oldest.model, this.#shared, { why: 'returns', isAlone: false })
    void oldest.process.close()
    return true
  }

  async #move(
    model: PlacedModel,
    process: TensorflowProcess,
    how: Parameters<PlacedModel['moveTo']>[1],
  ): Promise<void> {
    await model.moveTo(process, how)
    if (model.isClosed) this.#forget(model.number)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    const loners = [...this.#loners.values()].map(async ({ process }) => await process.close())
    for (const model of this.#models.values()) model.end()
    await Promise.all([this.#shared.close(), ...loners])
  }
}
