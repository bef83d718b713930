// What is served, with engines and threads that a test can look into: loading and answering are
// theirs in life, and everything else here is the real thing.

import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ModelServerConfig, ModelServerModel } from '@drover/model-config'
import { makeLog } from '@drover/service'
import { Discovery, type DiscoveryOptions } from './discovery.ts'
import { CONTROL_LIMITS, type ControlLimits } from './limits.ts'
import { Models, type ModelsOptions } from './models.ts'
import type { Loaded, Loader, PublishedModel, Publisher } from './ports.ts'
import { Reload } from './reload.ts'

export const WAIT = { timeout: 20_000, interval: 5 }

/** A model in memory that knows whether it was closed. */
export class TestLoaded implements Loaded {
  readonly engine = 'kernel'
  readonly directory: string
  readonly text: string
  readonly sizeBytes: number
  readonly residentBytes: number
  readonly lost: Promise<Error>
  /** Lets its engine give it up. */
  lose: (error: Error) => void = () => {}
  inFlight = 0
  isClosed = false

  constructor(directory: string, text: string) {
    this.lost = new Promise((resolve) => {
      this.lose = resolve
    })
    this.directory = directory
    this.text = text
    this.sizeBytes = text.length
    this.residentBytes = text.length
  }

  async close(): Promise<void> {
    await Promise.resolve()
    this.isClosed = true
  }
}

/** Threads that answer by what they were told; what must never be seen of them is in `faults`. */
export class TestThreads implements Publisher {
  readonly models = new Map<string, PublishedModel>()
  readonly faults: string[] = []
  readonly #idle = new Map<Loaded, () => void>()

  async serve(model: PublishedModel): Promise<void> {
    await Promise.resolve()
    for (const { loaded } of model.versions)
      if (loaded instanceof TestLoaded && loaded.isClosed)
        this.faults.push(`${loaded.directory} is served and closed`)
    if (model.versions.length === 0) this.models.delete(model.name)
    else this.models.set(model.name, model)
  }

  async release(loaded: Loaded): Promise<void> {
    for (const model of this.models.values())
      if (model.versions.some((each) => each.loaded === loaded))
        this.faults.push(`${model.name} is released and served`)
    if (loaded instanceof TestLoaded && loaded.inFlight > 0)
      await new Promise<void>((resolve) => this.#idle.set(loaded, resolve))
  }

  /** What a request without a version finds; undefined is NOT_FOUND. */
  find(name: string, version?: bigint): Loaded | 'cold' | undefined {
    const model = this.models.get(name)
    const wanted = version ?? model?.latest
    return model?.versions.find((each) => each.version === wanted)?.loaded
  }

  /** Begins a request; the function that is returned ends it. */
  begin(name: string, version?: bigint): () => void {
    const loaded = this.find(name, version)
    if (!(loaded instanceof TestLoaded)) throw new Error(`${name} does not answer`)
    loaded.inFlight++
    return () => {
      loaded.inFlight--
      if (loaded.isClosed) this.faults.push(`${name} was closed under a request`)
      if (loaded.inFlight === 0) this.#idle.get(loaded)?.()
    }
  }

  /** `m 1 2`: what answers of a model, cold versions in brackets. */
  answering(name: string): string {
    const versions = this.models.get(name)?.versions ?? []
    return versions
      .toSorted((a, b) => (a.version < b.version ? -1 : 1))
      .map(({ version, loaded }) => (loaded === 'cold' ? `(${version})` : `${version}`))
      .join(' ')
  }
}

/** Loads that wait where a test says so. */
export class TestLoader {
  readonly loads: string[] = []
  running = 0
  runningMax = 0
  readonly #held = new Map<string, Promise<void>>()

  /** From now on a load of this directory waits until `go`. */
  hold(directory: string): () => void {
    let go: (() => void) | undefined
    const wait = new Promise<void>((resolve) => {
      go = resolve
    })
    this.#held.set(directory, wait)
    return () => {
      this.#held.delete(directory)
      go?.()
    }
  }

  readonly load: Loader = async (directory) => {
    this.loads.push(directory)
    this.running++
    this.runningMax = Math.max(this.runningMax, this.running)
    try {
      await this.#held.get(directory)
      const text = await readFile(join(directory, 'saved_model.pb'), 'utf8')
      if (text.startsWith('bad')) throw new Error(`the graph of ${directory} is broken`)
      return new TestLoaded(directory, text)
    } finally {
      this.running--
    }
  }
}

export type ServedOptions = Partial<Omit<ModelsOptions, 'limits'>> & {
  limits?: Partial<ControlLimits>
  poll?: DiscoveryOptions['poll']
}

/** Everything of the control thread but sockets. Its files are left behind when a test fails. */
export async function startServed({
  limits: changed,
  poll = { pollMs: 30 },
  ...options
}: ServedOptions = {}) {
  const root = await mkdtemp(join(tmpdir(), 'drover-control-'))
  const limits = {
    ...CONTROL_LIMITS,
    reloadWaitMsMax: 5_000,
    unchangedMsMin: 50,
    pendingPollMs: 50,
    ...changed,
  }
  const lines: { level: number; msg: string; [field: string]: unknown }[] = []
  const log = makeLog('test', { write: (line) => lines.push(JSON.parse(line)) })
  const threads = new TestThreads()
  const loader = new TestLoader()
  const models = new Models({
    load: loader.load,
    publisher: threads,
    log,
    limits,
    loadsAtOnce: 4,
    retry: { retries: 0, retryMs: 600_000 },
    ...options,
  })
  const discovery = new Discovery({ models, poll, log, limits })
  const reload = new Reload({ models, discovery, log, limits })
  return {
    root,
    limits,
    log,
    lines,
    threads,
    loader,
    models,
    discovery,
    reload,
    /** The base path of a model. */
    at: (name: string) => join(root, name),
    /** A model's config, of its base path under the root. */
    config: (name: string, more: Partial<ModelServerModel> = {}): ModelServerModel => ({
      name,
      basePath: join(root, name),
      modelPlatform: 'tensorflow',
      versionPolicy: { kind: 'latest', numVersions: 1 },
      versionLabels: {},
      ...more,
    }),
    /** Writes a version, elsewhere first, so that it is there all at once. */
    write: async (name: string, version: number | string, text = 'model') =>
      await writeModel(join(root, name, `${version}`), text),
    states: (name: string): string[] =>
      models.status({ name }).map(({ version, state }) => `${version} ${state}`),
    /** Throws what was seen of the threads that must never be. */
    stop: async () => {
      discovery.stop()
      models.close()
      if (threads.faults.length > 0) throw new Error(threads.faults.join('; '))
      await rm(root, { recursive: true, force: true })
    },
  }
}

/** Writes what the loader of these tests takes for a model. */
export async function writeModel(directory: string, text: string): Promise<void> {
  await mkdir(directory, { recursive: true })
  await writeFile(join(directory, 'saved_model.pb'), text)
}

export const configOf = (...models: ModelServerModel[]): ModelServerConfig => ({ models })
