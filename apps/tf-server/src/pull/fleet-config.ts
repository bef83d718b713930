import { mapBounded } from '@drover/basics'
import {
  Bucket,
  bucketKey,
  type ConfigEntry,
  configKey,
  EMPTY_CONFIG,
  FleetConfig,
  type Models,
  sha256,
} from '@drover/model-config'
import type { z } from 'zod'
import { AgentError } from '../errors.ts'
import type { ObjectCache } from './objects.ts'
import type { Source } from './source.ts'

const BUCKETS_AT_ONCE = 16
const decoder = new TextDecoder('utf-8', { fatal: true })

/** A config as this server reads it: its models, and the objects that say so. */
export interface PulledConfig {
  models: Models
  objects: readonly string[]
}

/**
 * Reads a config: the root, and those of its buckets that are not in the cache yet. Throws
 * `IMPAIRED` when it cannot be had whole: no model is at fault for that.
 */
export async function pullConfig(
  cache: ObjectCache,
  source: Source,
  { fleet, sha }: { fleet: string; sha: string },
): Promise<PulledConfig> {
  if (sha === EMPTY_CONFIG.sha) return { models: {}, objects: [sha] }
  const root = await pullObject(cache, source, { key: configKey(fleet, sha), sha }, FleetConfig)
  const digests = Object.values(root.buckets)
  const models: Record<string, ConfigEntry> = {}
  await mapBounded(digests, BUCKETS_AT_ONCE, async (bucket) => {
    const key = bucketKey(fleet, bucket)
    Object.assign(models, (await pullObject(cache, source, { key, sha: bucket }, Bucket)).models)
  })
  return { models, objects: [sha, ...digests] }
}

async function pullObject<T>(
  cache: ObjectCache,
  source: Source,
  { key, sha }: { key: string; sha: string },
  schema: z.ZodType<T>,
): Promise<T> {
  const parse = (content: Uint8Array): T => schema.parse(JSON.parse(decoder.decode(content)))
  try {
    const cached = await cache.read(sha)
    if (cached !== undefined) return parse(cached)
    const { content, value } = await source.read(key, (read) => {
      if (sha256(read) !== sha) throw new RangeError('the content is not what its name says')
      return { content: read, value: parse(read) }
    })
    await cache.add(sha, content)
    return value
  } catch (cause) {
    throw new AgentError('IMPAIRED', `the config object ${key} cannot be had`, { cause })
  }
}
