import { z } from 'zod'
import { canonicalJson, sha256 } from './canonical.ts'
import { Digest, ServedName, Version } from './names.ts'

export const BUCKET_BITS = 9
const BUCKET_BITS_MAX = 16
const VERSIONS_MAX = 4
const LABELS_MAX = 16

/** One version of a model in a config: everything a server needs to fetch and to check it. */
export const ConfigVersion = z.strictObject({
  version: Version,
  /** The digest in the version's manifest. */
  manifest: Digest,
  /** Which verdict stood when it was published, and the digest of what the gate made with it. */
  verdict: z.int().positive(),
  made: Digest,
})
export type ConfigVersion = z.output<typeof ConfigVersion>

/** A record would drop the one key that it cannot hold without a word. */
const Labels = z
  .custom<unknown>(
    (labels) => !Object.hasOwn(Object(labels), '__proto__'),
    'a label is anything but __proto__',
  )
  .pipe(
    z
      .record(z.string().regex(/^[a-zA-Z0-9_]{1,63}$/), Version)
      .refine((labels) => Object.keys(labels).length <= LABELS_MAX, `at most ${LABELS_MAX} labels`),
  )
  .default({})

/** A model in a config, highest version first. */
export const ConfigEntry = z.strictObject({
  /** Whose versions they are: the model's `born`, so that no server keeps those of an old owner. */
  born: z.int().positive(),
  versions: z.array(ConfigVersion).min(1).max(VERSIONS_MAX),
  labels: Labels,
})
export type ConfigEntry = z.output<typeof ConfigEntry>

/** `fleets/<fleet>/buckets/<sha256>.json`: the models whose names hash there, by served name. */
export const Bucket = z.strictObject({
  format: z.literal(1),
  models: z.record(ServedName, ConfigEntry),
})
export type Bucket = z.output<typeof Bucket>

/** `fleets/<fleet>/configs/<sha256>.json`: the root. A bucket that is not listed is empty. */
export const FleetConfig = z.strictObject({
  format: z.literal(1),
  bucketBits: z.int().min(0).max(BUCKET_BITS_MAX),
  buckets: z.record(z.string().regex(/^(0|[1-9]\d*)$/), Digest),
  models: z.int().nonnegative(),
})
export type FleetConfig = z.output<typeof FleetConfig>

/** A whole config in memory: served name to entry. */
export type Models = Readonly<Record<string, ConfigEntry>>

/** Which bucket a model is in: the first bits of the sha256 of its served name. */
export function bucketOf(name: string, bucketBits: number = BUCKET_BITS): number {
  return bucketBits === 0 ? 0 : Number.parseInt(sha256(name).slice(0, 8), 16) >>> (32 - bucketBits)
}

/** An object to store, under the digest of its text. */
export interface Rendered {
  sha: string
  text: string
}

/** The buckets and the root of a config, as they are stored. The same models give the same texts. */
export function renderConfig(models: Models, bucketBits: number = BUCKET_BITS) {
  const byBucket = groupByBucket(Object.keys(models), bucketBits)
  const buckets = new Map<number, Rendered>()
  for (const [index, names] of byBucket) {
    const entries = Object.fromEntries(names.map((name) => [name, models[name]]))
    buckets.set(index, render({ format: 1, models: entries }))
  }
  const digests = Object.fromEntries(Array.from(buckets, ([index, { sha }]) => [index, sha]))
  const root = render({
    format: 1,
    bucketBits,
    buckets: digests,
    models: Object.keys(models).length,
  })
  return { root, buckets }
}

function groupByBucket(names: readonly string[], bucketBits: number): Map<number, string[]> {
  const groups = new Map<number, string[]>()
  for (const name of names) {
    const index = bucketOf(name, bucketBits)
    const group = groups.get(index)
    if (group === undefined) groups.set(index, [name])
    else group.push(name)
  }
  return groups
}

function render(value: object): Rendered {
  const text = canonicalJson(value)
  return { sha: sha256(text), text }
}

/** The config that has no models, which a channel without `live` means. */
export const EMPTY_CONFIG = renderConfig({}).root

/** What changes between two configs. */
export interface ConfigDifference {
  /** Models whose entry is new or another. */
  upserts: Record<string, ConfigEntry>
  removes: string[]
}

const textOf = (entry: ConfigEntry | undefined): string | undefined => entry && canonicalJson(entry)

/** What has to be done to a server that runs `from` so that it runs `to`. */
export function differenceOf(from: Models, to: Models): ConfigDifference {
  const upserts = Object.entries(to).filter(
    ([name, entry]) => from[name] !== entry && textOf(from[name]) !== textOf(entry),
  )
  return {
    upserts: Object.fromEntries(upserts),
    removes: Object.keys(from).filter((name) => to[name] === undefined),
  }
}
