// A model of TensorFlow and where it is. States:
//
//   placed     its process takes its runs                        -> moving or following; closed
//   moving     another process loads it: its runs wait for that  -> placed; closed, when it cannot
//              or, when it had ended the process, are UNAVAILABLE
//   following  another process loads it, the old one still runs  -> placed, in the old one when it
//              it: it was only slow                                 cannot; closed
//   closed     for ever

import type { Tensor } from '@drover/serving-api'
import { z } from 'zod'
import { InferenceError } from './errors.ts'
import { TensorMessage } from './messages.ts'
import type { TensorflowProcess } from './tensorflow-process.ts'
import { Evicted, type ModelSource, type Offence, type RunCall } from './tensorflow-terms.ts'
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
  #isFollowing = false
  readonly #running = new Set<Promise<unknown>>()
  #isClosed = false
  #usedMs = performance.now()

  constructor(
    about: Pick<PlacedModel, 'number' | 'source'>,
    process: TensorflowProcess,
    hooks: ModelHooks,
  ) {
    this.number = about.number
    this.source = about.source
    this.#process = process
    this.#hooks = hooks
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** When it was asked last, on the clock of `performance.now()`. */
  get usedMs(): number {
    return this.#usedMs
  }

  /** Throws UNAVAILABLE, TIMEOUT or RUN_FAILED. */
  async run({ inputs, outputs }: RunCall, deadlineMs = Infinity): Promise<Tensor[]> {
    this.#usedMs = performance.now()
    try {
      return await this.#run({ inputs, outputs }, deadlineMs)
    } catch (error) {
      if (!(error instanceof Evicted)) throw error
      return await this.#run({ inputs, outputs }, deadlineMs)
    }
  }

  async #run(call: RunCall, deadlineMs: number): Promise<Tensor[]> {
    if (this.#move?.why === 'ended')
      throw new InferenceError('UNAVAILABLE', 'the model is loaded into a process of its own', {
        retryAfterMs: MOVE_MS,
      })
    if (this.#move !== undefined) await settledBy(this.#move.done, deadlineMs)
    if (this.#isClosed) throw new InferenceError('UNAVAILABLE', 'the model is closed')
    const running = this.#process.run(this.number, call, deadlineMs)
    this.#running.add(running)
    try {
      return Tensors.parse(await running)
    } finally {
      this.#running.delete(running)
    }
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

  /** Whether another process has loaded it and runs it from now on; nothing else may move it before. */
  async follow(process: TensorflowProcess, isAlone: boolean): Promise<boolean> {
    this.#isFollowing = true
    const before = this.#process
    try {
      await process.load(this.number, this.source)
      this.#process = process
      this.#hooks.onMove?.(isAlone)
      // A run that was given to the old process may not even have been sent to it.
      await Promise.allSettled(this.#running)
      await before.unload(this.number)
      if (this.#isClosed) await process.unload(this.number)
      return true
    } catch {
      // It is well where it is.
      return false
    } finally {
      this.#isFollowing = false
    }
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
    return this.#move !== undefined || this.#isFollowing
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
