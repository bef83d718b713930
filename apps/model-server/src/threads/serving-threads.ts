// The control thread's view of the serving threads and of the lane.

import {
  MessageChannel,
  MessagePort,
  type ResourceLimits,
  type Transferable,
  Worker,
} from 'node:worker_threads'
import type { LoadedModel } from '@drover/inference'
import { ServingError, type Tensor } from '@drover/serving-api'
import type {
  ControlProtocol,
  Drain,
  Listening,
  ServedMessage,
  ServedVersionMessage,
  ServingProtocol,
  SingleRun,
  ThreadReport,
} from '../serving/messages.ts'
import type { ServingThreadData } from '../serving/thread.ts'
import type { Loaded, PublishedModel, Publisher } from '../control/ports.ts'
import type { BatchingParameters } from '../flags/batching.ts'
import type { Places } from '../launch/places.ts'
import type { ServingSettings } from '../serving/settings.ts'
import { Pace } from '../event-loop/pace.ts'
import { retryDelayMs } from '../control/retry.ts'
import { type Handlers, openChannel } from './channel.ts'
import { type Target, targetIn, type Thread, unlessEnded } from './targets.ts'

const REPORT_MS_MAX = 5_000
/** Longer than an agent waits for it: the answer to nobody. */
const PULSE_MS_MAX = 10_000
/** On top of what the thread gives a request itself. */
const RUN_GRACE_MS = 1_000
/** Longest that telling the lane of all models holds the event loop at a stretch. */
const STRETCH_MS = 4
/** The lane is started again at once if it ended once, then after growing pauses. */
const LANE_RETRY = { retries: 1, retryMs: 0, retryMsMax: 30_000 }
/** One that ran for so long ended for a reason of its own. */
const LANE_STABLE_MS = 60_000
const NOWHERE: Places = { rest: undefined, grpc: undefined, unix: undefined }

export interface ServingThreadsOptions {
  /** One entry for each thread. */
  places: readonly Places[]
  settings: ServingSettings
  /** What the threads have to know of what was loaded. */
  detailsOf: (loaded: Loaded) => LoadDetails
  /** What the threads ask. */
  control: Handlers<ControlProtocol>
  /** A serving thread ended that nobody ended: a fault of this program, which cannot go on without it. */
  onLost: (error: Error) => void
  /** The lane ended: its heap was full, or a fault. It is started again when somebody needs it, as another thread. */
  onLaneLost: (error: Error, threadId: number) => void
}

/** Something loaded, as the threads need it. */
export interface LoadDetails {
  model: LoadedModel
  /** How requests that come together are run as one; undefined for each alone. */
  batching: BatchingParameters | undefined
}

/** The serving threads and the lane, all of which answer for the same models. */
export class ServingThreads implements Publisher {
  readonly #options: ServingThreadsOptions
  readonly #threads: Thread[]
  readonly #targets: Target[]
  /** What every target was told last, or is being told. */
  readonly #published = new Map<string, PublishedModel>()
  /** Undefined until somebody needs it. */
  #lane: Promise<Thread> | undefined
  #laneLosses = 0
  /** On the clock of `performance.now()`: the lane is not started before. */
  #laneDueMs = 0
  readonly #loads = new WeakMap<Loaded, number>()
  #lastLoad = 0
  #isEnding = false

  constructor(options: ServingThreadsOptions) {
    this.#options = options
    this.#threads = options.places.map((places, index) => this.#startServing(places, index))
    this.#targets = this.#threads.map(targetIn)
  }

