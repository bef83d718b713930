// The control thread: makes the parts and ties them together. What is served is in `control/`, what
// answers in `serving/`, what runs models in libs/inference.

import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { type Engines, startEngines } from '@drover/inference'
import type { Log } from '@drover/service'
import { makeAdmin } from './control/admin.ts'
import { applyFirst, ConfigFile, singleModelConfig } from './control/config-file.ts'
import { Discovery } from './control/discovery.ts'
import { CONTROL_LIMITS } from './control/limits.ts'
import { listenOnSocket } from './control/listen.ts'
import { Models } from './control/models.ts'
import type { Loaded } from './control/ports.ts'
import { Reload } from './control/reload.ts'
import type { FlagFiles } from './flags/files.ts'
import type { Flags } from './flags/flags.ts'
import { placesOf } from './launch/places.ts'
import { Loads } from './loading/loads.ts'
import { gaugesOf } from './metrics/gauges.ts'
import { Metering } from './metrics/metering.ts'
import type { Drain, Listening } from './serving/messages.ts'
import { ReloadParts } from './serving/reload-parts.ts'
import type { ServingSettings } from './serving/settings.ts'
import { ServingThreads } from './threads/serving-threads.ts'
import { warmUp } from './warm-up/warm-up.ts'

/** On top of what the control thread lets a reload wait. */
const RELOAD_GRACE_MS = 10_000

export interface ModelServerOptions {
  flags: Flags
  files: FlagFiles
  log: Log
  /** A part failed without which there is no going on. */
  onLost: (error: Error) => void
}

/** A model server that has what it was started with; it listens unless it is to be told to. */
export interface ModelServer {
  /** Where it listens; undefined as long as it does not. */
  listening: Listening | undefined
  /** Aborted when somebody asked on the admin socket to drain. */
  asked: AbortSignal
  /** Answers what it has, takes nothing new, and ends. */
  drain: () => Promise<void>
}

/** Starts a model server: what is configured settles, then it listens. Throws for a config that is none. */
export async function startModelServer(options: ModelServerOptions): Promise<ModelServer> {
  const parts = assemble(options)
  try {
    return await begin(options, parts)
  } catch (error) {
    await end(parts, { msMax: options.flags.limits.drainMsMax, staysOpen: false })
    throw error
  }
}

interface Parts {
  engines: Engines
  threads: ServingThreads
  models: Models
  discovery: Discovery
  reload: Reload
  metering: Metering
  configFile: ConfigFile | undefined
  admin: Server | undefined
}

function assemble(options: ModelServerOptions): Parts {
  const { flags, files, log, onLost } = options
  const engines = startEngines({
    tensorflow: {
      runTimeoutMs: flags.rest.timeoutMs,
      onEnd: ({ pid: child, ...ended }) => log.error({ child, ...ended }, 'TensorFlow ended'),
    },
    waitingMax: flags.limits.waitingMax,
    loadTimeoutMs: flags.limits.loadMsMax,
    savedModelTags: flags.loading.tags,
    allowedOperations: flags.loading.allowedOperations,
  })
  const loads = new Loads({
    engines,
    engine: flags.engines.engine,
    tags: flags.loading.tags,
    batching: files.batching,
    isBatchingPerModel: flags.isBatchingPerModel,
  })
  const parts = new ReloadParts()
  const threads = new ServingThreads({
    places: placesOf(flags),
    settings: settingsOf(options),
    detailsOf: (loaded) => loads.detailsOf(loaded),
    control: {
      status: (choice) => models.status(choice),
      models: ({ list, models: part }) => parts.add(list, part),
      reload: async ({ waitMs, ...asked }) => await reload.reload(parts.take(asked), { waitMs }),
      prometheus: async () => await metering.page(),
      lane: async () => await threads.openLine(),
      warm: async ({ name, version }) => await models.warm(name, version),
    },
    onLost,
    onLaneLost: (err, threadId) => {
      log.error({ err }, 'thread for large requests lost')
      void engines.forgetThread(threadId)
    },
  })
  const metering = new Metering({
    report: async (beginsAnew) => await threads.report(beginsAnew),
    isModel: (name) => models.get(name) !== undefined,
    gauges: (reports) => gaugesOf(models, reports),
    onFault: (err) => log.warn({ err }, 'counts not gathered'),
  })
  const warming = {
    rounds: flags.loading.warmupRounds,
    timeoutMs: flags.rest.timeoutMs,
    checkMethodName: flags.models.checksMethodNames,
  }
  const models = new Models({
    load: async (directory, engine) => await loads.load(directory, engine),
    warmUp: async (loaded: Loaded, directory) =>
      await warmUp(loads.detailsOf(loaded).model, directory, warming),
    publisher: threads,
    usageOf: (name) => metering.usageOf(name),
    onForgotten: (name) => metering.forget(name),
    log,
    limits: CONTROL_LIMITS,
    loadsAtOnce: flags.loading.loadsAtOnce,
    retry: { retries: flags.loading.retries, retryMs: flags.loading.retryMs },
    residentBytesMax: flags.loading.maxResidentBytes,
    allowsEarlyLabels: flags.models.allowsEarlyLabels,
  })
  const shared = { models, log, limits: CONTROL_LIMITS }
  const poll = flags.models.discovery
  const discovery = new Discovery({ ...shared, poll })
  const reload = new Reload({ ...shared, discovery })
  const configFile = configFileOf(options, reload)
  return { engines, threads, models, discovery, reload, metering, configFile, admin: undefined }
}

