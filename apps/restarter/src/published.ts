import {
  Bucket,
  bucketKey,
  bucketOf,
  Channel,
  channelKey,
  configKey,
  type ConfigRef,
  type Culprit,
  FleetConfig,
  isPending,
} from '@drover/model-config'
import {
  ModelStoreCode,
  ModelStoreError,
  type ModelStore,
  readStateJson,
  requireJson,
} from '@drover/model-store'

/** What the store says of a fleet. */
export interface Published {
  channel: Channel | undefined
  /** Known culprits that the candidate still holds, and why it cannot be read. */
  held: readonly Culprit[]
  fault: string | undefined
}

/** Reads the channel and, where a candidate waits and culprits are known, what it holds of them. */
export function makePublished(store: ModelStore, fleet: string) {
  let known: { key: string; culprits: Culprit[] } | undefined

  async function readHeld(channel: Channel): Promise<readonly Culprit[]> {
    const { candidate, rejected, rollout } = channel
    if (candidate === undefined || rollout !== undefined || !isPending(channel)) return []
    const key = `${candidate.sha} ${rejected.map(({ seq }) => seq).join(' ')}`
    if (known?.key !== key) {
      const culprits = rejected.flatMap((rejection) => rejection.culprits)
      known = { key, culprits: await findHeld(store, fleet, candidate, culprits) }
    }
    return known.culprits
  }

  /** Throws a ModelStoreError when the channel cannot be had. */
  return async (): Promise<Published> => {
    const channel = await readStateJson(store, channelKey(fleet), Channel)
    if (channel === undefined) return { channel, held: [], fault: undefined }
    try {
      return { channel, held: await readHeld(channel), fault: undefined }
    } catch (error) {
      const isAway = error instanceof ModelStoreError && error.code === ModelStoreCode.UNAVAILABLE
      if (isAway || !(error instanceof ModelStoreError)) throw error
      return { channel, held: [], fault: error.message }
    }
  }
}

/** Reads only the buckets in which the culprits could be. */
async function findHeld(
  store: ModelStore,
  fleet: string,
  { sha }: ConfigRef,
  culprits: readonly Culprit[],
): Promise<Culprit[]> {
  if (culprits.length === 0) return []
  const root = await requireJson(store, configKey(fleet, sha), FleetConfig)
  const indexOf = ({ name }: Culprit) => `${bucketOf(name, root.bucketBits)}`
  const digests = new Set(culprits.flatMap((each) => root.buckets[indexOf(each)] ?? []))
  const buckets = await Promise.all(
    Array.from(digests, async (digest) => {
      return await requireJson(store, bucketKey(fleet, digest), Bucket)
    }),
  )
  return culprits.filter(({ name, version, digest }) =>
    buckets.some(({ models }) =>
      models[name]?.versions.some((each) => each.version === version && each.manifest === digest),
    ),
  )
}
