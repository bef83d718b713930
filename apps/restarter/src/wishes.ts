import { randomUUID } from 'node:crypto'
import { Channel, channelKey, type ServerState } from '@drover/model-config'
import { type ModelStore, readStateJson, swapJson } from '@drover/model-store'
import { ApiError } from '@drover/service'
import { audit } from './audit.ts'
import { type Change, nextChannel } from './observed.ts'

const TRIES_MAX = 20

const DRY_RUN =
  'this restarter runs dry (DROVER_DRY_RUN): it writes nothing, so it cannot take a wish'

/**
 * What people ask of a fleet: written to the channel at once, obeyed by whoever has the right. In a
 * dry run each is refused.
 */
export function makeWishes(store: ModelStore, fleet: string, dryRun = false) {
  async function write(what: string, why: string, change: (channel: Channel) => Change) {
    if (dryRun) throw new ApiError(409, DRY_RUN)
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const channel = await readStateJson(store, channelKey(fleet), Channel)
      if (channel === undefined) {
        throw new ApiError(503, `fleet ${fleet} has no channel yet: its publisher creates it`)
      }
      const next = nextChannel(channel, change(channel), `restarter/${randomUUID()}`)
      if (!(await swapJson(store, channelKey(fleet), channel.seq, next))) continue
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

    async unfreeze(): Promise<void> {
      await write('unfreeze', '', () => ({ freeze: undefined }))
    },
  }
}

export type Wishes = ReturnType<typeof makeWishes>
