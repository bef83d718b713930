// The whole loop in one process: the four apps by their exported loops, on a real Redis and a real
// store, with the real training, probe and model server as the child processes that they are.

import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeConfigPublisher } from '@drover/config-publisher'
import { startProbe } from '@drover/inference'
import {
  type NudgeOf,
  openQueue,
  openRedis,
  type Place,
  startWorker,
  watchRedis,
} from '@drover/jobs'
import { sha256 } from '@drover/model-config'
import { type ModelStore, openPosixStore } from '@drover/model-store'
import { makeRestarter, type Wishes } from '@drover/restarter'
import { type Log, listen, makeLog } from '@drover/service'
import { startTfServer, type TfServer } from '@drover/tf-server'
import { makeSchedulerApi, startTrainerScheduler } from '@drover/trainer-scheduler'
import { z } from 'zod'

const FLEET = 'main'
const LOCALHOST = '127.0.0.1'
const HOUR_MS = 3_600_000
const TRAIN_MS_MAX = 60_000
const PROBE_MS = 30_000
/** Longer than what a nudge brings about takes; what was nudged in vain is found by then. */
const SCAN_MS = 2_000
const STOP_DRAIN_MS = 2_500
const BYTES_MAX = 64 * 1024 * 1024
const MODEL_SERVER = join(import.meta.dirname, '../../apps/model-server/bin/drover-model-server')

const Predictions = z.object({ predictions: z.array(z.json()).length(1) })
const Status = z.object({
  model_version_status: z.array(z.object({ version: z.string(), state: z.string() })),
})

/** One line of the apps' logs. */
export const Line = z.looseObject({ name: z.string(), msg: z.string() })
export type Line = z.output<typeof Line>

/** A Drover in this process. */
export interface Loop extends AsyncDisposable {
  store: ModelStore
  redisUrl: string
  /** What all apps have logged so far. */
  lines: Line[]
  /** Calls the API of the trainer-scheduler. */
  call: (
    method: string,
    path: string,
    body?: object,
    headers?: Record<string, string>,
  ) => Promise<Answer>
  /** Uploads a text and gives its digest. */
  upload: (tenant: string, model: string, text: string) => Promise<string>
  /** The answer of the server for one row; its status where it is an error. */
  predict: (name: string, row: object) => Promise<unknown>
  /** The versions of a model that the server can answer from. */
  served: (name: string) => Promise<number[]>
  /** What people may ask of the fleet. */
  wishes: Wishes
}

export interface Answer {
  status: number
  body: unknown
}

export interface LoopOptions {
  /** Hears of each nudge that the worker of the rollouts was given. */
  onRollout?: (nudge: RolloutNudge) => void
}

type RolloutNudge = NudgeOf<{ name: 'rollout'; fleet: string }>

interface Parts {
  store: ModelStore
  place: Place
  folder: string
  logOf: (app: string) => Log
}

