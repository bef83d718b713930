// The control thread's half of a thread of this lib: requests with deadlines, and its end.

import { type Transferable, Worker } from 'node:worker_threads'
import { InferenceError } from '../errors.ts'
import { errorOf, type Failure } from '../failure.ts'

/** What a thread says. */
export type ThreadReply =
  | { kind: 'ready' }
  | { kind: 'done'; id: number; result: unknown }
  | { kind: 'failed'; id: number; failure: Failure }

/** What it is asked. */
export type ThreadRequest<Body> = { kind: 'request'; id: number; body: Body } | { kind: 'end' }

/** What is not in use any more is collected this often: these threads have little that stays for long. */
const YOUNG_MIB_MAX = 12

/** How long the end of a thread is waited for; a call of native code may take it. */
const END_MS_MAX = 5_000

/** Starts `dist/<entry>.js` as a thread. */
export type StartWorker = (entry: string, data: unknown) => Worker

/** The same from src, in tests, and from dist: only what was built runs as a thread. */
export const startWorker: StartWorker = (entry, workerData) =>
  new Worker(new URL(`../../dist/${entry}.js`, import.meta.url), {
    workerData,
    execArgv: [],
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MIB_MAX },
  })

interface Waiting {
  resolve(result: unknown): void
  reject(error: InferenceError): void
  timer: NodeJS.Timeout
}

/** What a thread answers: by the kind of a request, the answer to it. */
export type ThreadProtocol = Record<string, { ask: object; answer: unknown }>

/** A request of a protocol. */
export type RequestOf<P extends ThreadProtocol> = {
  [Kind in keyof P & string]: { kind: Kind } & P[Kind]['ask']
}[keyof P & string]

/** A thread that answers requests. */
export class Thread<P extends ThreadProtocol> {
  readonly #worker: Worker
  readonly #waiting = new Map<number, Waiting>()
  #lastId = 0
  #isReady = false
  #hasEnded = false
  #fault: Error | undefined
  readonly #isNative: boolean
  #tellEnded: () => void = () => {}
  /** Settles when the thread has ended, for whatever reason. */
  readonly ended: Promise<void>

  /**
   * A native thread is asked to end, and does so between two calls of native code: onnxruntime's addon
   * takes the process with it when its thread is terminated in the middle of one.
   */
  constructor(worker: Worker, { isNative }: { isNative: boolean }) {
    this.#worker = worker
    this.#isNative = isNative
    worker.on('message', (reply: ThreadReply) => this.#receive(reply))
    worker.on('error', (error) => {
      this.#fault = error instanceof Error ? error : new Error(String(error))
    })
    this.ended = new Promise((resolve) => {
      this.#tellEnded = resolve
    })
    worker.once('exit', () => this.#end())
  }

  get hasEnded(): boolean {
    return this.#hasEnded
  }

  /**
   * Rejects with the thread's own InferenceError, with CRASHED when the thread ends over it, with
   * TIMEOUT, for which it is ended, or with UNAVAILABLE when it had ended before it was asked.
   */
  async request<Kind extends keyof P & string>(
    body: { kind: Kind } & P[Kind]['ask'],
    { timeoutMs, transfer = [] }: { timeoutMs: number; transfer?: Transferable[] },
  ): Promise<P[Kind]['answer']> {
    if (this.#hasEnded) throw new InferenceError('UNAVAILABLE', 'the thread has ended')
    const id = ++this.#lastId
    return await new Promise<P[Kind]['answer']>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#settle(id)?.reject(
          new InferenceError('TIMEOUT', `no answer within ${timeoutMs} ms; the thread was ended`),
        )
        void this.end()
      }, timeoutMs)
      this.#waiting.set(id, { resolve, reject, timer })
      this.#worker.postMessage(
        { kind: 'request', id, body } satisfies ThreadRequest<typeof body>,
        transfer,
      )
    })
  }

  /**
   * Ends the thread; waiting requests are rejected. A native thread that does not get round to it is
   * left to itself after a time.
   */
  async end(): Promise<void> {
    if (this.#isNative) this.#worker.postMessage({ kind: 'end' } satisfies ThreadRequest<never>, [])
    else void this.#worker.terminate()
    const timer = setTimeout(() => {
      this.#worker.unref()
      this.#end()
    }, END_MS_MAX)
    await this.ended
    clearTimeout(timer)
  }

  #settle(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    clearTimeout(waiting?.timer)
    return waiting
  }

  #receive(reply: ThreadReply): void {
    if (reply.kind === 'ready') this.#isReady = true
    else if (reply.kind === 'done') this.#settle(reply.id)?.resolve(reply.result)
    else this.#settle(reply.id)?.reject(errorOf(reply.failure))
  }

  #end(): void {
    this.#hasEnded = true
    const options = this.#fault === undefined ? {} : { cause: this.#fault }
    // A thread that never came up was given no model: a broken build or machine blames nobody.
    const [code, what] = this.#isReady
      ? (['CRASHED', 'the thread ended'] as const)
      : (['UNAVAILABLE', 'the thread does not start'] as const)
    for (const id of this.#waiting.keys())
      this.#settle(id)?.reject(new InferenceError(code, what, options))
    this.#tellEnded()
  }
}
