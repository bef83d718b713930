import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type OpenedRedis, openRedis } from '@drover/jobs'
import {
  type CommittedManifest,
  isCommitted,
  type ModelId,
  sha256,
  type TenantSpec,
} from '@drover/model-config'
import { type ModelStore, openPosixStore } from '@drover/model-store'
import { type Listening, listen, makeLog } from '@drover/service'
import { startTrainer, type Trainer } from '@drover/training'
import { z } from 'zod'
import { makeSchedulerApi } from './api.ts'
import type { Commands } from './config.ts'
import { readVersions } from './observe.ts'
import { startTrainerScheduler, type TrainerScheduler } from './trainer-scheduler.ts'

const TRAIN_MS_MAX = 60_000
const HOUR_MS = 3_600_000

/** What several schedulers of a test share: Redis, a folder, one warm trainer. */
export interface Bench extends AsyncDisposable {
  redis: OpenedRedis
  directory: string
  trainer: Trainer
}

/** Opens a bench. Its folder is left behind when `keep` is called, as after a failure. */
export async function startBench(): Promise<Bench> {
  const directory = await mkdtemp(join(tmpdir(), 'drover-scheduler-test-'))
  const redis = await openRedis()
  const trainer = startTrainer()
  return {
    redis,
    directory,
    trainer,
    [Symbol.asyncDispose]: async () => {
      await trainer[Symbol.asyncDispose]()
      await redis[Symbol.asyncDispose]()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

export interface RigOptions {
  /** Below the bench's folder; another one for each test that wants a store of its own. */
  name: string
  redisUrl?: string
  commands?: Commands
  uploadBytesMax?: number
  token?: string
  /** One unless told. */
  slots?: number
  /** Time between two scans; an hour unless told. */
  scanMs?: number
  /** Stands between the scheduler and the store. */
  wrap?: (store: ModelStore) => ModelStore
  /** The bench's unless told; a test that kills trainings wants its own. */
  openTrainer?: () => Trainer
}

/** A scheduler with its API, listening. */
export interface Rig extends AsyncDisposable {
  store: ModelStore
  scheduler: TrainerScheduler
  listening: Listening
  dataRoot: string
  call: (
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ) => Promise<Answer>
  /** Uploads a text and gives its digest. */
  upload: (path: string, text: string) => Promise<string>
}

export interface Answer {
  status: number
  body: unknown
}

export async function startRig(bench: Bench, options: RigOptions): Promise<Rig> {
  const { name, commands = {}, token, wrap = (store) => store } = options
  const root = join(bench.directory, name)
  const store = wrap(await openPosixStore(join(root, 'store')))
  const place = { url: options.redisUrl ?? bench.redis.url, prefix: `{${name}}` }
  const log = makeLog('test')
  log.level = 'silent'
  const dataRoot = join(root, 'data')
  const config = {
    DROVER_SCAN_MS: options.scanMs ?? HOUR_MS,
    DROVER_FULL_SCAN_MS: HOUR_MS,
    DROVER_SLOTS: options.slots ?? 1,
    DROVER_WORK: join(root, 'work'),
    DROVER_DATA_ROOT: dataRoot,
    DROVER_TRAIN_MS_MAX: TRAIN_MS_MAX,
    DROVER_UPLOAD_BYTES_MAX: options.uploadBytesMax ?? 1024 * 1024,
    DROVER_VERSION_BYTES_MAX: 64 * 1024 * 1024,
  }
  const openTrainer = options.openTrainer ?? (() => lend(bench.trainer))
  const scheduler = await startTrainerScheduler({
    store,
    place,
    log,
    config,
    commands,
    openTrainer,
  })
  const api = makeSchedulerApi({ store, log, token, scheduler, commands, config })
  const listening = await listen(api, { host: '127.0.0.1', port: 0 })
  const call: Rig['call'] = async (method, path, body, headers = {}) => {
    const isRaw = typeof body === 'string' || body instanceof Uint8Array
    const response = await fetch(`${listening.url}${path}`, {
      method,
      headers:
        body === undefined || isRaw ? headers : { 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: isRaw ? body : JSON.stringify(body) }),
    })
    return { status: response.status, body: await response.json() }
  }
  return {
    store,
    scheduler,
    listening,
    dataRoot,
    call,
    upload: async (path, text) => {
      const digest = sha256(text)
      const { status, body } = await call('PUT', `/v1/data/${path}/${digest}`, text)
      if (status !== 201 && status !== 200) throw new Error(`upload: ${JSON.stringify(body)}`)
      return digest
    },
    [Symbol.asyncDispose]: async () => {
      await listening[Symbol.asyncDispose]()
      await scheduler[Symbol.asyncDispose]()
      await store[Symbol.asyncDispose]()
    },
  }
}

/** A trainer that survives the scheduler that uses it. */
export const lend = (trainer: Trainer): Trainer => ({
  pid: trainer.pid,
  warm: async () => await trainer.warm(),
  train: async (request) => await trainer.train(request),
  [Symbol.asyncDispose]: async () => {},
})

/** What the API says of a model. */
export const ModelView = z.object({
  due: z.boolean(),
  running: z.boolean(),
  quarantined: z.boolean(),
  why: z.string().optional(),
  until: z.string().optional(),
  newest: z.object({ version: z.number() }).optional(),
  failure: z.object({ class: z.string(), reason: z.string(), final: z.boolean() }).optional(),
})
export type ModelView = z.output<typeof ModelView>

/** What the API says of the model `late`. */
export async function viewOf(rig: Rig, tenant: string): Promise<ModelView> {
  const { body } = await rig.call('GET', `/v1/tenants/${tenant}`)
  return z.object({ models: z.object({ late: ModelView }) }).parse(body).models.late
}

/** The committed versions of a model, the newest first. */
export async function commitsOf(
  store: ModelStore,
  model: ModelId,
): Promise<(CommittedManifest & { version: number })[]> {
  const versions = await readVersions(store, model)
  return versions.flatMap(({ version, manifest }) =>
    manifest !== undefined && isCommitted(manifest) ? [{ ...manifest, version }] : [],
  )
}

/** Rows of which the label follows the number, so that there is something to learn. */
export function makeCsv(rows = 60): string {
  const lines = Array.from(
    { length: rows },
    (_, row) => `${row % 10},${row % 10 > 4 ? 'high' : 'low'}`,
  )
  return ['size,kind', ...lines, ''].join('\n')
}

/** A spec of one tabular model that trains on an upload. */
export function makeSpec(upload: string, model = 'late'): z.input<typeof TenantSpec> {
  return {
    models: {
      [model]: {
        recipe: {
          name: 'tabular-classifier',
          label: 'kind',
          columns: { size: { type: 'number' } },
        },
        data: { upload },
      },
    },
  }
}
