import { createHash, randomUUID } from 'node:crypto'
import { addAbortSignal, Readable } from 'node:stream'
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  type ListObjectsV2CommandOutput,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import { ModelStoreCode, ModelStoreError, OBJECT_BYTES_MAX } from '../store.ts'
import { type Limits, type Patience, retry } from './attempts.ts'
import { S3Failure, toFailure } from './failure.ts'

const PAGES_MAX = 10_000
/** The object's metadata in which its writer is known again. */
const ATTEMPT = 'drover-attempt'

/** Where the objects of a store are. */
export interface Place {
  client: S3Client
  bucket: string
  /** Empty, or ending in a slash. */
  prefix: string
  limits: Limits
}

/** What must hold for an object to be written: that there is none, or that it is still this one. */
export type Condition = { absent: true } | { etag: string }

/** A body that can be sent again from its start. */
export interface Body {
  sizeBytes: number
  md5: string
  open: (sent: () => void) => Uint8Array | Readable
}

export interface Found {
  content: Uint8Array
  etag: string
}

export function bodyOf(content: string | Uint8Array): Body {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content
  const md5 = createHash('md5').update(bytes).digest('base64')
  return { sizeBytes: bytes.length, md5, open: () => bytes }
}

const at = ({ bucket, prefix }: Place, key: string) => ({ Bucket: bucket, Key: `${prefix}${key}` })

async function absentIs404<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call
  } catch (error) {
    const failure = toFailure(error)
    if (failure.isAbsence) return undefined
    throw failure
  }
}

/** The size of an object and who wrote it; undefined when there is none. */
export async function head(place: Place, key: string) {
  return await retry(place.limits, async ({ signal }) => {
    const command = new HeadObjectCommand(at(place, key))
    const found = await absentIs404(place.client.send(command, { abortSignal: signal }))
    return found && { attempt: found.Metadata?.[ATTEMPT] }
  })
}

/** Begins to read an object; undefined when there is none. */
export async function open(
  place: Place,
  key: string,
  { signal }: Patience,
  resume?: { offset: number; etag: string },
) {
  const from = resume && { Range: `bytes=${resume.offset}-`, IfMatch: resume.etag }
  const command = new GetObjectCommand({ ...at(place, key), ...from })
  const found = await absentIs404(place.client.send(command, { abortSignal: signal }))
  if (found === undefined) return undefined
  const { Body: body, ETag: etag, ContentLength: sizeBytes, ContentRange: range } = found
  if (!(body instanceof Readable) || etag === undefined || sizeBytes === undefined) {
    throw new S3Failure({ name: 'IncompleteAnswer' })
  }
  return { body: addAbortSignal(signal, body), etag, sizeBytes, range }
}

/** The chunks of a body; it fails when there are fewer bytes than were announced. */
export async function* chunksOf(
  { body, sizeBytes }: { body: Readable; sizeBytes: number },
  { renew }: Patience,
): AsyncGenerator<Uint8Array> {
  let taken = 0
  try {
    for await (const chunk of body) {
      const bytes: unknown = chunk
      if (!(bytes instanceof Uint8Array)) throw new S3Failure({ name: 'NoBytes' })
      renew()
      taken += bytes.length
      yield bytes
    }
  } finally {
    body.destroy()
  }
  if (taken !== sizeBytes) throw new S3Failure({ name: 'CutOff' })
}

/** The whole of an object; undefined when there is none. */
export async function get(place: Place, key: string): Promise<Found | undefined> {
  return await retry(place.limits, async (patience) => {
    const found = await open(place, key, patience)
    if (found === undefined) return undefined
    if (found.sizeBytes > OBJECT_BYTES_MAX) {
      found.body.destroy()
      const message = `${key} has ${found.sizeBytes} bytes; at most ${OBJECT_BYTES_MAX} are read into memory`
      throw new ModelStoreError(ModelStoreCode.CORRUPT, message)
    }
    const chunks: Uint8Array[] = []
    for await (const chunk of chunksOf(found, patience)) chunks.push(chunk)
    return { content: Buffer.concat(chunks), etag: found.etag }
  })
}

/** One attempt to write; gives the new ETag. A refusal is a failure with the status 412. */
export async function putOnce(
  place: Place,
  key: string,
  write: { body: Body; condition: Condition; attempt: string },
  { signal, renew }: Patience,
): Promise<string | undefined> {
  const { body, condition, attempt } = write
  const content = body.open(renew)
  const command = new PutObjectCommand({
    ...at(place, key),
    Body: content,
    ContentLength: body.sizeBytes,
    // The store refuses what is torn or changed on its way.
    ContentMD5: body.md5,
    Metadata: { [ATTEMPT]: attempt },
    ...('absent' in condition ? { IfNoneMatch: '*' } : { IfMatch: condition.etag }),
  })
  try {
    return (await place.client.send(command, { abortSignal: signal })).ETag
  } finally {
    if (content instanceof Readable) content.destroy()
  }
}