  /** A new line to the lane, which is started if it does not run; it answers for all models by then. */
  async openLine(): Promise<MessagePort> {
    const lane = await (this.#lane ??= this.#startLane())
    const { port1, port2 } = new MessageChannel()
    const isOpen = await unlessEnded(lane, async () => {
      await lane.channel.ask('line', port2, { transfer: [port2] })
      return true
    })
    // One that ended just now is started again, or may not be for a while, which ends this.
    return isOpen ? port1 : await this.openLine()
  }

  async #startLane(): Promise<Thread> {
    const waitMs = this.#laneDueMs - performance.now()
    if (waitMs > 0) {
      this.#lane = undefined
      const retryAfterS = waitMs / 1_000
      throw new ServingError('UNAVAILABLE', 'Large requests have to wait', { retryAfterS })
    }
    const { laneHeapMb: maxOldGenerationSizeMb } = this.#options.settings.limits
    const data = { places: NOWHERE, isLane: true }
    const lane = this.#start('lane', data, { maxOldGenerationSizeMb })
    const target = targetIn(lane)
    const { threadId } = lane.worker
    const startMs = performance.now()
    this.#onEnd(lane, (error) => {
      this.#targets.splice(this.#targets.indexOf(target), 1)
      this.#threads.splice(this.#threads.indexOf(lane), 1)
      this.#lane = undefined
      const endMs = performance.now()
      this.#laneLosses = endMs - startMs > LANE_STABLE_MS ? 1 : this.#laneLosses + 1
      this.#laneDueMs = endMs + retryDelayMs(this.#laneLosses, LANE_RETRY)
      this.#options.onLaneLost(error, threadId)
    })
    this.#threads.push(lane)
    this.#targets.push(target)
    // What changes meanwhile is told to it as to all others, and here once more at the worst.
    const pace = new Pace(STRETCH_MS)
    const told: Promise<void>[] = []
    for (const name of this.#published.keys()) {
      const model = this.#published.get(name)
      if (model !== undefined) told.push(this.#tell(target, model))
      if (pace.step()) await pace.rest()
    }
    await Promise.all(told)
    return lane
  }

  #startServing(places: Places, index: number): Thread {
    const thread = this.#start(`${index}`, { places, isLane: false })
    this.#onEnd(thread, this.#options.onLost)
    return thread
  }

  #start(
    name: string,
    parts: Omit<ServingThreadData, 'settings'>,
    resourceLimits: ResourceLimits = {},
  ): Thread {
    const { settings, control } = this.#options
    const workerData: ServingThreadData = { ...parts, settings }
    const worker = new Worker(new URL('../../dist/serving-thread.js', import.meta.url), {
      workerData,
      resourceLimits,
      // Not what this process was started with: tests are run from the sources, and threads never.
      execArgv: ['--enable-source-maps'],
    })
    const channel = openChannel<ControlProtocol, ServingProtocol>(worker, control, (answer) =>
      answer instanceof MessagePort ? [answer] : [],
    )
    return { name, worker, channel, hasEnded: false }
  }

  /** Calls when the thread ends and nobody ended it. */
  #onEnd(thread: Thread, tell: (error: Error) => void): void {
    const { worker, name } = thread
    let cause: unknown
    worker.once('error', (error) => {
      cause = error
    })
    // Before whoever waits for the thread hears of it.
    worker.prependOnceListener('exit', (code) => {
      thread.hasEnded = true
      if (this.#isEnding) return
      tell(new Error(`the serving thread ${name} ended with code ${code}`, { cause }))
    })
  }

  /** Resolves when every thread answers for the model like this. */
  async serve(model: PublishedModel): Promise<void> {
    if (model.versions.length === 0) this.#published.delete(model.name)
    else this.#published.set(model.name, model)
    await Promise.all(this.#targets.map(async (target) => await this.#tell(target, model)))
  }

  async #tell(target: Target, model: PublishedModel): Promise<void> {
    const transfer: Transferable[] = []
    await target.serve(this.#messageOf(model, target, transfer), transfer)
  }

  #messageOf(
    { name, versions, labels }: PublishedModel,
    { known }: Target,
    transfer: Transferable[],
  ): ServedMessage {
    const told = versions.map(({ version, loaded }): ServedVersionMessage => {
      if (loaded === 'cold') return { load: 0, version, servable: 'cold', batching: undefined }
      const load = this.#loadOf(loaded)
      const { model, batching } = this.#options.detailsOf(loaded)
      if (known.has(load)) return { load, version, servable: 'known', batching }
      known.add(load)
      const shared = model.share()
      transfer.push(...shared.transfer)
      const { uncallable } = model
      return { load, version, servable: shared.message, batching, uncallable }
    })
    return { name, versions: told, labels }
  }

  #loadOf(loaded: Loaded): number {
    const known = this.#loads.get(loaded)
    if (known !== undefined) return known
    this.#loads.set(loaded, ++this.#lastLoad)
    return this.#lastLoad
  }

  /** Resolves when no thread has a request in flight for what was loaded; no model may list it by then. */
  async release(loaded: Loaded, msMax: number): Promise<void> {
    const load = this.#loads.get(loaded)
    if (load === undefined) return
    await Promise.all(
      this.#targets.map(async ({ release, known }) => {
        await release(load, msMax)
        known.delete(load)
      }),
    )
  }

  /** Runs a single request. Throws `ServingError`. */
  async run(request: SingleRun): Promise<Record<string, Tensor>> {
    const [thread] = this.#threads
    if (thread === undefined) throw new ServingError('UNAVAILABLE', 'no thread answers')
    return await thread.channel.ask('run', request, { msMax: request.msMax + RUN_GRACE_MS })
  }

  /** Begins to listen; says where. */
  async accept(): Promise<Listening> {
    const all = await Promise.all(
      this.#threads.map(async ({ channel }) => await channel.ask('accept', undefined)),
    )
    return all[0] ?? { rest: undefined, grpc: undefined, unix: undefined }
  }

  /** Whether every thread that listens is there. Throws when one does not answer in time. */
  async pulse(): Promise<void> {
    const listening = this.#threads.slice(0, this.#options.places.length)
    const options = { msMax: PULSE_MS_MAX }
    await Promise.all(
      listening.map(async ({ channel }) => await channel.ask('pulse', undefined, options)),
    )
  }

  /** What each thread has to tell, by its name. Throws when one does not answer. */
  async report(beginsAnew: boolean): Promise<ReadonlyMap<string, ThreadReport>> {
    const options = { msMax: REPORT_MS_MAX }
    const reports = await Promise.all(
      this.#threads.map(
        async (thread) =>
          await unlessEnded(thread, async () => {
            const report = await thread.channel.ask('report', { beginsAnew }, options)
            return [[thread.name, report] as const]
          }),
      ),
    )
    return new Map(reports.flatMap((report) => report ?? []))
  }

  /** Takes nothing new, answers what is there and ends the threads. */
  async drain(how: Drain): Promise<void> {
    this.#isEnding = true
    await Promise.allSettled(
      this.#threads.map(
        async ({ channel }) => await channel.ask('drain', how, { msMax: 2 * how.msMax }),
      ),
    )
    await this[Symbol.asyncDispose]()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isEnding = true
    await Promise.all(this.#threads.map(async ({ worker }) => await worker.terminate()))
  }
}
