import { randomUUID } from 'node:crypto'
import {
  Channel,
  channelKey,
  configKey,
  type ConfigRef,
  FleetConfig,
  type ServerState,
} from '@drover/model-config'
import { type ModelStore, readJson, readStateJson } from '@drover/model-store'
import { ApiError } from '@drover/service'
import { audit } from './audit.ts'
import type { Change } from './observed.ts'
import { swapChannel } from './swap.ts'

const TRIES_MAX = 20

const DRY_RUN =
  'this restarter runs dry (DROVER_DRY_RUN): it writes nothing, so it cannot take a wish'

/**
 * What people ask of a fleet: written to the channel at once, obeyed by whoever has the right. In a
 * dry run each is refused.
 */
export function makeWishes(store: ModelStore, fleet: string, dryRun = false) {
  async function write(
    what: string,
    why: string,
    change: (channel: Channel) => Change | Promise<Change>,
  ) {
    if (dryRun) throw new ApiError(409, DRY_RUN)
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const channel = await readStateJson(store, channelKey(fleet), Channel)
      if (channel === undefined) {
        throw new ApiError(503, `fleet ${fleet} has no channel yet: its publisher creates it`)
      }
      const next = await swapChannel(store, fleet, channel, await change(channel))
      if (next === undefined) continue
      const at = new Date().toISOString()
      const { seq } = next
      await audit(store, fleet, `${what}.${seq}`, { seq, at, what, why, by: 'person' })
      return next
    }
    throw new ApiError(503, 'the channel moves too fast; try again')
  }

  return {
    /** Every server that runs now is to be recycled once. */
    async restart(why: string, states: readonly ServerState[]) {
      const recycles = Object.fromEntries(states.map((each) => [each.server, each.recycles]))
      const wish = randomUUID()
      const at = new Date().toISOString()
      const { restart } = await write('restart', why, ({ restart: { count } }) => ({
        restart: { count: count + 1, wish, at, why, recycles },
      }))
      return restart
    },

    /** No recycling until then. Rollouts go on: a rollback is one. */
    async freeze(until: string, why: string) {
      const { freeze } = await write('freeze', why, () => ({
        freeze: { by: 'person', until, why },
      }))
      return freeze
    },

    /**
     * The fleet is to serve a config again that was live before: the last one unless told. The
     * publisher carries it out.
     */
    async undo(seq: number | undefined, why: string) {
      const { undo } = await write('undo', why, async (channel) => {
        const { sha, seq: found } = targetOf(channel, seq)
        // One that cannot be read would hold up every publication of the fleet.
        const root = await readJson(store, configKey(fleet, sha), FleetConfig)
        if (root === undefined)
          throw new ApiError(409, `config ${found} is not in the store any more`)
        return { undo: { sha, seq: found, by: 'person', why, asked: channel.seq + 1 } }
      })
      return undo
    },

    /** Takes an undo back that the publisher did not carry out yet. */
    async withdraw(): Promise<void> {
      await write('undo withdrawn', '', () => ({ undo: undefined }))
    },

    async unfreeze(): Promise<void> {
      await write('unfreeze', '', () => ({ freeze: undefined }))
    },
  }
}

/** The config of an undo; throws an `ApiError` that lists those that there are. */
function targetOf({ live, previous }: Channel, seq: number | undefined): ConfigRef {
  // A config that was published again under another seq is no way back.
  const found = previous.find((each) =>
    seq === undefined ? each.sha !== live?.sha : each.seq === seq,
  )
  if (found !== undefined) return found
  if (previous.length === 0 || seq === undefined) {
    throw new ApiError(409, 'no other config was live before')
  }
  const known = previous.map((each) => `${each.seq} (${each.at})`).join(', ')
  const what = seq === live?.seq ? 'is live now' : 'is not among the last that were live'
  throw new ApiError(409, `config ${seq} ${what}; there are ${known}`)
}

export type Wishes = ReturnType<typeof makeWishes>