/**
 * Writes an object under a condition. False: it did not hold. A 412 that follows an attempt whose
 * answer was lost may be the answer to our own success, so then `isOwn` looks who wrote.
 */
export async function putIf(
  place: Place,
  key: string,
  {
    isOwn,
    ...write
  }: { body: Body; condition: Condition; attempt: string } & {
    isOwn: () => Promise<boolean>
  },
): Promise<boolean> {
  let mayBeDone = false
  return await retry(place.limits, async (patience) => {
    try {
      await putOnce(place, key, write, patience)
      return true
    } catch (error) {
      const failure = toFailure(error)
      if (failure.status === 412 || (failure.isAbsence && 'etag' in write.condition)) {
        return mayBeDone && (await isOwn())
      }
      mayBeDone ||= failure.mayBeDone
      throw failure
    }
  })
}

/** Creates an object if it is absent. */
export async function putNew(place: Place, key: string, body: Body): Promise<boolean> {
  const attempt = randomUUID()
  const isOwn = async () => (await head(place, key))?.attempt === attempt
  return await putIf(place, key, { body, condition: { absent: true }, attempt, isOwn })
}

/** Removes what nobody else knows of. */
export async function remove(place: Place, key: string): Promise<void> {
  await retry(place.limits, async ({ signal }) => {
    await place.client.send(new DeleteObjectCommand(at(place, key)), { abortSignal: signal })
  })
}

/** Whether an object has a key that begins so. */
export async function hasKeysBelow(place: Place, folder: string): Promise<boolean> {
  return (await page(place, folder, { MaxKeys: 1 })).some(({ Key: key }) => key !== undefined)
}

async function page(place: Place, folder: string, more: { MaxKeys: number }) {
  const Prefix = `${place.prefix}${folder}`
  const command = new ListObjectsV2Command({ Bucket: place.bucket, Prefix, ...more })
  const { Contents: contents } = await retry(
    place.limits,
    async ({ signal }) => await place.client.send(command, { abortSignal: signal }),
  )
  // Some gateways show a folder that holds nothing as a key that ends in a slash.
  return (contents ?? []).filter(({ Key: key }) => key?.endsWith('/') === false)
}

/** The names directly below a folder, which is empty or ends in a slash. */
export async function namesBelow(place: Place, folder: string): Promise<string[]> {
  const found = await listBelow(place, folder, { Delimiter: '/' })
  return [...new Set(found.map((name) => name.replace(/\/$/, '')))].filter((name) => name !== '')
}

/** What follows in the keys of all objects below a folder, which ends in a slash. */
export async function keysBelow(place: Place, folder: string): Promise<string[]> {
  const found = await listBelow(place, folder, {})
  // Some gateways show a folder that holds nothing as a key that ends in a slash.
  return found.filter((name) => name !== '' && !name.endsWith('/'))
}

async function listBelow(
  place: Place,
  folder: string,
  how: { Delimiter?: string },
): Promise<string[]> {
  const names: string[] = []
  const Prefix = `${place.prefix}${folder}`
  let token: string | undefined
  for (let pages = 0; pages < PAGES_MAX; pages++) {
    const command = new ListObjectsV2Command({
      Bucket: place.bucket,
      Prefix,
      ...how,
      // XML has no way to write some characters that keys may have.
      EncodingType: 'url',
      ...(token !== undefined && { ContinuationToken: token }),
    })
    const found = await retry(
      place.limits,
      async ({ signal }) => await place.client.send(command, { abortSignal: signal }),
    )
    for (const key of keysIn(found)) names.push(key.slice(Prefix.length))
    token = found.NextContinuationToken
    if (found.IsTruncated !== true || token === undefined) return names
  }
  throw new ModelStoreError(ModelStoreCode.UNAVAILABLE, `${folder} has over ${PAGES_MAX} pages`)
}

function keysIn(found: ListObjectsV2CommandOutput): string[] {
  const keys = [
    ...(found.Contents ?? []).map(({ Key: key }) => key),
    ...(found.CommonPrefixes ?? []).map(({ Prefix: prefix }) => prefix),
  ].filter((key) => key !== undefined)
  if (found.EncodingType !== 'url') return keys
  return keys.map((key) => decodeURIComponent(key.replaceAll('+', ' ')))
}
