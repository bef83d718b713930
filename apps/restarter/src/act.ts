import { randomUUID } from 'node:crypto'
import { type Channel, channelKey } from '@drover/model-config'
import { type ModelStore, swapJson } from '@drover/model-store'
import { auditRecycled } from './audit.ts'
import type { Calls } from './calls.ts'
import { type Action, nextChannel, type Observed } from './observed.ts'

export interface ActorOptions {
  store: ModelStore
  fleet: string
  calls: Calls
}

/**
 * Carries one action out. A write goes against the seq that was observed: one that lost changes
 * nothing, and the next look sees why. Commands are sent and not waited for. Says what the channel
 * is now, if it was moved.
 */
export async function act(
  action: Action,
  { channel, servers }: Observed,
  { store, fleet, calls }: ActorOptions,
): Promise<Channel | undefined> {
  const stateOf = (url: string) => servers.find((server) => server.url === url)?.state
  switch (action.kind) {
    case 'write': {
      if (channel === undefined) return undefined
      if (action.recycled !== undefined) await auditRecycled(store, fleet, channel, action)
      const next = nextChannel(channel, action.change, `restarter/${randomUUID()}`)
      return (await swapJson(store, channelKey(fleet), channel.seq, next)) ? next : undefined
    }
    case 'apply': {
      const { fence, offered } = action
      for (const { url, sha, seq } of action.tell) {
        const state = stateOf(url)
        calls.apply({ url, sha, seq, fence, offered, recycles: state?.recycles ?? 0 }, state)
      }
      return undefined
    }
    case 'recycle': {
      const { url, fence, recycles } = action
      const { sha, seq } = channel?.rollout ?? { sha: '', seq: 0 }
      calls.recycle({ url, sha, seq, fence, offered: false, recycles }, stateOf(url))
      return undefined
    }
  }
}
