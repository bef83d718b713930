// TensorFlow in child processes: one for all models, and some for single ones, so that they hold up
// nobody else. `tensorflow-process.ts` has the states of a process, `hosted-model.ts` those of a model.
// Where a model is:
//
//   shared   with all others           -> alone, when its runs keep others waiting, when one takes
//                                         longer than its caller waits, or when it ends the process
//   alone    in a process of its own   -> shared, when another one needs the place more, or when
//                                         nobody asked it for long; not if it was large from the start

import { availableParallelism } from 'node:os'
import { SERVE_TAGS } from '@drover/saved-model'
import type { Tensor } from '@drover/serving-api'
import { InferenceError } from './errors.ts'
import { type ModelHooks, PlacedModel } from './hosted-model.ts'
import type { Stamps } from './model-folder.ts'
import { TensorflowProcess } from './tensorflow-process.ts'
import type { ModelSource, Offence, ProcessEnd, ProcessLimits } from './tensorflow-terms.ts'

/** Limits of a host. */
export interface TensorflowHostOptions extends Partial<ProcessLimits> {
  /** Processes beside the one for all, each for one model that held it up or ended it. */
  ownProcessesMax?: number
  /** As many of these as may be for models that are merely slow: as cores are there to use them. */
  slowProcessesMax?: number
  /** Processes for models that are large, one for each; those beyond share one as the others do. */
  largeProcessesMax?: number
  /** How long a model that is alone may be without a run before it goes back to the others. */
  idleMs?: number
  /** Hears of each end of a process that was not asked for. */
  onEnd?: (end: ProcessEnd) => void
}

const DEFAULTS = {
  loadTimeoutMs: 60_000,
  runTimeoutMs: 30_000,
  runLimitMs: 5_000,
  holdLimitMs: 2_000,
  waitingMax: 256,
  ownProcessesMax: 4,
  slowProcessesMax: Math.max(1, availableParallelism() - 1),
  largeProcessesMax: 4,
  idleMs: 600_000,
  onEnd: () => {},
}
/** One that merely holds up others takes no place from a model whose offence is younger than this. */
const OWN_MS_MIN = 60_000
/** Next to this a process of its own costs little, and to load it would hold up others for long. */
const LARGE_BYTES_MIN = 64 * 2 ** 20

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

/** How a model is to be loaded. */
export interface HostedLoad extends ModelHooks {
  tags?: readonly string[]
  /** Of its files. */
  sizeBytes?: number
  /** Its variables change as it runs: it stays where it is as long as it only holds up others. */
  keepsState?: boolean
  /** See `needsMending` of saved-model. */
  needsMending?: boolean
  /** Of the files that were checked; without them it is not seen whether TensorFlow has read others. */
  stamps?: Stamps
}

const sourceOf = (
  directory: string,
  { tags = SERVE_TAGS, keepsState = false, needsMending = false, stamps = new Map() }: HostedLoad,
): ModelSource => ({ directory, tags, keepsState, needsMending, stamps })

/** Runs SavedModels by TensorFlow in processes of its own. */
export interface TensorflowHost extends AsyncDisposable {
  /** The process for all models, while there is one. */
  readonly pid: number | undefined
  /** Those of single models. */
  readonly ownPids: readonly number[]
  /** Loads a SavedModel's graph. Throws LOAD_FAILED, CRASHED, TIMEOUT or UNAVAILABLE. */
  load(directory: string, options?: HostedLoad): Promise<HostedModel>
}

/**
 * Starts nothing yet: the process starts with the first model. When it dies, the runs that it had
 * begun fail as UNAVAILABLE (the one that overran its time as TIMEOUT), it is started again, at first
 * soon and then ever later while nothing succeeds, and its models are loaded again; one that ends it
 * then, or that cannot be loaded any more, is closed.
 */
export function startTensorflowHost(options: TensorflowHostOptions = {}): TensorflowHost {
  return new Host({ ...DEFAULTS, ...options })
}

/** A model with a process of its own. */
interface Loner {
  model: PlacedModel
  process: TensorflowProcess
  why: Offence | 'large'
  sinceMs: number
}

class Host implements TensorflowHost {
  readonly #options: Required<TensorflowHostOptions>
  readonly #shared: TensorflowProcess
  readonly #models = new Map<number, PlacedModel>()
  /** The one that has offended least recently is the first. */
  readonly #loners = new Map<number, Loner>()
  readonly #rounds: NodeJS.Timeout
  #lastModel = 0
  #isClosed = false

