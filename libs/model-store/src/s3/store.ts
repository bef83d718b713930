import type { FileEntry } from '@drover/model-config'
import { checkMove, checkSize, type Content, corrupt, type Move } from '../checks.ts'
import { invalid } from '../failure.ts'
import type { Held } from '../files.ts'
import { checkStateKey, listed, segmentsOf, shownName } from '../location.ts'
import { ModelStoreCode, ModelStoreError, type ModelStore, type State } from '../store.ts'
import { Turns } from '../turns.ts'
import { type Limits, LIMITS } from './attempts.ts'
import { type ClientOptions, makeClient } from './client.ts'
import { toS3StoreError } from './failure.ts'
import { download, heldOf, upload } from './files.ts'
import * as objects from './objects.ts'
import { makeStore, proveThere } from './probe.ts'
import { makeFirst, makeNext, readState } from './states.ts'

const OPERATIONS_MAX = 64
const RENEWALS_MAX = 5
const FOLDERS_KNOWN_MAX = 10_000

export interface S3StoreOptions extends ClientOptions {
  bucket: string
  /** What all keys begin with; empty unless told. */
  prefix?: string
  /** With false, whoever only reads neither probes nor makes the store: an absent one is UNAVAILABLE. */
  create?: boolean
  limits?: Partial<Limits>
}

/**
 * A store in a bucket, which must exist. Creates are `If-None-Match: *` and moves `If-Match`; a store
 * that does not refuse by them is INVALID, as a probe finds, once for each process and store. Inside
 * a method, requests are made again after a lost answer, a 409, a 429 or a 5xx, a bounded number of
 * times: the writer's own id says whose write a lost answer was about. Needs the rights to get, put
 * and list; to delete only below `.probe/`, and there not urgently.
 */
export async function openS3Store(options: S3StoreOptions): Promise<ModelStore> {
  const { bucket, prefix = '', create = true } = options
  const limits = { ...LIMITS, ...options.limits }
  const client = await makeClient(options, { limits, connectionsMax: OPERATIONS_MAX })
  const place = { client, bucket, prefix: prefix === '' ? '' : `${prefix}/`, limits }
  try {
    if (create) await makeStore(place, JSON.stringify([options.endpoint, bucket, prefix]))
    else await proveThere(place)
    return new S3Store(place)
  } catch (error) {
    client.destroy()
    throw toS3StoreError(error, `cannot open a store in the bucket ${bucket}`)
  }
}

class S3Store implements ModelStore {
  readonly #place: objects.Place
  readonly #turns = new Turns(OPERATIONS_MAX)
  /** Folders of which no part is an object. They stay so, since nobody creates an object there. */
  readonly #folders = new Set<string>()

  constructor(place: objects.Place) {
    this.#place = place
  }

  async read(key: string): Promise<Uint8Array | undefined> {
    return await this.#run(`cannot read ${key}`, async () => {
      segmentsOf(key)
      const found = await objects.get(this.#place, key)
      return found?.content ?? (await this.#absent())
    })
  }

  async create(key: string, content: Content): Promise<boolean> {
    return await this.#run(`cannot create ${key}`, async () => await this.#create(key, content))
  }

  async renew(key: string, content: Content): Promise<void> {
    await this.#run(`cannot renew ${key}`, async () => await this.#renew(key, content))
  }

