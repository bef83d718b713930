// Requests of one signature that arrive together run together, as upstream's batching session does it:
// a batch is closed when it is full or has waited long enough; closed batches wait for a free slot.

import { InferenceError } from '@drover/inference'
import { ServingError } from '@drover/serving-api'
import type { Outputs } from '../serving/core.ts'
import type { BatchingParameters } from '../flags/batching.ts'
import { cut, divide, joinOutputs, joinParts, kindOf, type Part } from './batch.ts'
import { rowsOf } from './rows.ts'

/** Runs a batch; the deadline is that of its last request. */
export type RunBatch = (inputs: Part['inputs'], deadlineMs: number) => Outputs | Promise<Outputs>

interface Task extends Part {
  deadlineMs: number
  resolve: (outputs: Outputs) => void
  reject: (error: unknown) => void
}

interface Batch {
  /** See `kindOf`. */
  kind: string
  tasks: Task[]
  rows: number
}

const isOfInputs = (error: unknown): boolean =>
  error instanceof InferenceError
    ? error.code === 'INVALID_INPUT' || error.code === 'RUN_FAILED'
    : error instanceof ServingError && error.code === 'INVALID_ARGUMENT'

/** The queue of one signature of one version. */
export class BatchQueue {
  readonly #settings: BatchingParameters
  readonly #run: RunBatch
  readonly #rowsMax: number
  readonly #closed: Batch[] = []
  #open: Batch | undefined
  /** Stops what would close the open batch. */
  #stopWaiting: () => void = () => {}
  #running = 0

  constructor(settings: BatchingParameters, run: RunBatch) {
    this.#settings = settings
    this.#run = run
    this.#rowsMax = settings.maxExecutionBatchSize
  }

  /** Runs a request with those beside it. Throws UNAVAILABLE when the queue is full. */
  async ask(inputs: Part['inputs'], deadlineMs: number): Promise<Outputs> {
    const whole = { inputs, rows: rowsOf(inputs) }
    const { maxBatchSize, enableLargeBatchSplitting } = this.#settings
    if (whole.rows > maxBatchSize)
      throw new ServingError(
        'INVALID_ARGUMENT',
        `Task size ${whole.rows} is larger than maximum input batch size ${maxBatchSize}`,
      )
    if (!enableLargeBatchSplitting || whole.rows <= this.#rowsMax)
      return await this.#add(whole, deadlineMs)
    const parts = cut(whole, this.#rowsMax)
    return joinOutputs(
      await Promise.all(parts.map(async (part) => await this.#add(part, deadlineMs))),
    )
  }

  async #add({ inputs, rows }: Part, deadlineMs: number): Promise<Outputs> {
    const kind = kindOf(inputs, this.#settings)
    const open = this.#open
    if (open !== undefined && (open.kind !== kind || open.rows + rows > this.#rowsMax))
      this.#close()
    if (this.#open === undefined) {
      if (this.#closed.length >= this.#settings.maxEnqueuedBatches)
        throw new ServingError(
          'UNAVAILABLE',
          'The batch scheduling queue to which this task was submitted is full',
        )
      this.#begin(kind)
    }
    return await new Promise<Outputs>((resolve, reject) => {
      const batch = this.#open
      if (batch === undefined) return reject(new ServingError('INTERNAL', 'no batch is open'))
      batch.tasks.push({ inputs, rows, deadlineMs, resolve, reject })
      batch.rows += rows
      if (batch.rows >= this.#rowsMax) this.#close()
    })
  }

  #begin(kind: string): void {
    this.#open = { kind, tasks: [], rows: 0 }
    const waitMs = this.#settings.batchTimeoutMicros / 1_000
    // Without a timeout, whatever arrives in the same turn of the event loop still goes together.
    if (waitMs > 0) {
      const timer = setTimeout(() => this.#close(), waitMs)
      this.#stopWaiting = () => clearTimeout(timer)
    } else {
      const turn = setImmediate(() => this.#close())
      this.#stopWaiting = () => clearImmediate(turn)
    }
  }

  #close(): void {
    const batch = this.#open
    this.#stopWaiting()
    this.#open = undefined
    if (batch === undefined) return
    this.#closed.push(batch)
    this.#pump()
  }

  #pump(): void {
    while (this.#running < this.#settings.numBatchThreads) {
      const batch = this.#closed.shift()
      if (batch === undefined) return
      this.#running++
      void this.#execute(batch).finally(() => {
        this.#running--
        this.#pump()
      })
    }
  }

  async #execute({ tasks }: Pick<Batch, 'tasks'>): Promise<void> {
    const now = performance.now()
    const late = tasks.filter(({ deadlineMs }) => deadlineMs <= now)
    for (const task of late)
      task.reject(new ServingError('DEADLINE_EXCEEDED', 'It waited too long for a batch'))
    const due = tasks.filter(({ deadlineMs }) => deadlineMs > now)
    if (due.length === 0) return
    try {
      const deadlineMs = Math.max(...due.map((task) => task.deadlineMs))
      const outputs = await this.#run(joinParts(due, this.#settings), deadlineMs)
      for (const [index, answer] of divide(outputs, due).entries()) due[index]?.resolve(answer)
    } catch (error) {
      if (due.length > 1 && isOfInputs(error)) {
        // One of them brought what the model cannot take; the others are answered without it.
        for (const task of due) await this.#execute({ tasks: [task] })
      } else for (const task of due) task.reject(error)
    }
  }
}
