import { createHash } from 'node:crypto'
import { constants, createWriteStream } from 'node:fs'
import { open, realpath } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type Data, dataKey, DataRecord, dataRecordKey, type ModelId } from '@drover/model-config'
import { type ModelStore, readJson } from '@drover/model-store'
import { z } from 'zod'
import { RunFailure } from './failure.ts'

const READ_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
const ABSENT = new Set(['ENOENT', 'ENOTDIR', 'ELOOP'])

const SystemError = z.object({ code: z.string() })

/** Where data comes from. */
export interface DataPlaces {
  store: ModelStore
  /** The folder with one sub-folder for each tenant. */
  dataRoot: string | undefined
  bytesMax: number
}

/** How data is called in messages. */
export function describeData(data: Data | undefined): string {
  if (data === undefined) return 'the data'
  if ('file' in data) return data.file
  return data.name ?? `the upload ${data.upload.slice(0, 12)}`
}

/**
 * Copies a run's data to a local file and says its digest. What is not there, not whole or not
 * allowed is a `RunFailure` of class data, which names it.
 */
export async function fetchData(
  places: DataPlaces,
  model: ModelId,
  data: Data,
  path: string,
): Promise<string> {
  if ('file' in data) {
    return await copyFile(await resolveDataFile(places.dataRoot, model.tenant, data.file), path, {
      name: data.file,
      bytesMax: places.bytesMax,
    })
  }
  const record = await findUpload(places.store, model, data.upload)
  if (record === undefined) {
    throw new RunFailure('data', `${describeData(data)} is not in the store`)
  }
  await places.store.fetchFile(dataKey(model, data.upload), path, record)
  return record.sha256
}

/** What is known of a whole upload; undefined when there is none. */
export async function findUpload(
  store: ModelStore,
  model: ModelId,
  digest: string,
): Promise<{ sha256: string; sizeBytes: number } | undefined> {
  const record = await readJson(store, dataRecordKey(model, digest), DataRecord)
  return record === undefined ? undefined : { sha256: record.sha256, sizeBytes: record.sizeBytes }
}

/** Where a `file` of a spec really is. A `RunFailure` when it is absent or outside of the tenant's folder. */
export async function resolveDataFile(
  root: string | undefined,
  tenant: string,
  file: string,
): Promise<string> {
  if (root === undefined) throw new RunFailure('data', `${file}: there is no data folder here`)
  try {
    const folder = await realpath(join(root, tenant))
    const path = await realpath(join(folder, file))
    if (path.startsWith(`${folder}${sep}`)) return path
  } catch (cause) {
    throw toFailure(cause, file)
  }
  throw new RunFailure('data', `${file} is outside of the data folder of ${tenant}`)
}

async function copyFile(
  from: string,
  to: string,
  { name, bytesMax }: { name: string; bytesMax: number },
): Promise<string> {
  const source = await open(from, READ_FLAGS).catch((cause: unknown) => {
    throw toFailure(cause, name)
  })
  try {
    if (!(await source.stat()).isFile()) throw new RunFailure('data', `${name} is not a file`)
    const meter = makeMeter(bytesMax, () => {
      return new RunFailure('data', `${name} is larger than ${bytesMax} bytes`)
    })
    await pipeline(
      source.createReadStream({ autoClose: false }),
      meter.stream,
      createWriteStream(to, { flags: 'wx' }),
    )
    return meter.digest()
  } finally {
    await source.close()
  }
}

function toFailure(cause: unknown, name: string): RunFailure {
  const error = SystemError.safeParse(cause)
  const isAbsent = error.success && ABSENT.has(error.data.code)
  return isAbsent
    ? new RunFailure('data', `${name} does not exist`, { cause })
    : new RunFailure('transient', `${name} cannot be read now`, { cause })
}

/** A stream that passes bytes on, counts and digests them, and fails with `tooLarge` past the limit. */
export function makeMeter(bytesMax: number, tooLarge: () => Error) {
  const hash = createHash('sha256')
  let sizeBytes = 0
  const stream = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      sizeBytes += chunk.length
      if (sizeBytes > bytesMax) return done(tooLarge())
      hash.update(chunk)
      done(null, chunk)
    },
  })
  return { stream, digest: () => hash.digest('hex'), sizeBytes: () => sizeBytes }
}
