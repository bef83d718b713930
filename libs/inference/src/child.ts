// The parent's half of a child process: requests over the IPC channel, answered one after the other.
// States of a request:
//
//   queued   those before it are not answered yet        -> first
//   first    its time runs; the process is killed at its end -> begun, when the process says so
//   begun    the process is at it                        -> answered, or lost with the process

import { type ChildProcess, fork } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { newScratch, scratchArgument } from './scratch.ts'
import { InferenceError, type InferenceErrorCode } from './errors.ts'
import { errorOf } from './failure.ts'
import { Reply } from './messages.ts'

const STDERR_LENGTH_MAX = 2_000
const START_TIMEOUT_MS = 60_000
/** What the message `ready` answers. */
const READY_ID = 0
const TIMER_MS_MAX = 2 ** 31 - 1

/** How a request is to be made. */
export interface ChildRequestOptions {
  /** How long it may take from when it is the first in the process; then the process is killed. */
  timeoutMs: number
  /** Hears that the process is at it now. One whose process ends before that has not been begun. */
  onBegin?: () => void
}

interface Waiting extends ChildRequestOptions {
  resolve: (result: unknown) => void
  reject: (error: InferenceError) => void
  timer: NodeJS.Timeout | undefined
  hasBegun: boolean
}

/** How processes are ended from outside; any other end is a fault of what ran in it. */
const FOREIGN_SIGNALS: ReadonlySet<string> = new Set(['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGHUP'])

/** All that a process finds in its environment. */
const ENVIRONMENT = {
  // TensorFlow reports its start on stderr otherwise, as soon as the addon loads.
  TF_CPP_MIN_LOG_LEVEL: '3',
  // With oneDNN, inputs of a wrong rank end the process (a CHECK in its convolutions, 20 of 8,096
  // shapes tried); without it they fail (none of 10,222).
  TF_ENABLE_ONEDNN_OPTS: '0',
  // Runs come one at a time, so handing steps from thread to thread only costs: a third of a small
  // run. One operation still uses all cores.
  TF_NUM_INTEROP_THREADS: '1',
  // Some kernels answer with memory that they never wrote, such as `ParallelConcat` of fewer parts than it
  // says and `FakeParam`: another tenant's tensors. glibc hands out zeros with this (the complement of 255).
  GLIBC_TUNABLES: 'glibc.malloc.perturb=255',
}

/** How a process ended. */
export interface ChildEnd {
  pid: number | undefined
  /** A signal or an exit code. */
  how: string
  /** It was killed, over a request that took too long or an answer that was none. */
  isKilled: boolean
  /** The last that it wrote to stderr. */
  stderr: string
}

/** A child process of this lib that answers requests. */
export class Child {
  readonly #process: ChildProcess
  readonly #waiting = new Map<number, Waiting>()
  readonly #ended: Promise<ChildEnd>
  #isReady = false
  #hasEnded = false
  #isEnding = false
  #hasCrashed = false
  #stderr = ''
  #lastId = READY_ID
  /** Settles when the process takes requests. Rejects with UNAVAILABLE: no model is at fault yet. */
  readonly ready: Promise<unknown>

