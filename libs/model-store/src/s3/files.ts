import { createHash } from 'node:crypto'
import * as fs from 'node:fs/promises'
import { Readable } from 'node:stream'
import type { FileEntry } from '@drover/model-config'
import { corrupt } from '../checks.ts'
import { codeOf, invalid, toStoreError } from '../failure.ts'
import { type Held, openObject, readThrough } from '../files.ts'
import { ModelStoreCode, ModelStoreError } from '../store.ts'
import { type Limits, type Patience, retry } from './attempts.ts'
import { S3Failure, toFailure } from './failure.ts'
import { type Body, chunksOf, open, type Place, putNew } from './objects.ts'

/** More would have to be sent in parts, whose completion not every store makes conditional. */
const UPLOAD_BYTES_MAX = 5 * 1024 ** 3
/** What a connection gives at the least, on the whole. */
const BYTES_PER_MS_MIN = 256
const CONNECTIONS_MAX = 20
const CHUNK_BYTES = 256 * 1024

type Expected = Omit<FileEntry, 'path'>

const forBytes = (limits: Limits, sizeBytes: number): Limits => ({
  ...limits,
  wholeMs: limits.wholeMs + Math.ceil(sizeBytes / BYTES_PER_MS_MIN),
})

/** Uploads a file, create-if-absent. Undefined: there was an object already. */
export async function upload(place: Place, key: string, path: string): Promise<Held | undefined> {
  const source = await openObject(path)
  if (source === undefined) {
    throw new ModelStoreError(ModelStoreCode.NOT_FOUND, `there is no file ${path}`)
  }
  try {
    const md5 = createHash('md5')
    const held = await readThrough(source, async (chunk) => void md5.update(chunk))
    if (held.sizeBytes > UPLOAD_BYTES_MAX) throw invalid(key, `would have ${held.sizeBytes} bytes`)
    const body = fileBody(source, held.sizeBytes, md5.digest('base64'))
    const limits = forBytes(place.limits, held.sizeBytes)
    return (await putNew({ ...place, limits }, key, body)) ? held : undefined
  } finally {
    await source.close()
  }
}

function fileBody(source: fs.FileHandle, sizeBytes: number, md5: string): Body {
  async function* chunks(sent: () => void): AsyncGenerator<Uint8Array> {
    for (let position = 0; position < sizeBytes;) {
      const length = Math.min(CHUNK_BYTES, sizeBytes - position)
      const buffer = Buffer.allocUnsafe(length)
      const { bytesRead } = await source.read(buffer, 0, length, position)
      // The file has become shorter; the store refuses what has not the announced length.
      if (bytesRead === 0) return
      position += bytesRead
      sent()
      yield buffer.subarray(0, bytesRead)
    }
  }
  const empty = new Uint8Array()
  const stream = (sent: () => void) => Readable.from(chunks(sent), { objectMode: false })
  return { sizeBytes, md5, open: (sent) => (sizeBytes === 0 ? empty : stream(sent)) }
}

/** What an object holds, read to its end; undefined when there is none. */
export async function heldOf(place: Place, key: string): Promise<Held | undefined> {
  return await readAlong(place, key, {})
}

/** Downloads an object to a new file. False: there is none, nor a file. */
export async function download(
  place: Place,
  key: string,
  { path, expected }: { path: string; expected: Expected },
): Promise<boolean> {
  const target = new Target(path)
  try {
    const held = await readAlong(place, key, { expected, target })
    if (held === undefined) return false
    if (held.sha256 !== expected.sha256) {
      throw corrupt(key, `has the sha256 ${held.sha256} and not ${expected.sha256}`)
    }
    await target.finish()
    return true
  } catch (error) {
    await target.discard()
    throw error
  }
}

/** Reads an object once through, going on after each cut at the byte where it was cut. */
async function readAlong(
  place: Place,
  key: string,
  { expected, target }: { expected?: Expected; target?: Target },
): Promise<Held | undefined> {
  const hash = createHash('sha256')
  let etag: string | undefined
  let offset = 0
  let sizeBytes = expected?.sizeBytes ?? 0
  const attempt = async (patience: Patience): Promise<Held | undefined> => {
    const resume = etag === undefined ? undefined : { offset, etag }
    const found = await openAgain(place, key, { patience, resume })
    if (found === undefined) return undefined
    try {
      if (etag === undefined) {
        if (expected !== undefined && found.sizeBytes !== sizeBytes) {
          throw corrupt(key, `has ${found.sizeBytes} bytes and not ${sizeBytes}`)
        }
        ;({ etag, sizeBytes } = found)
        await target?.open()
      }
      for await (const chunk of chunksOf(found, patience)) {
        await target?.write(chunk)
        hash.update(chunk)
        offset += chunk.length
      }
    } finally {
      found.body.destroy()
    }
    return { sizeBytes: offset, sha256: hash.digest('hex') }
  }
  const limits = forBytes(place.limits, UPLOAD_BYTES_MAX)
  return await retry({ ...limits, attemptsMax: CONNECTIONS_MAX }, attempt)
}

async function openAgain(
  place: Place,
  key: string,
  {
    patience,
    resume,
  }: { patience: Patience; resume: { offset: number; etag: string } | undefined },
) {
  const opening = open(place, key, patience, resume)
  const found = await opening.catch((error: unknown) => {
    const failure = toFailure(error)
    if (failure.status === 412) throw corrupt(key, 'was replaced while it was read')
    throw failure
  })
  if (resume !== undefined && found?.range?.startsWith(`bytes ${resume.offset}-`) === false) {
    found.body.destroy()
    throw new S3Failure({ name: 'OtherRange' })
  }
  return found
}

/** A new file that is whole and durable, or not there. */
class Target {
  readonly #path: string
  #handle: fs.FileHandle | undefined

  constructor(path: string) {
    this.#path = path
  }

  /** What fails here is the machine's own disk and nothing that another attempt would mend. */
  async #run<T>(doing: Promise<T>): Promise<T> {
    return await doing.catch((error: unknown) => {
      throw toStoreError(error, `cannot write ${this.#path}`)
    })
  }

  async open(): Promise<void> {
    this.#handle = await fs.open(this.#path, 'wx').catch((cause: unknown) => {
      if (codeOf(cause) !== 'EEXIST') throw toStoreError(cause, `cannot write ${this.#path}`)
      throw new ModelStoreError(ModelStoreCode.INVALID, `${this.#path} exists already`, { cause })
    })
  }

  async write(chunk: Uint8Array): Promise<void> {
    const handle = this.#handle
    if (handle !== undefined) await this.#run(handle.writeFile(chunk))
  }

  async finish(): Promise<void> {
    const handle = this.#handle
    if (handle === undefined) return
    await this.#run(handle.sync())
    this.#handle = undefined
    await handle.close()
  }

  async discard(): Promise<void> {
    if (this.#handle === undefined) return
    await this.#handle.close()
    await fs.rm(this.#path, { force: true })
  }
}
