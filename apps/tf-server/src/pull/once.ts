import { mapBounded, reasonOf } from '@drover/basics'
import { Channel, channelKey, type ConfigRef } from '@drover/model-config'
import { type ModelStore, readStateJson } from '@drover/model-store'
import { AgentError } from '../errors.ts'
import { seenIn } from '../look.ts'
import { startingConfig } from '../plan.ts'
import { pullConfig } from './fleet-config.ts'
import { openObjectCache } from './objects.ts'
import { makeSource, within } from './source.ts'
import { openServingTree } from './tree.ts'
import { openVersions } from './versions.ts'

const READ_MS_MAX = 10_000
const MODELS_AT_ONCE = 8

export interface PullOptions {
  store: ModelStore
  fleet: string
  /** The agent's folder. */
  cache: string
  cacheBytesMax: number
  /** The config that the server is rolled out for. */
  named: ConfigRef | undefined
}

/** What was brought here. */
export interface Pulled {
  /** Undefined for a channel that has no `live`, and none named: then nothing is to be had. */
  ref: ConfigRef | undefined
  versions: number
  /** Versions that are wrong in the store, and why. */
  faults: { name: string; version: number; why: string }[]
}

/**
 * Brings all that the first config of a server names, mostly `live`, into an agent's folder, every byte checked, for an agent that starts
 * after it: an init container, or a machine that is being prepared. Throws when the store, the
 * channel or the disk cannot be had; a version's own fault is told.
 */
export async function pullOnce(options: PullOptions): Promise<Pulled> {
  const { store, fleet, cache: folder, cacheBytesMax, named } = options
  const channel = await within(READ_MS_MAX, readStateJson(store, channelKey(fleet), Channel))
  if (channel === undefined) throw new AgentError('IMPAIRED', `there is no ${channelKey(fleet)}`)
  const ref = startingConfig(seenIn(channel, named), named)
  const pulled: Pulled = { ref, versions: 0, faults: [] }
  if (ref === undefined) return pulled
  const cache = await openObjectCache(folder, { bytesMax: cacheBytesMax })
  const tree = await openServingTree(folder)
  const source = makeSource(store, fleet)
  const versions = await openVersions(folder, { cache, tree, source })
  const { models } = await pullConfig(cache, source, { fleet, sha: ref.sha })
  const entries = Object.entries(models).flatMap(([name, entry]) =>
    entry.versions.map((version) => ({ name, version })),
  )
  await mapBounded(entries, MODELS_AT_ONCE, async (each) => {
    try {
      await versions.pull(each)
      pulled.versions++
    } catch (error) {
      if (!(error instanceof AgentError) || error.code !== 'FAULT') throw error
      const { name, version } = each
      pulled.faults.push({ name, version: version.version, why: reasonOf(error) })
    }
  })
  return pulled
}
