import { createWriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { dataKey, type DataRecord, dataRecordKey, type ModelId } from '@drover/model-config'
import { createJson, type ModelStore } from '@drover/model-store'
import { ApiError } from '@drover/service'
import { makeMeter } from './data.ts'
import { newId } from './ids.ts'

const UPLOADS_AT_ONCE_MAX = 16
/** One tenant, however slow its line, leaves the others theirs. */
const UPLOADS_OF_TENANT_MAX = 4
/** A body of which less than this comes in such a time is given up. */
const IDLE_MS_MAX = 30_000
const IDLE_BYTES_MIN = 1024
/** How long the rest of a refused body is read, so that its sender gets to see the answer. */
const DRAIN_MS_MAX = 10_000

export interface UploadPlaces {
  store: ModelStore
  now: () => number
  /** The folder for uploads under way. */
  workRoot: string
  bytesMax: number
  /** How long a body may bring next to nothing; half a minute unless told. */
  idleMs?: number
}

/**
 * Takes uploads: a body goes to a local file, is checked against the digest in its path, and only
 * then to the store, its record last. True: it was not there before.
 */
export function makeUploads(places: UploadPlaces) {
  const { store, now, workRoot, bytesMax, idleMs = IDLE_MS_MAX } = places
  /** The tenant of each upload under way. */
  const underWay: string[] = []
  const tooLarge = () => new ApiError(413, `an upload may have ${bytesMax} bytes at most`)

  async function take(
    body: IncomingMessage,
    { model, digest, path }: { model: ModelId; digest: string; path: string },
  ): Promise<boolean> {
    const given = await receive(body, path, { ...makeMeter(bytesMax, tooLarge), idleMs })
    if (given !== digest) {
      throw new ApiError(400, `the body has the sha256 ${given} and not ${digest}`)
    }
    const { sizeBytes, sha256 } = await store.createFile(dataKey(model, digest), path)
    if (sha256 !== digest) {
      throw new Error(`the store holds other bytes under the digest ${digest}: ${sha256}`)
    }
    const at = new Date(now()).toISOString()
    const record: DataRecord = { format: 1, sha256: digest, sizeBytes, at }
    return await createJson(store, dataRecordKey(model, digest), record)
  }

  return async (body: IncomingMessage, model: ModelId, digest: string): Promise<boolean> => {
    const path = join(workRoot, `upload-${newId(now())}`)
    underWay.push(model.tenant)
    const isMine = (tenant: string): boolean => tenant === model.tenant
    try {
      if (Number(body.headers['content-length'] ?? 0) > bytesMax) throw tooLarge()
      if (underWay.length > UPLOADS_AT_ONCE_MAX) {
        throw new ApiError(429, 'too many uploads: try again')
      }
      if (underWay.filter(isMine).length > UPLOADS_OF_TENANT_MAX) {
        const message = `${model.tenant} has ${UPLOADS_OF_TENANT_MAX} uploads under way: try again`
        throw new ApiError(429, message)
      }
      return await take(body, { model, digest, path })
    } catch (error) {
      drain(body)
      throw error
    } finally {
      underWay.splice(underWay.indexOf(model.tenant), 1)
      await rm(path, { force: true })
    }
  }
}

export type Uploads = ReturnType<typeof makeUploads>

/** Writes a body to a file and says its digest. Not by `pipeline`, which cuts the connection. */
async function receive(
  body: IncomingMessage,
  path: string,
  { stream, digest, sizeBytes, idleMs }: ReturnType<typeof makeMeter> & { idleMs: number },
): Promise<string> {
  let before = 0
  const watch = setInterval(() => {
    if (!body.readableEnded && sizeBytes() - before < IDLE_BYTES_MIN) {
      stream.destroy(new ApiError(408, 'the body comes too slowly'))
    }
    before = sizeBytes()
  }, idleMs)
  const cut = () => {
    if (!body.readableEnded) stream.destroy(new ApiError(400, 'the body ended too early'))
  }
  body.once('error', cut).once('close', cut)
  body.pipe(stream)
  try {
    await pipeline(stream, createWriteStream(path, { flags: 'wx' }))
    return digest()
  } finally {
    clearInterval(watch)
  }
}

function drain(body: IncomingMessage): void {
  if (body.readableEnded || body.destroyed) return
  body.unpipe()
  body.resume()
  const timer = setTimeout(() => body.destroy(), DRAIN_MS_MAX).unref()
  body.once('close', () => clearTimeout(timer))
}
