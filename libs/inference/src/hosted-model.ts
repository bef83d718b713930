// A model of TensorFlow and where it is. States:
//
//   placed   its process takes its runs                        -> moving, at an offence; closed
//   moving   another process loads it: its runs wait for that  -> placed; closed, when it cannot
//            or, when it had ended the process, are UNAVAILABLE
//   closed   for ever

import type { Tensor } from '@drover/serving-api'
import { z } from 'zod'
import { InferenceError } from './errors.ts'
import { TensorMessage } from './messages.ts'
import type { ModelSource, Offence, RunCall, TensorflowProcess } from './tensorflow-process.ts'
import { settledBy } from './timed.ts'

const Tensors = z.array(TensorMessage)
/** About how long a process takes to start and load a model. */
const MOVE_MS = 1_000

/** Who is told of what becomes of a model. */
export interface ModelHooks {
  /** Called when the host closes it: it ends its process when it is loaded, or cannot be moved. */
  onLost?: (error: InferenceError) => void
  /** Called when it gets a process of its own, and when it goes back to the one for all. */
  onMove?: (isAlone: boolean) => void
}

/** See the head of the file. */
export class PlacedModel {
  readonly number: number
  readonly source: ModelSource
  readonly #hooks: ModelHooks
  #process: TensorflowProcess
  #move: { done: Promise<void>; why: Offence | 'returns' } | undefined
  #isClosed = false

  constructor(number: number, source: ModelSource, process: TensorflowProcess, hooks: ModelHooks) {
    this.number = number
    this.source = source
    this.#process = process
    this.#hooks = hooks
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Throws UNAVAILABLE, TIMEOUT or RUN_FAILED. */
  async run({ inputs, outputs }: RunCall, deadlineMs = Infinity): Promise<Tensor[]> {
    if (this.#move?.why === 'ended')
      throw new InferenceError('UNAVAILABLE', 'the model is loaded into a process of its own', {
        retryAfterMs: MOVE_MS,
      })
    if (this.#move !== undefined) await settledBy(this.#move.done, deadlineMs)
    if (this.#isClosed) throw new InferenceError('UNAVAILABLE', 'the model is closed')
    return Tensors.parse(await this.#process.run(this.number, { inputs, outputs }, deadlineMs))
  }

  /** Resolves when it has settled down or was given up; nothing else may move it before. */
  async moveTo(
    process: TensorflowProcess,
    { why, isAlone }: { why: Offence | 'returns'; isAlone: boolean },
  ): Promise<void> {
    const before = this.#process
    this.#process = process
    // What it still does there goes on; its memory is given back after that, or with the process.
    void before.unload(this.number)
    const done = this.#load(process)
    this.#move = { done, why }
    this.#hooks.onMove?.(isAlone)
    await done
  }

  async #load(process: TensorflowProcess): Promise<void> {
    try {
      await process.load(this.number, this.source)
      if (this.#isClosed) await process.unload(this.number)
    } catch (cause) {
      this.lose(
        new InferenceError('CRASHED', 'the model could not be loaded into another process', {
          cause,
        }),
      )
    } finally {
      this.#move = undefined
    }
  }

  get isMoving(): boolean {
    return this.#move !== undefined
  }

  /** Closes it for a reason of the host's. */
  lose(error: InferenceError): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#hooks.onLost?.(error)
  }

  /** Takes no more runs; its process ends as well. */
  end(): void {
    this.#isClosed = true
  }

  /** Gives its memory back. */
  async close(): Promise<void> {
    this.#isClosed = true
    // A process that still loads it unloads it after that.
    if (this.#move === undefined) await this.#process.unload(this.number)
  }
}
