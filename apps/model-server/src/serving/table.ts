import { openServable, type Servable } from '@drover/inference'
import { type ModelChoice, notServed, ServingError, type Tensor } from '@drover/serving-api'
import { TIMED_OUT, toServingError } from './errors.ts'
import { withDeadline } from '../control/deadline.ts'
import { BatchQueue } from '../batching/queue.ts'
import type { BatchingParameters } from '../flags/batching.ts'
import type { Call, Found, Outputs } from './core.ts'
import type { ServedMessage, ServedVersionMessage } from './messages.ts'

export interface TableOptions {
  /** Requests of one model that may wait or run in this thread. */
  waitingMax: number
  /** Asks the control thread to load a version; resolves when this table has it. */
  warm: (name: string, version: bigint) => Promise<void>
}

const NO_LABELS: ReadonlyMap<string, bigint> = new Map()

/** A model as this thread answers for it. */
class Model {
  readonly name: string
  versions = new Map<bigint, Version>()
  labels = NO_LABELS
  latest: Version | undefined
  /** Requests that wait or run, over all versions. */
  waiting = 0

  constructor(name: string) {
    this.name = name
  }
}

/** A version that answers, or can be made to. */
class Version implements Found {
  readonly model: Model
  readonly load: number
  readonly version: bigint
  readonly servable: Servable | undefined
  readonly uncallable: Found['uncallable']
  readonly #batching: BatchingParameters | undefined
  /** By signature; as many as there are. */
  readonly #queues: Map<string, BatchQueue> | undefined
  inFlight = 0

  constructor(
    model: Model,
    { load, version, servable, batching, uncallable }: ServedVersionMessage,
  ) {
    this.#batching = batching
    this.#queues = batching && new Map()
    this.uncallable = uncallable
    this.model = model
    this.load = load
    this.version = version
    this.servable = typeof servable === 'string' ? undefined : openServable(servable)
  }

  get name(): string {
    return this.model.name
  }

  get signatures(): Found['signatures'] {
    return this.servable?.signatures ?? {}
  }

  /** Runs a request, beside others where there is batching. */
  run(servable: Servable, call: Call): Outputs | Promise<Outputs> {
    return this.#batching === undefined
      ? servable.run(call.signature, call.inputs, call)
      : this.#runBatched(servable, call, this.#batching)
  }

  async #runBatched(
    servable: Servable,
    { signature, inputs, outputs, deadlineMs }: Call,
    parameters: BatchingParameters,
  ): Promise<Outputs> {
    let queue = this.#queues?.get(signature)
    if (queue === undefined) {
      queue = new BatchQueue(parameters, (batch, untilMs) =>
        servable.run(signature, batch, { deadlineMs: untilMs }),
      )
      if (Object.hasOwn(servable.signatures, signature)) this.#queues?.set(signature, queue)
    }
    const answer = await queue.ask(inputs, deadlineMs)
    // A batch makes all outputs, because those beside this request may want others.
    return outputs === undefined
      ? answer
      : Object.fromEntries(Object.entries(answer).filter(([alias]) => outputs.includes(alias)))
  }
}

/** A version that was loaded, whether it is still told of or not. */
type Answering = Version & { readonly servable: Servable }

const isAnswering = (version: Version | undefined): version is Answering =>
  version?.servable !== undefined

/**
 * The models that answer in this thread. It does what the control thread tells it, model by model,
 * and knows nothing of files and states.
 */
export class Table {
  readonly #options: TableOptions
  readonly #models = new Map<string, Model>()
  /** Every load that was told of and not released yet. */
  readonly #loads = new Map<number, Version>()
  /** Who waits for the last request of a load. */
  readonly #releases = new Map<number, () => void>()

  constructor(options: TableOptions) {
    this.#options = options
  }

  /** Answers for a model as told from now on. */
  serve({ name, versions, labels }: ServedMessage): void {
    if (versions.length === 0) {
      this.#models.delete(name)
      return
    }
    const model = this.#models.get(name) ?? new Model(name)
    const served = versions.map((each) => this.#versionOf(model, each))
    model.versions = new Map(served.map((each) => [each.version, each]))
    model.labels = labels.size === 0 ? NO_LABELS : labels
    model.latest = served.reduce<Version | undefined>(
      (highest, each) => (highest && highest.version > each.version ? highest : each),
      undefined,
    )
    this.#models.set(name, model)
  }

  #versionOf(model: Model, told: ServedVersionMessage): Version {
    if (told.servable === 'cold') return new Version(model, told)
    const version = this.#loads.get(told.load) ?? new Version(model, told)
    this.#loads.set(told.load, version)
    return version
  }

