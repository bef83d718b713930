import type { Channel } from '@drover/model-config'
import type { ModelStore } from '@drover/model-store'
import { auditAction } from './audit.ts'
import type { Calls } from './calls.ts'
import type { Cluster } from './cluster.ts'
import type { Action, Observed } from './observed.ts'
import { swapChannel } from './swap.ts'

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
      if (channel === undefined) return undefined
      await auditAction(store, fleet, channel, action)
      return await swapChannel(store, fleet, channel, action.change)
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

type OnCluster = Extract<Action, { kind: 'patch' | 'touch' }>

async function actOnCluster(action: OnCluster, cluster: Cluster | undefined): Promise<void> {
  if (action.kind === 'patch') await cluster?.patch(action)
  else await cluster?.touch(action.fence)
}
