// The fleet of the proof: a whole Drover in the cluster, models that say their version, and what is known of both.

import { readFile } from 'node:fs/promises'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Channel, channelKey, type ModelId, parseServedName } from '@drover/model-config'
import { type ModelStore, openS3Store, readStateJson } from '@drover/model-store'
import { z } from 'zod'
import { ROOT } from '../../support/root.ts'
import { until } from '../cluster.ts'
import { asNodePort, type Loop, startLoop } from '../loop-stack.ts'
import type { Bounds } from '../load/tally.ts'
import { type Load, startLoad, type Told } from './load.ts'
import { putVersion, versionModel, writeFirst } from './versions.ts'

const NAMESPACE = 'drover-proof'
export const NODES = ['node1', 'node2']
const WAIT_MS_MAX = 120_000
const SECRETS = join(ROOT, 'deploy/kubernetes/local/secrets')
export const MODELS = ['proof-a.sum', 'proof-b.sum']
/** It gets a version that kills what runs it. */
export const FRAIL = 'proof-c.sum'

const Servers = z.object({
  servers: z.array(
    z.object({
      state: z
        .object({
          server: z.string(),
          recycles: z.int(),
          config: z.object({ seq: z.int() }).nullish(),
        })
        .nullable(),
    }),
  ),
})

export type Fleet = Awaited<ReturnType<typeof startFleet>>

async function openStore(loop: Loop): Promise<ModelStore> {
  const port = await loop.kubectl(
    'get',
    'service',
    's3',
    '-o',
    'jsonpath={.spec.ports[0].nodePort}',
  )
  // The store takes its credentials from where the AWS SDK looks for them.
  process.env.AWS_ACCESS_KEY_ID = 'drover'
  process.env.AWS_SECRET_ACCESS_KEY = await readFile(join(SECRETS, 's3-secret'), 'utf8')
  const { hostname } = new URL(loop.rest)
  return await openS3Store({ bucket: 'drover', prefix: '', endpoint: `http://${hostname}:${port}` })
}

/** Starts all of it, with the first version of each model judged by the real gate. */
export async function startFleet() {
  const loop = await startLoop({ namespace: NAMESPACE, patches: [asNodePort('s3')] })
  const { kubectl, call, pods } = loop
  const store = await openStore(loop)
  const bounds = new Map<string, Bounds>()
  let load: Load | undefined
  let told: Told | undefined

  const bound = (name: string, each: Bounds): void => {
    bounds.set(name, each)
    load?.bound(name, each)
  }
  const folder = await writeFirst(mkdtempSync(join(tmpdir(), 'drover-proof-')))
  for (const name of [...MODELS, FRAIL]) {
    await loop.drover(z.unknown(), 'push', name, folder)
    bound(name, { floor: 1, ceiling: 1 })
  }
  const address = await kubectl('get', 'service', 'tf-server', '-o', 'jsonpath={.spec.clusterIP}')

  /** What each server that answers says of itself; waits for a restarter that was killed. */
  async function states() {
    const said = await untilAnswered('restarter', '/v1/status')
    return Servers.parse(said).servers.flatMap(({ state }) => (state === null ? [] : [state]))
  }

  /** How often each server has started a model server. */
  const recycles = async (): Promise<Map<string, number>> =>
    new Map((await states()).map(({ server, recycles: count }) => [server, count]))

  const channel = async (): Promise<Channel> => {
    const found = await readStateJson(store, channelKey('main'), Channel)
    if (found === undefined) throw new Error('there is no channel')
    return found
  }

  /** Waits for the API of an app whose node was lost: it answers a while after its pod is ready again. */
  async function untilAnswered(app: 'config-publisher' | 'restarter', path: string) {
    let said: unknown
    const isSaid = async () => {
      said = await call(app, path).catch(() => undefined)
      return said !== undefined
    }
    await until(`the ${app} answers`, isSaid, WAIT_MS_MAX)
    return said
  }

  const Candidate = z.object({ candidate: z.object({ seq: z.int() }).optional() })
  const pin = async ({ tenant, model }: ModelId, version: number): Promise<number> => {
    const body = { tenant, model, version, why: 'the proof' }
    const { candidate } = Candidate.parse(await call('config-publisher', '/v1/rollback', body))
    return candidate?.seq ?? (await channel()).candidate?.seq ?? 0
  }
  /** Publishes a model's next version; resolves when all servers have confirmed it. */
  async function publish(name: string): Promise<void> {
    const { floor, ceiling } = bounds.get(name) ?? { floor: 1, ceiling: 1 }
    const version = ceiling + 1
    bound(name, { floor, ceiling: version })
    const id = parseServedName(name)
    await untilAnswered('config-publisher', `/v1/tenants/${id.tenant}`)
    await putVersion(store, id, { version, content: versionModel(version) })
    const seq = await pin(id, version)
    const isLive = async () => ((await channel()).live?.seq ?? -1) >= seq
    await until(`seq ${seq} is live`, isLive, WAIT_MS_MAX)
    // A server that could not fetch is caught up a little later, and nobody waited for it.
    const haveIt = async () => {
      const all = await states()
      return all.length >= NODES.length && all.every(({ config }) => (config?.seq ?? -1) >= seq)
    }
    await until(`every server has seq ${seq}`, haveIt, WAIT_MS_MAX)
    bound(name, { floor: version, ceiling: version })
  }

  return {
    loop,
    store,
    kubectl,
    call,
    channel,
    pin,
    pods,
    recycles,
    publish,
    /** Does something while clients ask on every node; says what they saw. */
    async underLoad(work: () => Promise<void>, { hasRetries = false } = {}) {
      const asking = await startLoad({ nodes: NODES, address, bounds, hasRetries })
      load = asking
      try {
        await work()
      } finally {
        load = undefined
        told = await asking.stop()
        console.log(JSON.stringify(told))
      }
      return told
    },
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]()
      await loop[Symbol.asyncDispose]()
    },
  }
}