  constructor(options: Required<TensorflowHostOptions>) {
    this.#options = options
    this.#shared = this.#newProcess()
    this.#rounds = setInterval(() => this.#returnIdle(), Math.ceil(options.idleMs / 10))
    this.#rounds.unref()
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
      onEnd: (end) => this.#options.onEnd(end),
    })
  }

  async load(directory: string, options: HostedLoad = {}): Promise<HostedModel> {
    const { sizeBytes = 0 } = options
    if (this.#isClosed) throw new InferenceError('UNAVAILABLE', 'TensorFlow is closed')
    const number = ++this.#lastModel
    const isLarge =
      sizeBytes >= LARGE_BYTES_MIN && this.#count('large') < this.#options.largeProcessesMax
    const process = isLarge ? this.#newProcess() : this.#shared
    const about = { number, source: sourceOf(directory, options) }
    const model = new PlacedModel(about, process, options)
    this.#models.set(number, model)
    if (isLarge) this.#seat(model, process, 'large')
    try {
      await process.load(number, model.source)
    } catch (error) {
      this.#forget(number)
      throw error
    }
    if (isLarge) options.onMove?.(true)
    return {
      run: async (inputs, outputs, deadlineMs) =>
        await model.run({ inputs: [...inputs], outputs: [...outputs] }, deadlineMs),
      close: async () => {
        await model.close()
        this.#forget(number)
      },
    }
  }

  #seat(model: PlacedModel, process: TensorflowProcess, why: Loner['why']): void {
    this.#loners.set(model.number, { model, process, why, sinceMs: performance.now() })
  }

  /** Ends a model's own process. */
  #unseat(number: number): void {
    const loner = this.#loners.get(number)
    this.#loners.delete(number)
    void loner?.process.close()
  }

  #count(which: 'large' | 'offenders'): number {
    return [...this.#loners.values()].filter(({ why }) => (why === 'large') === (which === 'large'))
      .length
  }

  /** Of a model that is closed nothing stays. */
  #forget(number: number): void {
    this.#models.delete(number)
    this.#unseat(number)
  }

  #onOffence(number: number, offence: Offence): void {
    const model = this.#models.get(number)
    if (this.#isClosed || model === undefined || model.isMoving) return
    const loner = this.#loners.get(number)
    if (loner !== undefined) {
      this.#loners.delete(number)
      this.#seat(model, loner.process, loner.why === 'large' ? 'large' : offence)
    } else if (offence === 'heldUp') this.#giveRoom(model)
    else if (this.#makePlace(offence)) {
      const process = this.#newProcess()
      this.#seat(model, process, offence)
      void this.#move(model, process, { why: offence, isAlone: true })
    }
  }

  /** Gives one that is merely slow a process of its own, if there is one to spare; it runs meanwhile. */
  #giveRoom(model: PlacedModel): void {
    const { ownProcessesMax, slowProcessesMax } = this.#options
    const isFull = this.#count('offenders') >= Math.min(ownProcessesMax, slowProcessesMax)
    if (isFull || model.source.keepsState) return
    const process = this.#newProcess()
    this.#seat(model, process, 'heldUp')
    void this.#shift(model, process, true)
  }

  /** Moves a model that runs meanwhile; its own process ends when it is not in it after that. */
  async #shift(model: PlacedModel, process: TensorflowProcess, isAlone: boolean): Promise<void> {
    const hasFollowed = await model.follow(process, isAlone)
    if (hasFollowed !== isAlone) this.#unseat(model.number)
  }

  /** Whether there is one; the model that has offended least recently may go back for it. */
  #makePlace(offence: Offence): boolean {
    if (this.#count('offenders') < this.#options.ownProcessesMax) return true
    const oldest = [...this.#loners.values()].find(
      ({ model, why }) => !model.isMoving && why !== 'large',
    )
    if (oldest === undefined) return false
    const ageMs = performance.now() - oldest.sinceMs
    if (offence === 'overran' && ageMs < OWN_MS_MIN) return false
    void this.#move(oldest.model, this.#shared, { why: 'returns', isAlone: false })
    this.#unseat(oldest.model.number)
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

  /** Takes back those that nobody asks; not what ended a process, and what is large. */
  #returnIdle(): void {
    const beforeMs = performance.now() - this.#options.idleMs
    for (const { model, why } of this.#loners.values()) {
      const isKept = why === 'ended' || why === 'large' || model.source.keepsState
      if (isKept || model.isMoving || model.usedMs > beforeMs) continue
      void this.#shift(model, this.#shared, false)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    clearInterval(this.#rounds)
    const loners = [...this.#loners.values()].map(async ({ process }) => await process.close())
    for (const model of this.#models.values()) model.end()
    await Promise.all([this.#shared.close(), ...loners])
  }
}
