// The parent's half of a child process: requests over the IPC channel, each with a deadline.

import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { InferenceError, type InferenceErrorCode } from './errors.ts'
import { errorOf } from './failure.ts'
import { Reply } from './messages.ts'

const STDERR_LENGTH_MAX = 2_000
const START_TIMEOUT_MS = 60_000
/** What the message `ready` answers. */
const READY_ID = 0

interface Waiting {
  resolve: (result: unknown) => void
  reject: (error: InferenceError) => void
  timer: NodeJS.Timeout
}

/** A child process of this lib that answers requests. */
export class Child {
  readonly #process: ChildProcess
  readonly #waiting = new Map<number, Waiting>()
  readonly #ended: Promise<void>
  #isReady = false
  #hasEnded = false
  #stderr = ''
  #lastId = READY_ID
  /** Settles when the process takes requests. Rejects with UNAVAILABLE: no model is at fault yet. */
  readonly ready: Promise<unknown>

  /** Starts `dist/<entry>.js`; it gets nothing of this process's environment. */
  constructor(entry: string, args: readonly string[] = []) {
    // The same from src, in tests, and from dist: only what was built runs as a process.
    const path = fileURLToPath(new URL(`../dist/${entry}.js`, import.meta.url))
    this.#process = fork(path, args, {
      // TensorFlow reports its start on stderr otherwise, as soon as the addon loads.
      env: { TF_CPP_MIN_LOG_LEVEL: '3' },
      execArgv: [],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_LENGTH_MAX)
    })
    this.#process.on('message', (message) => this.#receive(message))
    this.#process.on('disconnect', () => this.#process.kill('SIGKILL'))
    this.#ended = new Promise((resolve) => {
      const end = (how: string) => {
        this.#end(how)
        resolve()
      }
      this.#process.once('error', (error) => end(error.message))
      this.#process.once('exit', (code, signal) => end(signal ?? `exit code ${code}`))
    })
    this.ready = this.#wait(READY_ID, START_TIMEOUT_MS)
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
  get ended(): Promise<void> {
    return this.#ended
  }

  /**
   * Rejects with the child's own InferenceError, with CRASHED when the process ends over it, with
   * TIMEOUT, for which it is killed, or with UNAVAILABLE when it had ended before it was asked.
   */
  async request(body: unknown, { timeoutMs }: { timeoutMs: number }): Promise<unknown> {
    if (this.#hasEnded) throw new InferenceError('UNAVAILABLE', 'the process has ended')
    const id = ++this.#lastId
    const answer = this.#wait(id, timeoutMs)
    // A failure to send is followed by the end of the process.
    this.#process.send({ id, body }, () => {})
    return await answer
  }

  /** Ends the process; waiting requests are rejected. */
  async kill(): Promise<void> {
    this.#process.kill('SIGKILL')
    await this.#ended
  }

  async #wait(id: number, timeoutMs: number): Promise<unknown> {
    return await new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        const message = `no answer within ${timeoutMs} ms; the process was ended`
        this.#settle(id)?.reject(new InferenceError(this.#codeOf('TIMEOUT'), message))
        this.#process.kill('SIGKILL')
      }, timeoutMs)
      this.#waiting.set(id, { resolve, reject, timer })
    })
  }

  #settle(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    clearTimeout(waiting?.timer)
    return waiting
  }

  #receive(message: unknown): void {
    const parsed = Reply.safeParse(message)
    // A process that says what it must not is not to be trusted with the next request.
    if (!parsed.success) void this.kill()
    else if (parsed.data.kind === 'ready') {
      this.#isReady = true
      this.#settle(READY_ID)?.resolve(undefined)
    } else if (parsed.data.kind === 'done')
      this.#settle(parsed.data.id)?.resolve(parsed.data.result)
    else this.#settle(parsed.data.id)?.reject(errorOf(parsed.data))
  }

  #end(how: string): void {
    this.#hasEnded = true
    const cause = this.#stderr === '' ? undefined : new Error(this.#stderr.trim())
    const what = this.#isReady ? 'that ran the model ended' : 'for models does not start'
    for (const id of this.#waiting.keys())
      this.#settle(id)?.reject(
        new InferenceError(this.#codeOf('CRASHED'), `the process ${what}: ${how}`, { cause }),
      )
  }

  /** A process that never came up was given no model: a broken build or machine blames nobody. */
  #codeOf(code: 'CRASHED' | 'TIMEOUT'): InferenceErrorCode {
    return this.#isReady ? code : 'UNAVAILABLE'
  }
}
