import { mapBounded } from '@drover/basics'
import {
  Bucket,
  bucketKey,
  Channel,
  channelKey,
  configKey,
  type ConfigEntry,
  Controls,
  controlsKey,
  FleetConfig,
  Manifest,
  manifestKey,
  type ModelId,
  modelsPrefix,
  type Models,
  Name,
  Tenant,
  tenantKey,
  tenantsPrefix,
  Verdict,
  verdictKey,
  type VersionRecord,
  verdictsOfModelPrefix,
} from '@drover/model-config'
import {
  ModelStoreCode,
  ModelStoreError,
  type ModelStore,
  readJson,
  readStateJson,
  requireJson,
} from '@drover/model-store'
import type { z } from 'zod'

/** So many manifests, verdicts and buckets, which never change, are kept in memory. */
const CACHED_MAX = 20_000
/** How many whole configs are. */
export const CONFIGS_CACHED_MAX = 8
const READS_AT_ONCE = 16

/** A fleet config as it was stored. */
export interface StoredConfig {
  root: FleetConfig
  models: Models
}

/** What a fleet runs when there is no config at all. */
export const NO_CONFIG: StoredConfig = {
  root: { format: 1, bucketBits: 0, buckets: {}, models: 0 },
  models: {},
}

/** Reads of the store, by what is read rather than by key. Each call reads anew what can change. */
export interface Records {
  channel(fleet: string): Promise<Channel | undefined>
  tenant(tenant: string): Promise<Tenant | undefined>
  controls(tenant: string): Promise<Controls | undefined>
  /** Every number that was taken, in rising order. */
  versions(id: ModelId): Promise<VersionRecord[]>
  /** NOT_FOUND when the root or one of its buckets is gone. */
  config(fleet: string, sha: string): Promise<StoredConfig>
  tenantNames(): Promise<string[]>
  fleetNames(): Promise<string[]>
}

export function makeRecords(store: ModelStore): Records {
  const manifests = makeCache(store, Manifest, CACHED_MAX)
  const verdictsOf = makeCache(store, Verdict, CACHED_MAX)
  const buckets = makeCache(store, Bucket, CACHED_MAX)
  const configs = new Map<string, StoredConfig>()

  async function version(
    id: ModelId,
    number: number,
    judged: readonly number[],
  ): Promise<VersionRecord> {
    const manifest = await manifests.read(manifestKey(id, number))
    const verdicts = await mapBounded(judged, READS_AT_ONCE, async (n) => {
      return await verdictsOf.read(verdictKey(id, number, n))
    })
    return {
      version: number,
      manifest,
      verdicts: verdicts.filter((verdict) => verdict !== undefined),
    }
  }

  /** In two listings, however many versions there are: a model that is trained every hour has thousands. */
  async function versions(id: ModelId): Promise<VersionRecord[]> {
    const [names, paths] = await Promise.all([
      store.list(modelsPrefix(id)),
      store.listDeep(verdictsOfModelPrefix(id)),
    ])
    const judged = byFolder(paths)
    return await mapBounded(numbersIn(names, ''), READS_AT_ONCE, async (number) => {
      return await version(id, number, numbersIn(judged.get(`${number}`) ?? [], '.json'))
    })
  }

  async function readConfig(fleet: string, sha: string): Promise<StoredConfig> {
    const root = await requireJson(store, configKey(fleet, sha), FleetConfig)
    const models: Record<string, ConfigEntry> = {}
    await mapBounded(Object.values(root.buckets), READS_AT_ONCE, async (digest) => {
      const key = bucketKey(fleet, digest)
      const bucket = await buckets.read(key)
      if (bucket === undefined) {
        throw new ModelStoreError(ModelStoreCode.NOT_FOUND, `${key} is missing`)
      }
      Object.assign(models, bucket.models)
    })
    return { root, models }
  }

  return {
    channel: async (fleet) => await readStateJson(store, channelKey(fleet), Channel),
    tenant: async (tenant) => await readStateJson(store, tenantKey(tenant), Tenant),
    controls: async (tenant) => await readStateJson(store, controlsKey(tenant), Controls),
    versions,
    config: async (fleet, sha) => {
      const name = `${fleet}/${sha}`
      const config = configs.get(name) ?? (await readConfig(fleet, sha))
      keepNewest(configs, name, config, CONFIGS_CACHED_MAX)
      return config
    },
    tenantNames: async () => namesIn(await store.list(tenantsPrefix), '.json'),
    fleetNames: async () => namesIn(await store.list('fleets'), ''),
  }
}

/** Names with that ending; others do not belong to the protocol and are passed over. */
function namesIn(names: readonly string[], ending: string): string[] {
  return names
    .filter((name) => name.endsWith(ending))
    .map((name) => name.slice(0, name.length - ending.length))
    .filter((name) => Name.safeParse(name).success)
}

/** What is in each folder, by the rest of its path. */
function byFolder(paths: readonly string[]): Map<string, string[]> {
  const found = new Map<string, string[]>()
  for (const path of paths) {
    const slash = path.indexOf('/')
    const [folder, rest] = [path.slice(0, slash), path.slice(slash + 1)]
    const rests = found.get(folder)
    if (rests === undefined) found.set(folder, [rest])
    else rests.push(rest)
  }
  return found
}

function numbersIn(names: readonly string[], ending: string): number[] {
  return namesIn(names, ending)
    .filter((name) => /^[1-9]\d*$/.test(name))
    .map(Number)
    .filter(Number.isSafeInteger)
    .toSorted((a, b) => a - b)
}

/** Objects that do not change once they are there, the ones used last. Absent ones may come. */
function makeCache<T>(store: ModelStore, schema: z.ZodType<T>, max: number) {
  const values = new Map<string, T>()
  return {
    async read(key: string): Promise<T | undefined> {
      const value = values.get(key) ?? (await readJson(store, key, schema))
      if (value !== undefined) keepNewest(values, key, value, max)
      return value
    },
  }
}

function keepNewest<T>(values: Map<string, T>, key: string, value: T, max: number): void {
  values.delete(key)
  values.set(key, value)
  for (const oldest of values.keys()) {
    if (values.size <= max) return
    values.delete(oldest)
  }
}
