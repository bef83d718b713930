// What happens to one version: loading, leaving, and for cold ones coming into memory and going out of
// it. Each way ends in a state, whatever fails on it.

import { setImmediate } from 'node:timers/promises'
import { reasonOf } from '@drover/basics'
import type { Log } from '@drover/service'
import { notServed, ServingError } from '@drover/serving-api'
import { withDeadline } from './deadline.ts'
import { sizeOfFiles } from './files.ts'
import { InMemory, type ResidentWays } from './in-memory.ts'
import type { ControlLimits } from './limits.ts'
import type { Jobs } from './jobs.ts'
import type { Model, VersionObject, WantedVersion } from './model.ts'
import type { Loaded, Loader, Publisher, Usage, WarmUp } from './ports.ts'
import type { Residency, Room } from './residency.ts'

/** What a version takes in memory, by what it takes on disk; upstream's own estimate. */
const MEMORY_PER_FILES = 1.2
/** Where too many wait already, others are told to ask again after so long. */
const FULL_MS = 1_000

export interface VersionLifeOptions {
  load: Loader
  warmUp: WarmUp
  publisher: Publisher
  /** Tells the threads what a model is now. */
  publish: (model: Model) => Promise<void>
  /** Does what follows from a version that ended by itself. */
  settle: (model: Model) => void
  usageOf: (name: string) => Usage
  queue: Jobs
  residency: Residency
  log: Log
  limits: ControlLimits
}

/** What runs a version, and why nothing faster does. */
const engineOf = ({ loaded }: VersionObject) => {
  const passedOver = loaded?.passedOver ?? []
  return { engine: loaded?.engine ?? 'cold', ...(passedOver.length > 0 && { passedOver }) }
}

/** The ways of versions. Whoever calls decides that it is time for one, and settles the model after it. */
export class VersionLife {
  readonly #options: VersionLifeOptions
  readonly #ways: ResidentWays
  #warmings = 0

