// Serving threads and their lane, with a heap for the lane that one request can fill.

import { strict as assert } from 'node:assert'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { type Engines, type LoadedModel, startEngines } from '@drover/inference'
import { ServingError } from '@drover/serving-api'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { PublishedModel } from '../control/ports.ts'
import { LIMITS } from '../limits.ts'
import type { ServingSettings } from '../serving/settings.ts'
import { layer, writeVersion } from '../test-support/saved-models.ts'
import { ServingThreads } from './serving-threads.ts'

const HEAP_MB = 48
const PATIENT = { timeout: 30_000 }
const NOWHERE = { grpc: undefined, unix: undefined }
const SETTINGS: ServingSettings = {
  rest: { timeoutMs: 30_000, corsEnabled: false, prometheusPath: undefined },
  grpc: {
    grpc: { channelArguments: {}, hasHealth: false, writesTensorContent: false },
    checksMethodNames: false,
    ssl: undefined,
  },
  isSinglePort: true,
  limits: { ...LIMITS, laneHeapMb: HEAP_MB },
  logLevel: 'silent',
  reloadMsMax: 1_000,
}
/** More than the lane's heap holds once it is read, and so for every model: it is looked up later. */
const FILLING = `{"examples":[${'{},'.repeat(1_000_000)}{}]}`
const ROWS = 20_000
/** Above what plain numbers may have where others are answered. */
const LARGE = `{"instances":[${'0.2500,'.repeat(ROWS)}1]}`

const nobody = (): never => {
  throw new ServingError('UNIMPLEMENTED', 'nobody asks this here')
}

let folder: string
let engines: Engines
let model: LoadedModel
let threads: ServingThreads
let url: string
let lost: Error[]
let laneLosses: Error[]

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drover-lane-'))
  await writeVersion(folder, 1, layer())
  engines = startEngines({})
  model = await engines.load(join(folder, '1'))
  lost = []
  laneLosses = []
  threads = new ServingThreads({
    places: [{ ...NOWHERE, rest: { host: '127.0.0.1', port: 0 } }],
    settings: SETTINGS,
    detailsOf: () => ({ model, batching: undefined }),
    control: {
      status: nobody,
      models: nobody,
      reload: nobody,
      prometheus: nobody,
      warm: nobody,
      lane: async () => await threads.openLine(),
    },
    onLost: (error) => lost.push(error),
    onLaneLost: (error, threadId) => {
      laneLosses.push(error)
      void engines.forgetThread(threadId)
    },
  })
  await threads.serve(served('m'))
  const { rest } = await threads.accept()
  assert(rest)
  url = rest
})

afterEach(async () => {
  await threads[Symbol.asyncDispose]()
  await engines[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

const served = (name: string): PublishedModel => ({
  name,
  versions: [{ version: 1n, loaded: model }],
  labels: new Map(),
  latest: 1n,
})

async function post(path: string, body: string) {
  const response = await fetch(`${url}/v1/models/${path}`, { method: 'POST', body })
  return { status: response.status, retry: response.headers.get('retry-after'), response }
}

const small = async () => (await post('m:predict', '{"instances":[1.0]}')).status
const large = async (name = 'm') => (await post(`${name}:predict`, LARGE)).status

/** Threads that may run models in kernels at once. */
const THREADS_MAX = 32
const CLAIMING = `
  const { parentPort, workerData } = require('node:worker_threads')
  import(workerData.built).then(({ openSlab }) => {
    parentPort.postMessage(openSlab(workerData.slab).workshop.scratch)
    parentPort.on('message', () => {})
  })
`

/** A thread that is about to run layers of the model, and stays. */
function startClaiming(): Worker {
  const { message } = model.share()
  assert(message.engine === 'kernel')
  const built = new URL('../../../../libs/inference/dist/kernel/slab.js', import.meta.url).href
  const workerData = { built, slab: message.kernel.slab }
  return new Worker(CLAIMING, { eval: true, execArgv: [], workerData })
}

describe('a heap that fills up', () => {
  test('ends the lane alone, which is started again', async () => {
    expect(await large()).toBe(200)

    const [filling, beside] = await Promise.all([post('m:classify', FILLING), small()])

    expect(filling.status).toBe(503)
    expect(beside).toBe(200)
    expect(await large()).toBe(200)
    expect(laneLosses).toMatchObject([{ cause: { code: 'ERR_WORKER_OUT_OF_MEMORY' } }])
    expect(lost).toEqual([])
  })

  test('over and over makes large requests wait, and no others', async () => {
    expect((await post('m:classify', FILLING)).status).toBe(503)
    expect((await post('m:classify', FILLING)).status).toBe(503)

    await vi.waitUntil(() => laneLosses.length === 2, PATIENT)
    const { status, retry } = await post('m:predict', LARGE)

    expect(status).toBe(503)
    expect(Number(retry)).toBeGreaterThan(0)
    expect(await small()).toBe(200)
    expect([...(await threads.report(true)).keys()]).toEqual(['0'])
  })

  test('leaves its place among the threads that run models to the next lane', async () => {
    expect(await small()).toBe(200)
    expect(await large()).toBe(200)
    const others = Array.from({ length: THREADS_MAX - 2 }, startClaiming)
    await Promise.all(others.map(async (worker) => await once(worker, 'message')))
    expect((await post('m:classify', FILLING)).status).toBe(503)

    const next = await large()

    expect(laneLosses).toHaveLength(1)
    expect(next).toBe(200)
    await Promise.all(others.map(async (worker) => await worker.terminate()))
  })

  test('keeps nobody from hearing what is served', async () => {
    await large()

    const filling = post('m:classify', FILLING)
    await Promise.all([filling, threads.serve(served('n'))])

    expect(await large('n')).toBe(200)
  })
})
