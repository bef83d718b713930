// The control thread's view of the serving threads and of the lane.

import { once } from 'node:events'
import { MessageChannel, type MessagePort, type Transferable, Worker } from 'node:worker_threads'
import type { LoadedModel } from '@drover/inference'
import type {
  ControlProtocol,
  Listening,
  ServingProtocol,
  ThreadReport,
} from '../serving/messages.ts'
import type { ServedMessage, ServedVersionMessage } from '../serving/messages.ts'
import type { ServingThreadData } from '../serving/thread.ts'
import type { Loaded, PublishedModel, Publisher } from '../control/ports.ts'
import type { BatchingParameters } from '../flags/batching.ts'
import type { Places } from '../launch/places.ts'
import type { ServingSettings } from '../serving/settings.ts'
import { Table } from '../serving/table.ts'
import { withDeadline } from '../control/deadline.ts'
import { Pace } from '../control/pace.ts'
import { type Channel, type Handlers, openChannel } from './channel.ts'

/** Telling a thread of a model: it only puts it into its table. */
const SERVE_MS_MAX = 30_000
const REPORT_MS_MAX = 5_000
/** Longest that telling the lane of all models holds the event loop at a stretch. */
const STRETCH_MS = 4
const NOWHERE: Places = { rest: undefined, grpc: undefined, unix: undefined }

export interface ServingThreadsOptions {
  /** One entry for each thread. */
  places: readonly Places[]
  settings: ServingSettings
  /** What the threads have to know of what was loaded. */
  detailsOf: (loaded: Loaded) => LoadDetails
  /** What the threads ask. */
  control: Handlers<ControlProtocol>
  /** A thread ended that nobody ended: a fault of this program, which cannot go on without it. */
  onLost: (error: Error) => void
}

/** Something loaded, as the threads need it. */
export interface LoadDetails {
  model: LoadedModel
  /** How requests that come together are run as one; undefined for each alone. */
  batching: BatchingParameters | undefined
}

interface Thread {
  worker: Worker
  channel: Channel<ServingProtocol>
}

/** Whoever answers for the models: a thread, or this one by a table of its own. */
interface Target {
  serve: (message: ServedMessage, transfer: Transferable[]) => Promise<void>
  release: (load: number, msMax: number) => Promise<void>
  /** The loads that it was told of. */
  known: Set<number>
}

/** The serving threads and the lane, all of which answer for the same models. */
export class ServingThreads implements Publisher {
  readonly #options: ServingThreadsOptions
  readonly #threads: Thread[]
  readonly #targets: Target[]
  /** What every target was told last, or is being told. */
  readonly #published = new Map<string, PublishedModel>()
  /** The ends of the lines of the serving threads, until the lane takes them. */
  #lines: MessagePort[]
  #lane: Promise<void> | undefined
  /** What answers in this thread, for the admin socket. */
  readonly own: Table
  readonly #loads = new WeakMap<Loaded, number>()
  #lastLoad = 0
  #isEnding = false

  constructor(options: ServingThreadsOptions) {
    this.#options = options
    const lines = options.places.map(() => new MessageChannel())
    const serving = options.places.map((places, index) => {
      const line = lines[index]?.port1
      return this.#start({ places, lanes: line === undefined ? [] : [line], isLane: false })
    })
    this.#threads = serving
    this.#lines = lines.map(({ port2 }) => port2)
    const { waitingMax } = options.settings.limits
    this.own = new Table({
      waitingMax,
      warm: async (name, version) => await options.control.warm({ name, version }),
    })
    this.#targets = [targetOf(this.own), ...this.#threads.map(({ channel }) => targetIn(channel))]
  }

  /** Starts the lane if nobody has asked for it before; resolves when it answers for all models. */
  async openLane(): Promise<void> {
    this.#lane ??= this.#startLane()
    await this.#lane
  }

  async #startLane(): Promise<void> {
    const lane = this.#start({ places: NOWHERE, lanes: this.#lines, isLane: true })
    this.#lines = []
    const target = targetIn(lane.channel)
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
  }

  #start(parts: Omit<ServingThreadData, 'settings'>): Thread {
    const { settings, control, onLost } = this.#options
    const workerData: ServingThreadData = { ...parts, settings }
    const worker = new Worker(new URL('../../dist/serving-thread.js', import.meta.url), {
      workerData,
      transferList: [...parts.lanes],
    })
    worker.once('error', onLost)
    worker.once('exit', (code) => {
      if (!this.#isEnding) onLost(new Error(`a serving thread ended with code ${code}`))
    })
    const channel = openChannel<ControlProtocol, ServingProtocol>(worker, control)
    return { worker, channel }
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
      return { load, version, servable: shared.message, batching }
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

  /** Begins to listen; says where. */
  async accept(): Promise<Listening> {
    const all = await Promise.all(
      this.#threads.map(async ({ channel }) => await channel.ask('accept', undefined)),
    )
    return all[0] ?? { rest: undefined, grpc: undefined, unix: undefined }
  }

  /** What each thread has to tell, by its name. Throws when one does not answer. */
  async report(beginsAnew: boolean): Promise<ReadonlyMap<string, ThreadReport>> {
    const options = { msMax: REPORT_MS_MAX }
    const named = this.#threads.map(async ({ channel }, index) => {
      const name = index < this.#options.places.length ? `${index}` : 'lane'
      return [name, await channel.ask('report', { beginsAnew }, options)] as const
    })
    return new Map(await Promise.all(named))
  }

  /** Takes nothing new, answers what is there and ends the threads. */
  async drain(msMax: number): Promise<void> {
    this.#isEnding = true
    await Promise.allSettled(
      this.#threads.map(
        async ({ channel }) => await channel.ask('drain', { msMax }, { msMax: 2 * msMax }),
      ),
    )
    await this[Symbol.asyncDispose]()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isEnding = true
    await Promise.all(
      this.#threads.map(async ({ worker }) => {
        const ended = once(worker, 'exit')
        await worker.terminate()
        await ended
      }),
    )
  }
}

const targetIn = (channel: Channel<ServingProtocol>): Target => ({
  serve: async (message, transfer) =>
    await channel.ask('serve', message, { msMax: SERVE_MS_MAX, transfer }),
  release: async (load, msMax) => await channel.ask('release', { load }, { msMax }),
  known: new Set(),
})

const targetOf = (table: Table): Target => ({
  serve: async (message) => await Promise.resolve(table.serve(message)),
  release: async (load, msMax) => await withDeadline(table.release(load), msMax),
  known: new Set(),
})
