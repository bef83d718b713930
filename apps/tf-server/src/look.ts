import { reasonOf } from '@drover/basics'
import { Channel, channelKey, type ConfigRef, isRejected } from '@drover/model-config'
import { readStateJson } from '@drover/model-store'
import { lastSeen, type SeenChannel } from './plan.ts'
import type { Ports } from './ports.ts'
import { within } from './pull/source.ts'

/** A store that says nothing for so long is away until the next look: a start waits for the first. */
const LOOK_MS_MAX = 3_000

/** Reads the channel, and notes on disk that the confirmed config is live if it is. Never throws. */
export async function look(ports: Ports): Promise<void> {
  const { memory } = ports
  memory.looking ??= lookOnce(ports).finally(() => {
    memory.looking = undefined
  })
  await memory.looking
}

async function lookOnce(ports: Ports): Promise<void> {
  const { memory, log } = ports
  try {
    if (await readChannel(ports)) await noteOnDisk(ports)
  } catch (err) {
    if (memory.impaired === undefined) log.warn({ err }, 'the store or the disk cannot be had')
    memory.impaired = reasonOf(err)
  }
}

/** Whether there is a channel. */
async function readChannel({ memory, disk, store, fleet, now }: Ports): Promise<boolean> {
  const readAt = now()
  let channel: Channel | undefined
  try {
    channel = await within(LOOK_MS_MAX, readStateJson(store, channelKey(fleet), Channel))
  } catch (error) {
    memory.channel = { kind: 'away', last: lastSeen(memory.channel) }
    throw error
  }
  if (channel === undefined) {
    memory.channel = { kind: 'absent', last: lastSeen(memory.channel) }
    const isLost = memory.confirmed?.ref !== undefined || disk.seenLive !== undefined
    memory.impaired = isLost ? 'the store has no channel any more' : undefined
    return false
  }
  memory.channel = { kind: 'seen', ...seenIn(channel, memory.named), readAt }
  return true
}

/** What a channel says to a server that was rolled out for a config, or for none. */
export function seenIn(channel: Channel, named: ConfigRef | undefined): SeenChannel {
  const live = channel.live && { sha: channel.live.sha, seq: channel.live.seq }
  return { live, isNamedRejected: named !== undefined && isRejected(channel, named) }
}

async function noteOnDisk({ memory, disk, now }: Ports): Promise<void> {
  const { channel, confirmed } = memory
  const ref = confirmed?.ref
  const live = channel.kind === 'seen' ? channel.live : undefined
  if (ref !== undefined && live?.seq === ref.seq && live.sha === ref.sha)
    await disk.sawLive(ref, new Date(now()))
  // Whatever could not be fetched or written: the store is there again, and so must be the disk.
  if (memory.impaired !== undefined) await disk.update({})
  memory.impaired = undefined
}
