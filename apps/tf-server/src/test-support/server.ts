// A whole server for tests: store, agent, and the real model server as its child, from its build.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type ConfigRef, ServerState } from '@drover/model-config'
import { type ModelStore, openPosixStore } from '@drover/model-store'
import { makeLog } from '@drover/service'
import { z } from 'zod'
import { modelServerEnv, readConfig } from '../config.ts'
import { startTfServer, type TfServerOptions } from '../tf-server.ts'
import { FLEET, publish, setChannel } from './published.ts'

const POLL_MS = 200

/** A folder of its own for each test. */
export async function startFolder() {
  const path = await mkdtemp(join(tmpdir(), 'drover-tf-server-'))
  return {
    path,
    store: join(path, 'store'),
    cache: join(path, 'cache'),
    [Symbol.asyncDispose]: async () => await rm(path, { recursive: true, force: true }),
  }
}

/** A folder with a store in it. */
export async function startStore() {
  const folder = await startFolder()
  const store = await openPosixStore(folder.store)
  return {
    folder,
    store,
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]()
      await folder[Symbol.asyncDispose]()
    },
  }
}

/** A store in which config 3 is live, with a version of `acme.late` that adds 10. */
export async function startLive() {
  const opened = await startStore()
  const live = { sha: await publish(opened.store, { 'acme.late': [1, 10] }), seq: 3 }
  await setChannel(opened.store, live)
  return { ...opened, live }
}

const Predictions = z.object({ predictions: z.array(z.number()) })

/** Starts an agent on a store, and speaks with it as the restarter and clients do. */
export async function startServer(
  store: ModelStore,
  cache: string,
  changes: Partial<TfServerOptions> = {},
) {
  const log = makeLog('test')
  log.level = 'silent'
  const settings = readConfig({ DROVER_STORE: 'of the test', DROVER_CACHE: cache })
  const server = await startTfServer({
    server: 'one',
    fleet: FLEET,
    store,
    storeName: settings.DROVER_STORE,
    cache,
    cacheBytesMax: settings.DROVER_CACHE_BYTES_MAX,
    cacheAgeMaxMs: settings.DROVER_CACHE_AGE_MAX,
    pollMs: POLL_MS,
    modelServer: settings.DROVER_MODEL_SERVER,
    modelServerEnv: modelServerEnv(),
    stopWaitMs: settings.DROVER_STOP_WAIT_MS,
    stopDrainMs: settings.DROVER_STOP_DRAIN_MS,
    rest: { host: '127.0.0.1', port: 0 },
    api: { host: '127.0.0.1', port: 0, token: undefined },
    log,
    onLine: () => {},
    ...changes,
  })

  async function post(path: string, body: object) {
    const response = await fetch(`${server.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    return { status: response.status, body: await response.json() }
  }

  let stopped: PromiseLike<void> | undefined

  return {
    ...server,
    server,
    state: async () => ServerState.parse(await (await fetch(`${server.url}/v1/state`)).json()),
    apply: async (ref: ConfigRef, fence: number) => await post('/v1/apply', { ...ref, fence }),
    recycle: async (fence: number, recycles: number) =>
      await post('/v1/recycle', { fence, recycles }),
    isReady: async () => (await fetch(`${server.url}/readyz`)).ok,
    /** What a model answers for x; undefined when it is not served. */
    predict: async (name: string, x: number) => {
      const response = await fetch(`${server.restUrl}/v1/models/${name}:predict`, {
        method: 'POST',
        // An idle connection would be waited for when the server stops.
        headers: { connection: 'close' },
        body: JSON.stringify({ instances: [x] }),
      })
      const body: unknown = await response.json()
      return response.ok ? Predictions.parse(body).predictions[0] : undefined
    },
    // A test of its end stops it before its file does.
    [Symbol.asyncDispose]: async () => await (stopped ??= server[Symbol.asyncDispose]()),
  }
}

export const UNTIL = { timeout: 30_000, interval: 10 }

export async function untilReady(server: Awaited<ReturnType<typeof startServer>>): Promise<void> {
  const deadline = Date.now() + UNTIL.timeout
  while (!(await server.isReady())) {
    if (Date.now() > deadline) throw new Error(`not ready: ${(await server.state()).why}`)
    await delay(UNTIL.interval)
  }
}

/** A store with a channel that has no `live`, and a server on it that is ready. */
export async function startReady(
  changes: (cache: string) => Partial<TfServerOptions> = () => ({}),
) {
  const { folder, store, ...opened } = await startStore()
  await setChannel(store, undefined)
  const server = await startServer(store, folder.cache, changes(folder.cache))
  await untilReady(server)
  let configs = 0
  return {
    folder,
    store,
    server,
    /** Tests that share a server have configs above those of the last. */
    nextSeq: (): number => ++configs,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]()
      await opened[Symbol.asyncDispose]()
    },
  }
}