  async list(prefix: string): Promise<string[]> {
    return await this.#run(`cannot list ${prefix}`, async () => {
      if (prefix !== '') segmentsOf(prefix)
      const names = await objects.namesBelow(this.#place, prefix === '' ? '' : `${prefix}/`)
      // The store's own objects are at the top.
      return await this.#shown(names.filter((name) => prefix !== '' || !name.startsWith('.')))
    })
  }

  async listDeep(prefix: string): Promise<string[]> {
    return await this.#run(`cannot list all of ${prefix}`, async () => {
      segmentsOf(prefix)
      return await this.#shown(await objects.keysBelow(this.#place, `${prefix}/`))
    })
  }

  async #shown(names: readonly string[]): Promise<string[]> {
    if (names.length === 0) await proveThere(this.#place)
    return listed(names.map(shownName))
  }

  async readState(key: string): Promise<State | undefined> {
    return await this.#run(`cannot read ${key}`, async () => {
      checkStateKey(key)
      return (await readState(this.#place, key)) ?? (await this.#absent())
    })
  }

  async swap(key: string, move: Move): Promise<boolean> {
    return await this.#run(`cannot move ${key}`, async () => await this.#swap(key, move))
  }

  async createFile(key: string, path: string): Promise<Held & { created: boolean }> {
    return await this.#run(
      `cannot create ${key} from ${path}`,
      async () => await this.#createFile(key, path),
    )
  }

  async fetchFile(key: string, path: string, expected: Omit<FileEntry, 'path'>): Promise<void> {
    await this.#run(`cannot fetch ${key} to ${path}`, async () => {
      segmentsOf(key)
      if (!(await download(this.#place, key, { path, expected }))) throw await this.#missing(key)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#place.client.destroy()
  }

  async #create(key: string, content: Content): Promise<boolean> {
    checkSize(key, content)
    segmentsOf(key)
    await this.#makeFolder(key)
    return await objects.putNew(this.#place, key, objects.bodyOf(content))
  }

  /** S3 knows no folders, so it would take `a` beside `a/b`, which no directory can hold. */
  async #makeFolder(key: string): Promise<void> {
    const parts = key.split('/')
    const folders = parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/'))
    const unknown = folders.filter((folder) => !this.#folders.has(folder))
    const [isFolder, , ...taken] = await Promise.all([
      objects.hasKeysBelow(this.#place, `${key}/`),
      proveThere(this.#place),
      ...unknown.map(async (folder) => (await objects.head(this.#place, folder)) !== undefined),
    ])
    if (isFolder) throw invalid(key, 'is a folder of keys')
    if (taken.includes(true)) throw invalid(key, 'has another key as its folder')
    if (this.#folders.size > FOLDERS_KNOWN_MAX) this.#folders.clear()
    for (const folder of unknown) this.#folders.add(folder)
  }

  async #renew(key: string, content: Content): Promise<void> {
    // Collection may take the object between two steps, and another writer may bring it back.
    for (let tries = 0; tries < RENEWALS_MAX; tries++) {
      if (await this.#create(key, content)) return
      const present = await objects.get(this.#place, key)
      if (present === undefined) continue
      if (!Buffer.from(content).equals(present.content)) throw corrupt(key, 'has another content')
      const condition = { etag: present.etag }
      const body = objects.bodyOf(content)
      const renewal = { body, condition, attempt: 'renewed', isOwn: isNobodys }
      if (await objects.putIf(this.#place, key, renewal)) return
    }
    throw new ModelStoreError(ModelStoreCode.UNAVAILABLE, `${key} does not stay`)
  }

  async #swap(key: string, move: Move): Promise<boolean> {
    checkMove(key, move)
    checkStateKey(key)
    const { from, first, content } = move
    if (from === undefined) {
      await this.#makeFolder(`${key}.d`)
      return await makeFirst(this.#place, key, { seq: first, content })
    }
    const won = await makeNext(this.#place, key, { from, content })
    if (won === undefined) await proveThere(this.#place)
    return won ?? false
  }

  async #createFile(key: string, path: string): Promise<Held & { created: boolean }> {
    segmentsOf(key)
    await this.#makeFolder(key)
    // A large file need not travel to be refused.
    const isTaken = (await objects.head(this.#place, key)) !== undefined
    const made = isTaken ? undefined : await upload(this.#place, key, path)
    if (made !== undefined) return { ...made, created: true }
    const held = await heldOf(this.#place, key)
    if (held === undefined) throw await this.#missing(key)
    return { ...held, created: false }
  }

  /** Nothing, if the store is there. */
  async #absent(): Promise<undefined> {
    await proveThere(this.#place)
  }

  async #missing(key: string): Promise<ModelStoreError> {
    await proveThere(this.#place)
    return new ModelStoreError(ModelStoreCode.NOT_FOUND, `there is no object ${key}`)
  }

  async #run<T>(doing: string, operation: () => Promise<T>): Promise<T> {
    try {
      return await this.#turns.take(operation)
    } catch (error) {
      throw toS3StoreError(error, doing)
    }
  }
}

/** A renewal that was refused is looked at again, whoever was faster. */
const isNobodys = async (): Promise<boolean> => false
