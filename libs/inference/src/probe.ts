// Checks of models that nobody has vouched for, each in a process that may be lost.

import type { GoldenRequests, SignatureDef, Tensor } from '@drover/serving-api'
import { Child } from './child.ts'
import { type PassedOver, passedOverBy } from './choice.ts'
import { InferenceError } from './errors.ts'
import { ProbeReply, type ProbeRequest } from './messages.ts'
import type { EngineName } from './servable.ts'

/** What a process is kept ready for: `fast` is a kernel or onnx. */
export type ProbeEngine = 'fast' | 'tensorflow'

/** What a check is of. */
export interface ProbeCheck {
  directory: string
  /** `auto` takes TensorFlow for what `fast` cannot run. */
  engine: ProbeEngine | 'auto'
  requests: GoldenRequests
  /** For loading and all requests; the time that the check waits for its turn does not count. */
  timeoutMs: number
}

/** What a check found. */
export interface ProbeResult {
  engine: EngineName
  /** Faster engines that were passed over, and why. */
  passedOver: readonly PassedOver[]
  signatures: Readonly<Record<string, SignatureDef>>
  /** Bytes of the model's files. */
  sizeBytes: number
  loadMs: number
  /** All requests together. */
  runMs: number
  /** One for each request, in order. */
  answers: Record<string, Tensor>[]
}

/** Runs checks, one at a time for each engine. */
export interface Probe extends AsyncDisposable {
  /**
   * Throws the model's own `InferenceError`, CRASHED or TIMEOUT over it, or UNAVAILABLE, which says
   * nothing of the model: too many wait, or the process did not come up.
   */
  check(check: ProbeCheck): Promise<ProbeResult>
  /** The processes that are kept ready. */
  readonly pids: readonly number[]
}

/** Limits of a probe. */
export interface ProbeOptions {
  /** The engines whose processes are started ahead; another one starts with its first check. */
  warm?: readonly ProbeEngine[]
  /** More checks than this may not wait for an engine. */
  waitingMax?: number
  /** How many checks a process may pass before it is replaced. */
  reuseMax?: number
  /** Unsafe operations that models may have, by their names; none unless told. */
  allowedOperations?: readonly string[]
}

const DEFAULTS = {
  warm: ['fast', 'tensorflow'],
  waitingMax: 256,
  reuseMax: 50,
  allowedOperations: [],
} as const
/** Those of a lane. */
type Limits = Required<Omit<ProbeOptions, 'warm'>>

/** Starts the processes; the first check of an engine waits for its own. */
export function startProbe(options: ProbeOptions = {}): Probe {
  const { warm, ...limits } = { ...DEFAULTS, ...options }
  const lanes = { fast: new Lane('fast', limits), tensorflow: new Lane('tensorflow', limits) }
  for (const engine of warm) lanes[engine].warmUp()
  return {
    get pids() {
      return Object.values(lanes).flatMap(({ pid }) => pid ?? [])
    },
    async check({ engine, ...rest }) {
      if (engine !== 'auto') return await lanes[engine].check(rest)
      try {
        return await lanes.fast.check(rest)
      } catch (error) {
        const passedOver = [passedOverBy(error, 'auto')]
        return { ...(await lanes.tensorflow.check(rest)), passedOver }
      }
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(Object.values(lanes).map(async (lane) => await lane.close()))
    },
  }
}

/** The checks of one engine, one after the other, in a process that is kept ready. */
class Lane {
  readonly #engine: ProbeEngine
  readonly #limits: Limits
  #child: Child | undefined
  #passed = 0
  #waiting = 0
  #last: Promise<unknown> = Promise.resolve()
  #isClosed = false

  constructor(engine: ProbeEngine, limits: Limits) {
    this.#engine = engine
    this.#limits = limits
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  warmUp(): void {
    if (this.#isClosed) return
    this.#child = new Child('probe-child', [this.#engine])
    this.#passed = 0
  }

  async check(check: Omit<ProbeCheck, 'engine'>): Promise<ProbeResult> {
    if (this.#isClosed) throw new InferenceError('UNAVAILABLE', 'the probe is closed')
    if (this.#waiting >= this.#limits.waitingMax)
      throw new InferenceError('UNAVAILABLE', `${this.#waiting} checks wait for ${this.#engine}`)
    this.#waiting++
    const turn = this.#last.then(async () => await this.#checkNow(check))
    this.#last = turn.catch(() => {})
    try {
      return await turn
    } finally {
      this.#waiting--
    }
  }

  async #checkNow({ timeoutMs, ...body }: Omit<ProbeCheck, 'engine'>): Promise<ProbeResult> {
    if (this.#isClosed) throw new InferenceError('UNAVAILABLE', 'the probe is closed')
    // One that ended while it was idle says nothing about the model that comes next.
    if (this.#child === undefined || this.#child.hasEnded) this.warmUp()
    const child = this.#child
    if (child === undefined) throw new InferenceError('UNAVAILABLE', 'the probe is closed')
    let isClean = false
    try {
      await child.ready
      const { allowedOperations } = this.#limits
      const request: ProbeRequest = { ...body, engine: this.#engine, allowedOperations }
      const answer = await child.request(request, { timeoutMs })
      const { isPure, ...found } = ProbeReply.parse(answer)
      isClean = isPure && ++this.#passed < this.#limits.reuseMax
      return found
    } catch (error) {
      // That a graph is not translated says nothing against the process: none of it has run.
      isClean = error instanceof InferenceError && error.code === 'UNTRANSLATABLE'
      throw error
    } finally {
      if (!isClean) this.#replace(child)
    }
  }

  /** The next check finds another process, which starts while this one ends. */
  #replace(child: Child): void {
    void child.kill()
    this.warmUp()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#child?.kill()
    await this.#last
  }
}
