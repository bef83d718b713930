import { randomUUID } from 'node:crypto'
import { Channel, channelKey } from '@drover/model-config'
import { type ModelStore, swapJson } from '@drover/model-store'
import { type Change, nextChannel } from './observed.ts'

/** Moves the channel on from what was read; undefined where somebody else moved it first. */
export async function swapChannel(
  store: ModelStore,
  fleet: string,
  channel: Channel,
  change: Change,
): Promise<Channel | undefined> {
  // What cannot be read again would stop everybody.
  const next = Channel.parse(nextChannel(channel, change, `restarter/${randomUUID()}`))
  return (await swapJson(store, channelKey(fleet), channel.seq, next)) ? next : undefined
}
