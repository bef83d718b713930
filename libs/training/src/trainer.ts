// The trainer keeps one warm process. Its states: starting (TensorFlow loads), idle, training, and
// gone. A timeout or a cancel kills it, and another one starts at once, ahead of the next training.
// One that ends before it was ever warm is started again by the next training only.

import { strict as assert } from 'node:assert'
import { type ChildProcess, fork, type StdioOptions } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Quality, Recipe } from '@drover/model-config'
import { TrainingError } from './errors.ts'
import { TrainAnswer, type TrainMessage } from './messages.ts'
import { Tail } from './tail.ts'

const PROGRAM = fileURLToPath(new URL('../dist/trainer-process.js', import.meta.url))
const START_MS_MAX = 60_000
const HEAP_MIB_MAX = 4_096
const WAITING_MAX = 1_000
const TAIL_CHARACTERS_MAX = 2_000

/**
 * All that the process gets of an environment. On one thread, models of this size train fastest,
 * the result does not depend on the machine's cores, and those are left to whoever serves.
 */
const ENVIRONMENT = {
  TF_CPP_MIN_LOG_LEVEL: '3',
  TF_NUM_INTRAOP_THREADS: '1',
  TF_NUM_INTEROP_THREADS: '1',
}

export interface TrainRequest {
  /** A recipe that trains here: `tabular-classifier` or `text-classifier`. */
  recipe: Recipe
  dataPath: string
  /** A folder that exists and is empty. */
  outputDirectory: string
  /** How long the training may take, without the wait for its turn. */
  timeoutMs: number
  signal: AbortSignal
}

/** Trains the built-in recipes, one after the other, in a process that is kept warm. */
export interface Trainer extends AsyncDisposable {
  /** The process that trains now, or will next. */
  readonly pid: number | undefined
  /** Resolves when the process is warm; rejects with TRANSIENT when it does not start. */
  warm(): Promise<void>
  /** Writes a version's files; rejects with a TrainingError. What it left in the folder then is to be thrown away. */
  train(request: TrainRequest): Promise<{ quality?: Quality }>
}

/** Starts a trainer and its process. Only the built lib has the process's program. */
export function startTrainer(): Trainer {
  return new WarmTrainer()
}

class WarmTrainer implements Trainer {
  #process: TrainerProcess | undefined
  #isDisposed = false
  #isBusy = false
  readonly #waiting: (() => void)[] = []

  constructor() {
    this.#process = this.#start()
  }

  get pid(): number | undefined {
    return this.#process?.pid
  }

  async warm(): Promise<void> {
    await this.#take().ready
  }

  async train(request: TrainRequest): Promise<{ quality?: Quality }> {
    await this.#turn(request.signal)
    try {
      return await this.#trainNow(request)
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#isBusy = false
      else next()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true
    await this.#process?.end()
  }

  /** Resolves when no other training runs. */
  async #turn(signal: AbortSignal): Promise<void> {
    if (!this.#isBusy) {
      this.#isBusy = true
      return
    }
    if (this.#waiting.length >= WAITING_MAX)
      throw new TrainingError('TRANSIENT', `${WAITING_MAX} trainings wait already`)
    await new Promise<void>((resolve, reject) => {
      const giveUp = (): void => {
        const place = this.#waiting.indexOf(begin)
        if (place >= 0) this.#waiting.splice(place, 1)
        reject(cancelled())
      }
      const begin = (): void => {
        signal.removeEventListener('abort', giveUp)
        resolve()
      }
      this.#waiting.push(begin)
      signal.addEventListener('abort', giveUp, { once: true })
      if (signal.aborted) giveUp()
    })
  }

  async #trainNow(request: TrainRequest): Promise<{ quality?: Quality }> {
    const { recipe, dataPath, outputDirectory, timeoutMs, signal } = request
    if (this.#isDisposed || signal.aborted) throw cancelled()
    const process = this.#take()
    let isLate = false
    let timer: NodeJS.Timeout | undefined
    const kill = (): void => process.kill()
    signal.addEventListener('abort', kill, { once: true })
    try {
      await process.ready
      timer = setTimeout(() => {
        isLate = true
        kill()
      }, timeoutMs)
      return { quality: await process.train({ recipe, dataPath, outputDirectory }) }
    } catch (cause) {
      // The process is gone by now, so that nothing is written behind the caller's back.
      if (signal.aborted || this.#isDisposed) throw cancelled(cause)
      const message = `the training took longer than ${timeoutMs} ms`
      if (isLate) throw new TrainingError('TIMEOUT', message, { cause })
      throw cause
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', kill)
    }
  }

  #take(): TrainerProcess {
    this.#process ??= this.#start()
    return this.#process
  }

  #start(): TrainerProcess {
    const process = new TrainerProcess((wasReady) => {
      if (this.#process !== process) return
      this.#process = wasReady && !this.#isDisposed ? this.#start() : undefined
    })
    return process
  }
}

const cancelled = (cause?: unknown): TrainingError =>
  new TrainingError('CANCELLED', 'the training was cancelled', { cause })

/** One process, until it ends. */
class TrainerProcess {
  /** Rejects when the process ends, or does not load, before it is warm. */
  readonly ready: Promise<unknown>
  readonly #child: ChildProcess
  readonly #tail = new Tail(TAIL_CHARACTERS_MAX)
  readonly #answers = new EventEmitter<{ answer: [TrainAnswer]; gone: [TrainingError] }>()
  #gone: TrainingError | undefined
  #trainings = 0

