import { randomUUID } from 'node:crypto'
import { Channel, channelKey } from '@drover/model-config'
import { type ModelStore, swapJson } from '@drover/model-store'
import { auditAction } from './audit.ts'
import type { Calls } from './calls.ts'
import type { Cluster } from './cluster.ts'
import { type Action, nextChannel, type Observed } from './observed.ts'

export interface ActorOptions {
  store: ModelStore
  fleet: string
  calls: Calls
  cluster: Cluster | undefined
}

/**
 * Carries one action out. A write goes against the seq that was observed: one that lost changes
 * nothing, and the next look sees why. Commands are sent and not waited for. Says what the channel
 * is now, if it was moved.
 */
export async function act(
  action: Action,
  { channel, servers }: Observed,
  { store, fleet, calls, cluster }: ActorOptions,
): Promise<Channel | undefined> {
  const stateOf = (url: string) => servers.find((server) => server.url === url)?.state
  switch (action.kind) {
    case 'write':
      return channel && (await write(action, channel, { store, fleet }))
    case 'apply': {
      const { fence, offered } = action
      for (const { url, sha, seq } of action.tell) {
        const state = stateOf(url)
        calls.apply({ url, sha, seq, fence, offered, recycles: state?.recycles ?? 0 }, state)
      }
      return undefined
    }
    case 'patch':
    case 'touch':
      await actOnCluster(action, cluster)
      return undefined
    case 'recycle': {
      const { url, fence, recycles } = action
      const { sha, seq } = channel?.rollout ?? { sha: '', seq: 0 }
      calls.recycle({ url, sha, seq, fence, offered: false, recycles }, stateOf(url))
      return undefined
    }
  }
}

/** The channel as it is now; undefined where somebody else moved it first. */
async function write(
  action: Extract<Action, { kind: 'write' }>,
  channel: Channel,
  { store, fleet }: Pick<ActorOptions, 'store' | 'fleet'>,
): Promise<Channel | undefined> {
  await auditAction(store, fleet, channel, action)
  // What cannot be read again would stop everybody.
  const next = Channel.parse(nextChannel(channel, action.change, `restarter/${randomUUID()}`))
  return (await swapJson(store, channelKey(fleet), channel.seq, next)) ? next : undefined
}

type OnCluster = Extract<Action, { kind: 'patch' | 'touch' }>

async function actOnCluster(action: OnCluster, cluster: Cluster | undefined): Promise<void> {
  if (action.kind === 'patch') await cluster?.patch(action)
  else await cluster?.touch(action.fence)
}
