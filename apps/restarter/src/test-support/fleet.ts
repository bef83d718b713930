import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  bucketKey,
  Channel,
  channelKey,
  configKey,
  type Culprit,
  emptyChannel,
  type Models,
  renderConfig,
  sha256,
} from '@drover/model-config'
import { type ModelStore, openPosixStore, readStateJson, swapJson } from '@drover/model-store'
import { makeRestarter, type RestarterOptions } from '../restarter.ts'
import { type Agent, startAgent } from './agent.ts'

const SWAPS_MAX = 100

/** A version of the one model that the tests publish. */
export const culpritOf = (version: number): Culprit => ({
  name: 'acme.intent',
  version,
  digest: sha256(`version ${version}`),
  reason: 'golden answer rejected',
})

function modelsOf(version: number): Models {
  const { name, digest } = culpritOf(version)
  const entry = { version, manifest: digest, verdict: 1, made: sha256('made') }
  return { [name]: { born: 1, versions: [entry], labels: {} } }
}

/** A real store in a folder of its own with a channel, and some agents. */
export async function startFleet(count: number) {
  const directory = await mkdtemp(join(tmpdir(), 'drover-restarter-'))
  const store = await openPosixStore(directory)
  const agents: Agent[] = []
  for (let index = 0; index < count; index++) agents.push(await startAgent(`server-${index}`))
  await swapJson(store, channelKey('main'), undefined, emptyChannel('publisher'))

  const readChannel = async (): Promise<Channel> =>
    (await readStateJson(store, channelKey('main'), Channel)) ?? emptyChannel('none')

  return {
    directory,
    store,
    agents,
    readChannel,

    /** What the publisher does: puts the config and makes it the candidate. */
    async publish(version: number): Promise<{ sha: string; seq: number }> {
      const { root, buckets } = renderConfig(modelsOf(version))
      for (const { sha, text } of buckets.values()) await store.renew(bucketKey('main', sha), text)
      await store.renew(configKey('main', root.sha), root.text)
      for (let tries = 0; tries < SWAPS_MAX; tries++) {
        const channel = await readChannel()
        const candidate = { sha: root.sha, seq: channel.seq + 1 }
        const next = { ...channel, seq: candidate.seq, attempt: 'publisher', candidate }
        if (await swapJson(store, channelKey('main'), channel.seq, next)) return candidate
      }
      throw new Error('the channel moves too fast')
    },

    async [Symbol.asyncDispose](): Promise<void> {
      await Promise.all(agents.map(async (agent) => await agent[Symbol.asyncDispose]()))
      await store[Symbol.asyncDispose]()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

export type Fleet = Awaited<ReturnType<typeof startFleet>>

/** Runs a restarter over a fleet's agents, impatient, until it is stopped. */
export function startRestarter(
  { agents, store }: { agents: readonly Agent[]; store: ModelStore },
  options: Partial<RestarterOptions> = {},
) {
  const stop = new AbortController()
  const errors: unknown[] = []
  const restarter = makeRestarter({
    store,
    fleet: 'main',
    servers: agents.map(({ url }) => url),
    serversToken: 'secret',
    scanMs: 20,
    nudgePublisher: async () => {},
    onError: (error) => errors.push(error),
    ...options,
    limits: { retryMs: 20, ...options.limits },
  })
  const done = restarter.run(stop.signal)
  return {
    ...restarter,
    errors,
    stop: async () => {
      stop.abort()
      await done
    },
    [Symbol.asyncDispose]: async () => {
      stop.abort()
      await done
    },
  }
}