/** Starts the four apps with one server. Disposing of it ends them in the order of `drover up`. */
export async function startLoop({ onRollout = () => {} }: LoopOptions = {}): Promise<Loop> {
  const folder = await mkdtemp(join(tmpdir(), 'drover-loop-'))
  const redis = await openRedis()
  const store = await openPosixStore(join(folder, 'store'))
  const lines: Line[] = []
  const write = (text: string) => void lines.push(Line.parse(JSON.parse(text)))
  const parts = {
    store,
    folder,
    place: { url: redis.url },
    logOf: (app: string) => makeLog(app, { write }),
  }
  const server = await startServer(parts)
  const restarter = startRestarter(parts, server.url, onRollout)
  const publisher = await startPublisher(parts)
  const scheduler = await startScheduler(parts)
  return {
    store,
    lines,
    redisUrl: redis.url,
    wishes: restarter.wishes,
    ...clientOf(scheduler.url, server.restUrl),
    [Symbol.asyncDispose]: async () => {
      for (const part of [scheduler, publisher, restarter, server, store, redis]) {
        await part[Symbol.asyncDispose]()
      }
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function startScheduler({ store, place, folder, logOf }: Parts) {
  const log = logOf('trainer-scheduler')
  const config = {
    DROVER_SCAN_MS: SCAN_MS,
    DROVER_FULL_SCAN_MS: HOUR_MS,
    DROVER_SLOTS: 1,
    DROVER_WORK: join(folder, 'work'),
    DROVER_DATA_ROOT: undefined,
    DROVER_TRAIN_MS_MAX: TRAIN_MS_MAX,
    DROVER_UPLOAD_BYTES_MAX: BYTES_MAX,
    DROVER_VERSION_BYTES_MAX: BYTES_MAX,
  }
  const commands = {}
  const scheduler = await startTrainerScheduler({ store, place, log, config, commands })
  const api = makeSchedulerApi({ store, log, token: undefined, scheduler, commands, config })
  const listening = await listen(api, { host: LOCALHOST, port: 0 })
  return {
    url: listening.url,
    [Symbol.asyncDispose]: async () => {
      await listening[Symbol.asyncDispose]()
      await scheduler[Symbol.asyncDispose]()
    },
  }
}

async function startPublisher({ store, place, folder, logOf }: Parts): Promise<AsyncDisposable> {
  const workDirectory = join(folder, 'gate')
  await mkdir(workDirectory)
  const probe = startProbe()
  const publisher = makeConfigPublisher({
    store,
    place,
    probe,
    workDirectory,
    log: logOf('config-publisher'),
    fleet: FLEET,
    probeMs: PROBE_MS,
    scanMs: SCAN_MS,
    fullScanMs: HOUR_MS,
  })
  const stop = new AbortController()
  const running = publisher.run(stop.signal)
  return {
    [Symbol.asyncDispose]: async () => {
      stop.abort()
      await running
      await probe[Symbol.asyncDispose]()
    },
  }
}

/** As its `main.ts` puts it together. */
function startRestarter(
  { store, place, logOf }: Parts,
  serverUrl: string,
  onRollout: (nudge: RolloutNudge) => void,
): AsyncDisposable & { wishes: Wishes } {
  const log = logOf('restarter')
  const onError = (err: unknown) => log.warn({ err }, 'will try again')
  const queue = openQueue({ name: 'publish' }, place)
  const restarter = makeRestarter({
    store,
    fleet: FLEET,
    servers: [serverUrl],
    onError,
    nudgePublisher: async (traceparent) =>
      await queue.nudge({ fleet: FLEET, ...(traceparent !== undefined && { traceparent }) }),
    onNote: (note) => log.info(note, 'decided'),
  })
  const handle = async (nudge: RolloutNudge) => {
    onRollout(nudge)
    restarter.nudge(nudge.traceparent)
  }
  const worker = startWorker({ name: 'rollout', fleet: FLEET }, place, handle, { onError })
  const watch = watchRedis(place, { onReturn: () => restarter.nudge() })
  const stop = new AbortController()
  const running = restarter.run(stop.signal)
  return {
    wishes: restarter.wishes,
    [Symbol.asyncDispose]: async () => {
      stop.abort()
      await running
      for (const part of [worker, watch, queue]) await part[Symbol.asyncDispose]()
    },
  }
}

async function startServer({ store, folder, logOf }: Parts): Promise<TfServer> {
  return await startTfServer({
    server: 'one',
    fleet: FLEET,
    store,
    storeName: 'the store of the test',
    cache: join(folder, 'cache'),
    cacheBytesMax: BYTES_MAX,
    cacheAgeMaxMs: HOUR_MS,
    pollMs: SCAN_MS,
    modelServer: MODEL_SERVER,
    modelServerEnv: process.env,
    stopWaitMs: 0,
    stopDrainMs: STOP_DRAIN_MS,
    rest: { host: LOCALHOST, port: 0 },
    api: { host: LOCALHOST, port: 0, token: undefined },
    log: logOf('tf-server'),
    onLine: () => {},
  })
}

function clientOf(schedulerUrl: string, restUrl: string) {
  const call: Loop['call'] = async (method, path, body, headers = {}) => {
    const response = await fetch(`${schedulerUrl}${path}`, {
      method,
      headers: { 'content-type': 'application/json', connection: 'close', ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    return { status: response.status, body: await response.json() }
  }
  return {
    call,
    upload: async (tenant: string, model: string, text: string) => {
      const digest = sha256(text)
      const path = `/v1/data/${tenant}/${model}/${digest}`
      const { status } = await fetch(`${schedulerUrl}${path}`, { method: 'PUT', body: text })
      if (status >= 300) throw new Error(`the upload is answered with ${status}`)
      return digest
    },
    predict: async (name: string, row: object) => {
      const response = await fetch(`${restUrl}/v1/models/${name}:predict`, {
        method: 'POST',
        // An idle connection would be waited for when the server stops.
        headers: { connection: 'close' },
        body: JSON.stringify({ instances: [row] }),
      })
      const body: unknown = await response.json()
      return response.ok ? Predictions.parse(body).predictions[0] : response.status
    },
    served: async (name: string) => {
      const headers = { connection: 'close' }
      // The port is bound from the start, and answers once the first model server is up.
      const response = await fetch(`${restUrl}/v1/models/${name}`, { headers }).catch(() => {})
      if (response?.ok !== true) return []
      const body: unknown = await response.json()
      return Status.parse(body)
        .model_version_status.filter(({ state }) => state === 'AVAILABLE')
        .map(({ version }) => Number(version))
    },
  }
}
