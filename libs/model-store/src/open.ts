import { z } from 'zod'
import { openPosixStore } from './posix.ts'
import { LIMITS_OF_CACHED } from './s3/attempts.ts'
import { openS3Store, type S3StoreOptions } from './s3/store.ts'
import { segmentsOf } from './location.ts'
import { ModelStoreCode, ModelStoreError, type ModelStore } from './store.ts'

const S3_SCHEME = /^s3:/i
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/
const Parameters = z.strictObject({
  endpoint: z.string().optional(),
  region: z
    .string()
    .regex(/^[a-z0-9-]{1,64}$/)
    .optional(),
  forcePathStyle: z.stringbool().optional(),
})

/** Whether a store's location is a bucket and not a directory. */
export const isS3Location = (location: string): boolean => S3_SCHEME.test(location)

/**
 * Where a store is: a directory, or `s3://bucket/prefix?endpoint=...&region=...&forcePathStyle=...`.
 * A location is written into logs, so one with credentials is refused, and never repeated.
 */
export const StoreLocation = z
  .string()
  .min(1)
  .superRefine((location, context) => {
    try {
      if (isS3Location(location)) parseS3Location(location)
    } catch (error) {
      const message = error instanceof ModelStoreError ? error.message : 'no location of a store'
      context.addIssue({ code: 'custom', message })
    }
  })

/**
 * Opens the store that a user named. Credentials for S3 come from the SDK's default chain only.
 * With `create: false`, for whoever only reads, an absent store is UNAVAILABLE and not made. With
 * `isCached`, for whoever can go on without the store, it is sooner given up that S3 answers.
 */
export async function openStore(
  location: string,
  { isCached = false, ...options }: { create?: boolean; isCached?: boolean } = {},
): Promise<ModelStore> {
  if (!isS3Location(location)) return await openPosixStore(location, options)
  const limits = isCached ? LIMITS_OF_CACHED : {}
  return await openS3Store({ ...parseS3Location(location), ...options, limits })
}

/** What a location says; INVALID, in words that repeat nothing of it, when it is no location. */
export function parseS3Location(location: string): S3StoreOptions {
  if (!URL.canParse(location)) throw refused('is no URL')
  const url = new URL(location)
  if (url.username !== '' || url.password !== '') throw refused('has credentials in it')
  if (url.port !== '' || url.hash !== '') throw refused('has more than bucket, prefix, parameters')
  if (!BUCKET.test(url.hostname)) throw refused('names no bucket')
  return { bucket: url.hostname, prefix: prefixOf(url), ...parametersOf(url) }
}

function prefixOf({ pathname }: URL): string {
  const prefix = decodeURIComponent(pathname.replace(/^\/|\/$/g, ''))
  if (prefix !== '') segmentsOf(prefix)
  return prefix
}

function parametersOf({ searchParams }: URL) {
  const entries = [...searchParams]
  const parsed = Parameters.safeParse(Object.fromEntries(entries))
  if (!parsed.success || new Set(entries.map(([name]) => name)).size < entries.length) {
    throw refused('may have the parameters endpoint, region and forcePathStyle, each once')
  }
  const { endpoint } = parsed.data
  if (endpoint !== undefined && !isEndpoint(endpoint)) {
    throw refused('has an endpoint that is no plain http or https address')
  }
  return parsed.data
}

function isEndpoint(endpoint: string): boolean {
  if (!URL.canParse(endpoint)) return false
  const url = new URL(endpoint)
  if (!/^https?:$/.test(url.protocol)) return false
  return [url.username, url.password, url.search, url.hash].every((part) => part === '')
}

function refused(why: string): ModelStoreError {
  return new ModelStoreError(ModelStoreCode.INVALID, `the location of a store on S3 ${why}`)
}