function settingsOf({ flags, files, log }: ModelServerOptions): ServingSettings {
  const { monitoring, ssl } = files
  return {
    rest: {
      timeoutMs: flags.rest.timeoutMs,
      corsEnabled: flags.rest.hasCors,
      // With an admin socket that is where the metrics are.
      prometheusPath: monitoring.enabled && flags.isSinglePort ? monitoring.path : undefined,
      checksMethodNames: flags.models.checksMethodNames,
    },
    grpc: { grpc: flags.grpc, checksMethodNames: flags.models.checksMethodNames, ssl },
    isSinglePort: flags.isSinglePort,
    limits: flags.limits,
    logLevel: log.level,
    reloadMsMax: CONTROL_LIMITS.reloadWaitMsMax + RELOAD_GRACE_MS,
  }
}

function configFileOf({ flags, log }: ModelServerOptions, reload: Reload): ConfigFile | undefined {
  const { configFile: path, configPollMs: pollMs } = flags.models
  if (path === undefined) return undefined
  return new ConfigFile({
    path,
    pollMs,
    reload: async (config) => await reload.reload(config),
    current: () => reload.config,
    log,
    limits: CONTROL_LIMITS,
  })
}

async function begin(options: ModelServerOptions, parts: Parts): Promise<ModelServer> {
  const { flags, log } = options
  const { threads, models, reload, configFile } = parts
  const asking = new AbortController()
  let how: Drain = { msMax: flags.limits.drainMsMax, staysOpen: false }
  let accepting: Promise<Listening> | undefined
  const accept = async (): Promise<Listening> => await (accepting ??= threads.accept())
  const { adminSocketPath, acceptLater } = flags.process
  if (adminSocketPath !== undefined) {
    parts.admin = createServer(
      makeAdmin({
        models,
        reload,
        run: async (request) => await threads.run(request),
        log,
        limits: CONTROL_LIMITS,
        accept,
        drain: ({ msMax = how.msMax, staysOpen = how.staysOpen }) => {
          how = { msMax, staysOpen }
          asking.abort()
        },
        pulse: async () => await threads.pulse(),
        prometheus: async () => await parts.metering.page(),
      }),
    )
    await listenOnSocket(parts.admin, adminSocketPath)
  }
  await configFile?.start()
  const { single } = flags.models
  if (single !== undefined)
    await applyFirst(singleModelConfig(single.name, single.basePath), {
      reload: async (config) => await reload.reload(config),
      log,
    })
  return {
    listening: acceptLater ? undefined : await accept(),
    asked: asking.signal,
    drain: async () => await end(parts, how),
  }
}

/** Ends what begins things first, then what answers, then what runs. */
async function end(parts: Parts, how: Drain): Promise<void> {
  const { configFile, discovery, models, metering, threads, engines, admin } = parts
  configFile?.stop()
  discovery.stop()
  models.close()
  metering[Symbol.dispose]()
  await threads.drain(how)
  if (admin?.listening) {
    const closed = once(admin, 'close')
    admin.close()
    admin.closeAllConnections()
    await closed
  }
  await engines[Symbol.asyncDispose]()
}