  constructor(options: VersionLifeOptions) {
    this.#options = options
    this.#ways = {
      usageOf: options.usageOf,
      evict: async (model, version) => await this.#evict(model, version),
    }
  }

  /** From START to AVAILABLE, or to END. */
  async load(model: Model, version: VersionObject): Promise<void> {
    const { log } = this.#options
    const about = { model: model.name, version: version.version }
    const startedAt = performance.now()
    version.isQueued = false
    version.move('LOADING')
    try {
      // Parts of a load may hold the event loop: what else is ready comes first, between any two.
      await setImmediate()
      const room = await this.#roomFor(model, version)
      if (room !== 'none') await this.#fill(model, version, room)
      if (!model.isWanted(version)) return await this.#drop(model, version)
      version.isServed = true
      await this.#options.publish(model)
      version.move('AVAILABLE')
      model.forgetFailures((content) => content === version.wanted.content)
      const loadMs = Math.round(performance.now() - startedAt)
      log.info({ ...about, ...engineOf(version), loadMs }, 'version available')
    } catch (error) {
      await this.#fail(model, version, error)
    }
  }

  /** Takes it back that was loaded for nothing. */
  async #drop(model: Model, version: VersionObject): Promise<void> {
    await this.#giveBack(model, version)
    version.move('END')
  }

  async #fail(model: Model, version: VersionObject, error: unknown): Promise<void> {
    const failures = model.countFailure(version.wanted.content)
    version.error = reasonOf(error)
    const about = { model: model.name, version: version.version, failures, reason: version.error }
    // The whole chain once; tries that fail again say so in a line.
    const more = failures === 1 ? { err: error } : {}
    this.#options.log.warn({ ...about, ...more }, 'version failed to load')
    if (version.isServed || version.loaded !== undefined) await this.#leave(model, version)
    version.move('END')
  }

  /** Sees to a version whose engine gives it up: it fails as if it had not loaded, and is tried again. */
  async #watch(
    model: Model,
    version: VersionObject,
    { loaded, lost }: { loaded: Loaded; lost: Promise<Error> },
  ): Promise<void> {
    const error = await lost
    if (version.loaded !== loaded) return
    await this.#failServed(model, version, error)
    this.#options.settle(model)
  }

  /** A version in service that turns out to be broken. */
  async #failServed(model: Model, version: VersionObject, error: unknown): Promise<void> {
    if (version.state !== 'AVAILABLE') return
    version.move('UNLOADING')
    await this.#fail(model, version, error)
  }

  /** From AVAILABLE to END, when its requests are over. */
  async unload(model: Model, version: VersionObject): Promise<void> {
    version.move('UNLOADING')
    await this.#leave(model, version)
    version.move('END')
    const about = { model: model.name, version: version.version }
    this.#options.log.info(about, 'version unloaded')
  }

  async #leave(model: Model, version: VersionObject): Promise<void> {
    version.isServed = false
    try {
      await this.#options.publish(model)
    } catch (err) {
      // A thread that cannot be told still holds it: better its memory than a wrong answer.
      this.#options.log.error({ model: model.name, err }, 'threads not told of a model')
      return
    }
    await this.#giveBack(model, version)
  }

  /** Closes what was loaded when no thread needs it any more. Never throws. */
  async #giveBack(model: Model, version: VersionObject): Promise<void> {
    const { loaded } = version
    version.loaded = undefined
    if (loaded === undefined) return
    await this.#close(model.name, version.version, loaded)
    const { resident } = version
    version.resident = undefined
    if (resident !== undefined) this.#options.residency.remove(resident)
  }

  async #close(model: string, version: bigint, loaded: Loaded): Promise<void> {
    const { publisher, limits, log } = this.#options
    try {
      await withDeadline(publisher.release(loaded, limits.releaseMsMax), limits.releaseMsMax)
      await withDeadline(loaded.close(), limits.closeMsMax)
    } catch (err) {
      log.warn({ model, version, err }, 'version did not close')
    }
  }

  /** `none`: it stays on disk until somebody asks for it. */
  async #roomFor(model: Model, version: VersionObject): Promise<Room | 'none'> {
    const { residency } = this.#options
    if (!residency.isLimited) return residency.insist(0)
    const bytes = await this.#needOf(version)
    // One that takes another's place has to be proven before that one goes.
    if (model.versions.some(({ state }) => state === 'AVAILABLE')) return residency.insist(bytes)
    return residency.fit(bytes) ?? 'none'
  }

  async #needOf({ residentBytes, wanted }: VersionObject): Promise<number> {
    return residentBytes ?? Math.ceil((await this.#sizeOf(wanted)) * MEMORY_PER_FILES)
  }

  async #sizeOf({ sizeBytes, directory }: WantedVersion): Promise<number> {
    return sizeBytes ?? (await sizeOfFiles(directory, this.#options.limits))
  }

  /** Loads it into its room and warms it up; on a failure nothing stays. */
  async #fill(model: Model, version: VersionObject, room: Room): Promise<void> {
    const { load, warmUp, limits } = this.#options
    const { directory, engine } = version.wanted
    let isGivenUp = false
    const loading = load(directory, engine).then(async (loaded) => {
      if (!isGivenUp) {
        await warmUp(loaded, directory).catch(async (error: unknown) => {
          await loaded.close()
          throw error
        })
      }
      if (isGivenUp) await loaded.close()
      return loaded
    })
    try {
      version.loaded = await withDeadline(loading, limits.loadMsMax)
    } catch (error) {
      isGivenUp = true
      room.free()
      // What a load that was given up rejects with comes too late for anybody.
      loading.catch(() => {})
      throw error
    }
    version.residentBytes = version.loaded.residentBytes
    const resident = new InMemory(model, version, this.#ways)
    version.resident = resident
    room.settle(resident)
    const { loaded } = version
    const { lost } = loaded
    // Kernels, of which there may be ten thousand, never change and are never lost.
    if (lost === undefined) return
    loaded.onResize = () => {
      version.residentBytes = loaded.residentBytes
      this.#options.residency.resize(resident, loaded.residentBytes)
    }
    void this.#watch(model, version, { loaded, lost })
  }

  /** Out of memory; it stays AVAILABLE, and comes back when somebody asks. Never throws. */
  async #evict(model: Model, version: VersionObject): Promise<void> {
    const { loaded } = version
    const about = { model: model.name, version: version.version }
    version.resident = undefined
    version.loaded = undefined
    if (loaded === undefined) return
    try {
      await this.#options.publish(model)
      await this.#close(model.name, version.version, loaded)
      this.#options.log.debug(about, 'version left memory')
    } catch (err) {
      this.#options.log.error({ ...about, err }, 'threads not told of a model')
    }
  }

  /**
   * Resolves when a cold version is in memory. One load however many wait. Throws `ServingError`:
   * NOT_FOUND, UNAVAILABLE when it has to wait too long or failed.
   */
  async warm(model: Model, version: VersionObject): Promise<void> {
    const { limits } = this.#options
    if (version.warming === undefined) {
      if (version.loaded !== undefined) return
      if (this.#warmings >= limits.warmingsMax) throw this.#full(`${this.#warmings} models`)
      this.#warmings++
      version.warming = this.#warmed(model, version).finally(() => {
        this.#warmings--
        version.warming = undefined
      })
      // Those who wait hear of it; there may be none.
      version.warming.catch(() => {})
    }
    if (version.waiters >= limits.warmWaitersMax) throw this.#full(`${version.waiters} requests`)
    version.waiters++
    try {
      await version.warming
    } finally {
      version.waiters--
    }
  }

  async #warmed(model: Model, version: VersionObject): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const job = async (): Promise<void> => {
        const room = await this.#options.residency.make(await this.#needOf(version))
        try {
          await this.#fill(model, version, room)
          this.#options.residency.coldLoads++
          resolve()
        } catch (error) {
          await this.#failServed(model, version, error)
          // Like any other that has failed: it is not there.
          reject(notServed({ name: model.name, version: version.version }))
        }
      }
      this.#options.queue.add(job, { isUrgent: true, onFault: reject })
    })
    if (version.state !== 'AVAILABLE') {
      await this.#giveBack(model, version)
      throw notServed({ name: model.name, version: version.version })
    }
    await this.#options.publish(model)
  }

  #full(what: string): ServingError {
    return this.#options.residency.refuse(`${what} wait for memory already`, FULL_MS)
  }
}