  /** Resolves when nobody runs this load any more; it is closed then. */
  async release(load: number): Promise<void> {
    const version = this.#loads.get(load)
    if (version === undefined) return
    if (version.inFlight > 0)
      await new Promise<void>((resolve) => this.#releases.set(load, resolve))
    this.#releases.delete(load)
    this.#loads.delete(load)
    await version.servable?.close()
  }

  /** Whether this is a model of this server. */
  has(name: string): boolean {
    return this.#models.has(name)
  }

  /** See `Core`. */
  find(choice: ModelChoice): Version | Promise<Version> {
    const version = this.#look(choice)
    return version.servable === undefined ? this.#warmed(version, choice) : version
  }

  async #warmed({ name, version }: Version, choice: ModelChoice): Promise<Version> {
    try {
      await this.#options.warm(name, version)
    } catch (error) {
      // It turned out to be broken, and has left the table: that is told in the words of the request.
      if (!(error instanceof ServingError) || error.code !== 'NOT_FOUND') throw error
    }
    const found = this.#look(choice)
    if (found.servable !== undefined) return found
    throw new ServingError('UNAVAILABLE', `The model ${name} was loaded and has left again`)
  }

  #look({ name, version, label }: ModelChoice): Version {
    const model = this.#models.get(name)
    const wanted = label === undefined ? version : labelled(model, label)
    const found = wanted === undefined ? model?.latest : model?.versions.get(wanted)
    if (found === undefined)
      throw notServed({ name, ...(wanted !== undefined && { version: wanted }) })
    return found
  }

  /** See `Core`. A name of no model is refused soon enough. */
  wait(name: string): () => void {
    const model = this.#models.get(name)
    if (model === undefined) return () => {}
    this.#checkRoom(model)
    model.waiting++
    return () => {
      model.waiting--
    }
  }

  #checkRoom({ waiting }: Model): void {
    if (waiting >= this.#options.waitingMax)
      throw new ServingError('UNAVAILABLE', `${waiting} requests wait for this model already`)
  }

  /** See `Core`. */
  run(found: Found, call: Call): Outputs | Promise<Outputs> {
    const version = this.#current(found)
    this.#checkRoom(version.model)
    let running: Outputs | Promise<Outputs>
    try {
      running = version.run(version.servable, call)
    } catch (error) {
      throw toServingError(error, { signatures: version.signatures, call })
    }
    return running instanceof Promise ? this.#finish(version, running, call) : running
  }

  /**
   * What was found may have been released while its request waited, and its memory may hold another
   * model by now. The same version may have been loaded anew; no other may answer in its place.
   */
  #current(found: Found): Answering {
    const { name, version } = found
    const isHere = found instanceof Version && this.#loads.get(found.load) === found
    const current = isHere ? found : this.#models.get(name)?.versions.get(version)
    if (!isAnswering(current)) throw notServed({ name, version })
    return current
  }

  async #count(version: Version, running: Promise<unknown>): Promise<void> {
    version.inFlight++
    version.model.waiting++
    await Promise.allSettled([running])
    version.inFlight--
    version.model.waiting--
    if (version.inFlight === 0) this.#releases.get(version.load)?.()
  }

  async #finish(
    version: Version,
    running: Promise<Record<string, Tensor>>,
    call: Call,
  ): Promise<Outputs> {
    // A request that is given up goes on in its engine, and counts until it ends there.
    void this.#count(version, running)
    try {
      const leftMs = Math.max(1, call.deadlineMs - performance.now())
      return await withDeadline(running, leftMs, TIMED_OUT)
    } catch (error) {
      throw toServingError(error, { signatures: version.signatures, call })
    }
  }
}

function labelled(model: Model | undefined, label: string): bigint {
  const version = model?.labels.get(label)
  if (version === undefined)
    throw new ServingError('INVALID_ARGUMENT', `Unrecognized servable version label: ${label}`)
  return version
}
