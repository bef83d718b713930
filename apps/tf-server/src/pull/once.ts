import { Channel, channelKey, type ConfigRef } from '@drover/model-config'
import { type ModelStore, readStateJson } from '@drover/model-store'
import { mapBounded } from '@drover/service'
import { AgentError, chainOf } from '../errors.ts'
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
}

/** What was brought here. */
export interface Pulled {
  /** Undefined for a channel that has no `live`: then nothing is to be had. */
  ref: ConfigRef | undefined
  versions: number
  /** Versions that are wrong in the store, and why. */
  faults: { name: string; version: number; why: string }[]
}

/**
 * Brings all that `live` names into an agent's folder, every byte checked, for an agent that starts
 * after it: an init container, or a machine that is being prepared. Throws when the store, the
 * channel or the disk cannot be had; a version's own fault is told.
 */
export async function pullOnce(options: PullOptions): Promise<Pulled> {
  const { store, fleet, cache: folder, cacheBytesMax } = options
  const channel = await within(READ_MS_MAX, readStateJson(store, channelKey(fleet), Channel))
  if (channel === undefined) throw new AgentError('IMPAIRED', `there is no ${channelKey(fleet)}`)
  const { live } = channel
  const pulled: Pulled = { ref: live && { sha: live.sha, seq: live.seq }, versions: 0, faults: [] }
  if (live === undefined) return pulled
  const cache = await openObjectCache(folder, { bytesMax: cacheBytesMax })
  const tree = await openServingTree(folder)
  const source = makeSource(store, fleet)
  const versions = await openVersions(folder, { cache, tree, source })
  const { models } = await pullConfig(cache, source, { fleet, sha: live.sha })
  const named = Object.entries(models).flatMap(([name, entry]) =>
    entry.versions.map((version) => ({ name, version })),
  )
  await mapBounded(named, MODELS_AT_ONCE, async (each) => {
    try {
      await versions.pull(each)
      pulled.versions++
    } catch (error) {
      if (!(error instanceof AgentError) || error.code !== 'FAULT') throw error
      const { name, version } = each
      pulled.faults.push({ name, version: version.version, why: chainOf(error) })
    }
  })
  return pulled
}
