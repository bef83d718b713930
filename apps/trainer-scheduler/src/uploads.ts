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
/** How long the rest of a refused body is read, so that its sender gets to see the answer. */
const DRAIN_MS_MAX = 10_000

export interface UploadPlaces {
  store: ModelStore
  now: () => number
  /** The folder for uploads under way. */
  workRoot: string
  bytesMax: number
}

/**
 * Takes uploads: a body goes to a local file, is checked against the digest in its path, and only
 * then to the store, its record last. True: it was not there before.
 */
export function makeUploads({ store, now, workRoot, bytesMax }: UploadPlaces) {
  let underWay = 0
  const tooLarge = () => new ApiError(413, `an upload may have ${bytesMax} bytes at most`)

  async function take(
    body: IncomingMessage,
    { model, digest, path }: { model: ModelId; digest: string; path: string },
  ): Promise<boolean> {
    const given = await receive(body, path, makeMeter(bytesMax, tooLarge))
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
    underWay++
    try {
      if (Number(body.headers['content-length'] ?? 0) > bytesMax) throw tooLarge()
      if (underWay > UPLOADS_AT_ONCE_MAX) throw new ApiError(429, 'too many uploads: try again')
      return await take(body, { model, digest, path })
    } catch (error) {
      drain(body)
      throw error
    } finally {
      underWay--
      await rm(path, { force: true })
    }
  }
}

export type Uploads = ReturnType<typeof makeUploads>

/** Writes a body to a file and says its digest. Not by `pipeline`, which cuts the connection. */
async function receive(
  body: IncomingMessage,
  path: string,
  { stream, digest }: ReturnType<typeof makeMeter>,
): Promise<string> {
  const cut = () => {
    if (!body.readableEnded) stream.destroy(new ApiError(400, 'the body ended too early'))
  }
  body.once('error', cut).once('close', cut)
  body.pipe(stream)
  await pipeline(stream, createWriteStream(path, { flags: 'wx' }))
  return digest()
}

function drain(body: IncomingMessage): void {
  if (body.readableEnded || body.destroyed) return
  body.unpipe()
  body.resume()
  const timer = setTimeout(() => body.destroy(), DRAIN_MS_MAX).unref()
  body.once('close', () => clearTimeout(timer))
}
