// One model among ten thousand gets a new version: by a whole new list, and by a delta.

import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client, credentials } from '@grpc/grpc-js'
import { medianOf } from '../local.ts'
import type { BenchRow } from '../main.ts'
import { ask } from './ask.ts'
import { makeFolder } from './folder.ts'
import { worstOf } from './metrics.ts'
import {
  configOf,
  inputsOf,
  namesOf,
  reloadRequestOf,
  SMALL,
  untilQuiet,
  writeNetworks,
} from './models.ts'
import { measure } from './requests.ts'
import { type BenchServer, startServer } from './server.ts'

const FULL = { models: 10_000, changes: 20, pauseMs: 400 }
const QUICK = { models: 30, changes: 2, pauseMs: 50 }
/** How often somebody else asks in the meantime. */
const WATCH_PER_SECOND = 200
const CHANGE_MS_MAX = 60_000
const RELOAD = '/tensorflow.serving.ModelService/HandleReloadConfigRequest'

interface Fleet {
  folder: string
  paths: ReadonlyMap<string, string>
  versions: Map<string, number>
  /** Those that have a second version. */
  changed: readonly string[]
}

type Change = (name: string) => Promise<void>

/** How long a change takes, and how it holds up the server. */
export async function* benchChange(isQuick: boolean): AsyncGenerator<BenchRow> {
  const size = isQuick ? QUICK : FULL
  await using folder = await makeFolder()
  const root = join(folder.path, 'models')
  const names = namesOf('m', size.models)
  // Others than those that are asked in the meantime.
  const changed = names.slice(-size.changes)
  const paths = await writeNetworks(root, SMALL, names)
  await writeNetworks(root, SMALL, changed, 2)
  await untilQuiet()
  const fleet = (): Fleet => ({
    folder: folder.path,
    paths,
    versions: new Map(names.map((name) => [name, 1])),
    changed,
  })
  yield* byReload(fleet(), size)
  yield* byDelta(fleet(), size)
}

async function* byReload(fleet: Fleet, size: typeof FULL): AsyncGenerator<BenchRow> {
  await using server = await start(fleet, false)
  const client = new Client(`127.0.0.1:${server.ports.grpc}`, credentials.createInsecure())
  try {
    const reload: Change = async (name) => {
      fleet.versions.set(name, 2)
      await call(client, reloadRequestOf(fleet.paths, fleet.versions))
    }
    yield* rowsOf('full reload', { server, fleet, change: reload, size, goal: 150 })
  } finally {
    client.close()
  }
}

async function* byDelta(fleet: Fleet, size: typeof FULL): AsyncGenerator<BenchRow> {
  await using server = await start(fleet, true)
  const apply: Change = async (name) => {
    const policy = { kind: 'given', versions: [2] }
    const upserts = [{ name, basePath: fleet.paths.get(name), policy }]
    await ask(server.admin, 'POST', '/drover/v1/apply', { upserts, waitMs: CHANGE_MS_MAX })
  }
  yield* rowsOf('delta', { server, fleet, change: apply, size, goal: 5 })
}

async function start({ folder, paths, versions }: Fleet, hasAdmin: boolean) {
  const config = configOf(paths, versions)
  return await startServer({ folder, config, models: paths.size, hasAdmin })
}

const same = (bytes: Buffer): Buffer => bytes

async function call(client: Client, request: Buffer): Promise<void> {
  const deadline = Date.now() + CHANGE_MS_MAX
  await new Promise<void>((resolve, reject) => {
    client.makeUnaryRequest(RELOAD, same, same, request, { deadline }, (error) => {
      if (error === null) resolve()
      else reject(error)
    })
  })
}

interface Changing {
  server: BenchServer
  fleet: Fleet
  change: Change
  size: typeof FULL
  /** Milliseconds until the new version answers. */
  goal: number
}

async function* rowsOf(name: string, changing: Changing): AsyncGenerator<BenchRow> {
  const { server, fleet, change, size, goal } = changing
  const still = await watch(server, async () => await sleep(size.changes * size.pauseMs), size)
  const times: number[] = []
  const moving = await watch(
    server,
    async () => {
      for (const each of fleet.changed) {
        times.push(await timeChange(server, change, each))
        await sleep(size.pauseMs)
      }
    },
    size,
  )
  yield {
    name: `one of ${fleet.paths.size} models changed by ${name}`,
    unit: 'ms',
    value: medianOf(times),
    goal,
    notes: { worst: Math.max(...times).toFixed(1), changes: times.length },
  }
  const about = { unit: 'ms at a stretch', goal: 10 }
  yield {
    name: `event loops of the threads that answer, during a ${name}`,
    value: moving.loopMs,
    ...about,
    notes: { 'without changes': still.loopMs.toFixed(1) },
  }
  yield {
    name: `slowest answer about a state, from the control thread, during a ${name}`,
    value: moving.controlMs,
    ...about,
    notes: { 'without changes': still.controlMs.toFixed(1) },
  }
}

/** From the request until the new version has answered one itself. */
async function timeChange(server: BenchServer, change: Change, name: string): Promise<number> {
  const startedAt = performance.now()
  await change(name)
  const place = { port: server.ports.http }
  const body = { instances: [inputsOf(SMALL[0])] }
  await ask(place, 'POST', `/v1/models/${name}/versions/2:predict`, body)
  return performance.now() - startedAt
}

/** How long event loops were held, and others waited, while something was done. */
async function watch(server: BenchServer, work: () => Promise<void>, size: typeof FULL) {
  await server.loopDelays()
  const requests = Math.ceil((WATCH_PER_SECOND * size.changes * size.pauseMs) / 1_000)
  const target = { kind: 'http', port: server.ports.http, path: '/v1/models/m0' } as const
  const load = { connections: 1, requests, perSecond: WATCH_PER_SECOND }
  const [cost] = await Promise.all([measure(server, target, load), work()])
  return { controlMs: cost.max, loopMs: worstOf(await server.loopDelays(), 'max') }
}