  constructor(onGone: (wasReady: boolean) => void) {
    const execArgv = ['--enable-source-maps', `--max-old-space-size=${HEAP_MIB_MAX}`]
    const stdio: StdioOptions = ['ignore', 'ignore', 'pipe', 'ipc']
    this.#child = fork(PROGRAM, [], { env: ENVIRONMENT, execArgv, stdio })
    this.#tail.follow(this.#child.stderr)
    const startTimer = setTimeout(() => this.kill(), START_MS_MAX)
    let wasReady = false
    this.#child.on('message', (message) => {
      const answer = TrainAnswer.parse(message)
      if (answer.kind === 'ready') {
        wasReady = true
        clearTimeout(startTimer)
      }
      this.#answers.emit('answer', answer)
    })
    const end = (how: string): void => {
      if (this.#gone !== undefined) return
      clearTimeout(startTimer)
      this.#gone = this.#death(how)
      onGone(wasReady)
      this.#answers.emit('gone', this.#gone)
    }
    this.#child.once('error', (error) => end(error.message))
    this.#child.once('close', (code, signal) => end(signal ?? `exit code ${code}`))
    this.ready = this.#next(({ kind }) => kind === 'ready')
    // Whoever waits for it hears of it; nobody has to wait.
    this.ready.catch(() => {})
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }

  async end(): Promise<void> {
    this.kill()
    if (this.#gone === undefined) await once(this.#answers, 'gone')
  }

  /** Rejects with what the process reports, or with TRANSIENT when it ends. */
  async train(message: Omit<TrainMessage, 'id'>): Promise<Quality> {
    const id = ++this.#trainings
    const answered = this.#next((answer) => answer.kind !== 'ready' && answer.id === id)
    // An error here means that the process is ending, which `answered` will tell.
    this.#child.send({ ...message, id }, () => {})
    const answer = await answered
    assert(answer.kind !== 'ready')
    if (answer.kind === 'done') return answer.quality
    const { code, message: what, cause } = answer
    throw new TrainingError(code, what, cause === undefined ? {} : { cause: new Error(cause) })
  }

  async #next(isWanted: (answer: TrainAnswer) => boolean): Promise<TrainAnswer> {
    if (this.#gone !== undefined) throw this.#gone
    return await new Promise((resolve, reject) => {
      const settle = (finish: () => void): void => {
        this.#answers.off('answer', take).off('gone', fail)
        finish()
      }
      const take = (answer: TrainAnswer): void => {
        if (isWanted(answer)) settle(() => resolve(answer))
      }
      const fail = (gone: TrainingError): void => settle(() => reject(gone))
      this.#answers.on('answer', take).on('gone', fail)
    })
  }

  #death(how: string): TrainingError {
    const { text } = this.#tail
    const said = text === '' ? '' : `, and last said: ${text}`
    return new TrainingError('TRANSIENT', `the training process ended (${how})${said}`)
  }
}