  /** Starts `dist/<entry>.js`; it gets nothing of this process's environment. */
  constructor(entry: string, args: readonly string[] = []) {
    // The same from src, in tests, and from dist: only what was built runs as a process.
    const path = fileURLToPath(new URL(`../dist/${entry}.js`, import.meta.url))
    const scratch = newScratch()
    this.#process = fork(path, [...args, scratchArgument(scratch)], {
      env: ENVIRONMENT,
      execArgv: [],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_LENGTH_MAX)
    })
    this.#process.on('message', (message) => this.#receive(message))
    // It says nothing any more; when it has ended of itself, the signal finds nobody.
    this.#process.on('disconnect', () => this.#process.kill('SIGKILL'))
    this.#ended = new Promise((resolve) => {
      const end = (how: string) => {
        const isKilled = this.#isEnding
        this.#end(how)
        const ended = { pid: this.pid, how, isKilled, stderr: this.#stderr.trim() }
        // What cannot be taken away is no reason to wait for ever.
        void rm(scratch, { recursive: true, force: true })
          .catch(() => {})
          .then(() => resolve(ended))
      }
      this.#process.once('error', (error) => end(error.message))
      // Unlike `exit`, it comes after everything that the process has still said.
      this.#process.once('close', (code, signal) => {
        this.#hasCrashed = !this.#isEnding && !FOREIGN_SIGNALS.has(signal ?? '')
        end(signal ?? `exit code ${code}`)
      })
    })
    this.ready = this.#wait(READY_ID, { timeoutMs: START_TIMEOUT_MS })
    // Everyone who waits for it sees its failure; it is none of the process's when nobody does.
    this.ready.catch(() => {})
  }

  get pid(): number | undefined {
    return this.#process.pid
  }

  get hasEnded(): boolean {
    return this.#hasEnded
  }

  /** Settles when the process has ended, for whatever reason. */
  get ended(): Promise<ChildEnd> {
    return this.#ended
  }

  /** Whether it is being killed, or has been. */
  get isEnding(): boolean {
    return this.#isEnding
  }

  /** Whether it ended by its own fault; nobody has ended it. */
  get hasCrashed(): boolean {
    return this.#hasCrashed
  }

  /**
   * Rejects with the child's own InferenceError, with CRASHED when the process ends over it, with
   * TIMEOUT, for which it is killed, or with UNAVAILABLE when it had ended before it began.
   */
  async request(body: unknown, options: ChildRequestOptions): Promise<unknown> {
    if (this.#hasEnded || this.#isEnding)
      throw new InferenceError('UNAVAILABLE', 'the process has ended')
    const id = ++this.#lastId
    const answer = this.#wait(id, options)
    // A failure to send is followed by the end of the process.
    this.#process.send({ id, body }, () => {})
    return await answer
  }

  /** Ends the process; waiting requests are rejected. */
  async kill(): Promise<void> {
    this.#kill()
    await this.#ended
  }

  #kill(): void {
    this.#isEnding = true
    this.#process.kill('SIGKILL')
  }

  async #wait(id: number, options: ChildRequestOptions): Promise<unknown> {
    return await new Promise((resolve, reject) => {
      this.#waiting.set(id, { ...options, resolve, reject, timer: undefined, hasBegun: false })
      if (this.#waiting.size === 1) this.#startFirst()
    })
  }

  /** The time of a request runs from when nothing is before it. */
  #startFirst(): void {
    const [first] = this.#waiting
    if (first === undefined || this.#isEnding) return
    const [id, waiting] = first
    const { timeoutMs } = waiting
    waiting.timer ??= setTimeout(
      () => {
        this.#kill()
        // One that the process has not even begun is told when it has ended.
        if (waiting.hasBegun || id === READY_ID)
          this.#settle(id)?.reject(
            new InferenceError(
              this.#codeOf('TIMEOUT'),
              `no answer within ${timeoutMs} ms; the process was ended`,
            ),
          )
      },
      Math.min(timeoutMs, TIMER_MS_MAX),
    )
  }

  #settle(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    clearTimeout(waiting?.timer)
    this.#startFirst()
    return waiting
  }

  #receive(message: unknown): void {
    const parsed = Reply.safeParse(message)
    // A process that says what it must not is not to be trusted with the next request.
    if (!parsed.success) return this.#kill()
    const { data } = parsed
    switch (data.kind) {
      case 'ready':
        this.#isReady = true
        this.#settle(READY_ID)?.resolve(undefined)
        return
      case 'begun':
        return this.#begin(data.id)
      case 'done':
        this.#settle(data.id)?.resolve(data.result)
        return
      case 'failed':
        this.#settle(data.id)?.reject(errorOf(data))
    }
  }

  #begin(id: number): void {
    const waiting = this.#waiting.get(id)
    if (waiting === undefined) return
    waiting.hasBegun = true
    waiting.onBegin?.()
  }

  #end(how: string): void {
    this.#hasEnded = true
    this.#isEnding = true
    const cause = this.#stderr === '' ? undefined : new Error(this.#stderr.trim())
    const what = this.#isReady ? 'that ran the model ended' : 'for models does not start'
    for (const [id, { hasBegun }] of this.#waiting) {
      const code = hasBegun ? this.#codeOf('CRASHED') : 'UNAVAILABLE'
      this.#settle(id)?.reject(new InferenceError(code, `the process ${what}: ${how}`, { cause }))
    }
  }

  /** A process that never came up was given no model: a broken build or machine blames nobody. */
  #codeOf(code: 'CRASHED' | 'TIMEOUT'): InferenceErrorCode {
    return this.#isReady ? code : 'UNAVAILABLE'
  }
}
