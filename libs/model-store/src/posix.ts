import * as fs from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { FileEntry } from '@drover/model-config'
import { checkMove, checkSize, type Content, corrupt, type Move } from './checks.ts'
import { codeOf, invalid, toStoreError } from './failure.ts'
import * as files from './files.ts'
import { isRealFolder, isRealParent, pathOf, statesPathOf } from './location.ts'
import { makeFirst, makeNext, readHighest } from './states.ts'
import { ModelStoreCode, ModelStoreError, type ModelStore, type State } from './store.ts'
import { namesIn, pathsIn, sweep } from './sweep.ts'
import { Turns } from './turns.ts'

/** Proves that the folder is a store: an unmounted one is an empty folder, and not an empty store. */
const MARKER = '.store'
const OPERATIONS_MAX = 64
const RENEWALS_MAX = 5

/**
 * A store in a directory, which may be shared by any number of processes and machines. It is made
 * if it is absent; with `create: false` that is UNAVAILABLE, since whoever only reads would make an
 * empty store where the mount of the real one is away. Unfinished writes of processes that died are
 * removed after an hour.
 */
export async function openPosixStore(
  directory: string,
  { create = true }: { create?: boolean } = {},
): Promise<ModelStore> {
  try {
    if (create) await fs.mkdir(resolve(directory), { recursive: true })
    const root = await fs.realpath(directory)
    if (create) await makeMarker(root)
    else await proveThere(root)
    return new PosixStore(root)
  } catch (error) {
    throw toStoreError(error, `cannot open a store in ${directory}`)
  }
}

async function makeMarker(root: string): Promise<void> {
  await fs.open(join(root, MARKER), 'a').then(async (marker) => await marker.close())
  await files.syncFolder(root)
}

/** Absent because there is none, or because the store is away? */
async function proveThere(root: string): Promise<void> {
  try {
    await fs.lstat(join(root, MARKER))
  } catch (cause) {
    const message = `there is no store at ${root}`
    throw new ModelStoreError(ModelStoreCode.UNAVAILABLE, message, { cause })
  }
}

class PosixStore implements ModelStore {
  readonly #root: string
  readonly #closing = new AbortController()
  readonly #sweeping: Promise<void>
  readonly #turns = new Turns(OPERATIONS_MAX)

  constructor(root: string) {
    this.#root = root
    this.#sweeping = sweep(root, MARKER, this.#closing.signal)
  }

  async read(key: string): Promise<Uint8Array | undefined> {
    return await this.#run(`cannot read ${key}`, async () => await this.#read(key))
  }

  async create(key: string, content: Content): Promise<boolean> {
    return await this.#run(`cannot create ${key}`, async () => await this.#create(key, content))
  }

  async renew(key: string, content: Content): Promise<void> {
    await this.#run(`cannot renew ${key}`, async () => await this.#renew(key, content))
  }

  async list(prefix: string): Promise<string[]> {
    return await this.#run(`cannot list ${prefix}`, async () => await this.#list(prefix))
  }

  async listDeep(prefix: string): Promise<string[]> {
    return await this.#run(`cannot list all of ${prefix}`, async () => {
      const folder = pathOf(this.#root, prefix)
      const paths = (await isRealFolder(folder)) ? await pathsIn(folder) : []
      if (paths.length === 0) await proveThere(this.#root)
      return paths
    })
  }

  async readState(key: string): Promise<State | undefined> {
    return await this.#run(`cannot read ${key}`, async () => {
      const folder = statesPathOf(this.#root, key)
      const state = (await isRealFolder(folder)) ? await readHighest(folder) : undefined
      if (state === undefined) await proveThere(this.#root)
      return state
    })
  }

  async swap(key: string, move: Move): Promise<boolean> {
    return await this.#run(`cannot move ${key}`, async () => await this.#swap(key, move))
  }

  async createFile(key: string, path: string): Promise<files.Held & { created: boolean }> {
    return await this.#run(
      `cannot create ${key} from ${path}`,
      async () => await this.#createFile(key, path),
    )
  }

  async fetchFile(key: string, path: string, expected: Omit<FileEntry, 'path'>): Promise<void> {
    await this.#run(
      `cannot fetch ${key} to ${path}`,
      async () => await this.#fetchFile(key, path, expected),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort()
    await this.#sweeping
  }

  async #read(key: string): Promise<Uint8Array | undefined> {
    const path = pathOf(this.#root, key)
    const content = (await isRealParent(path)) ? await files.readObject(path) : undefined
    if (content === undefined) await proveThere(this.#root)
    return content
  }

  async #create(key: string, content: Content): Promise<boolean> {
    checkSize(key, content)
    const path = pathOf(this.#root, key)
    if (await this.#isTaken(key, path)) return false
    return await this.#make(path, async (temp) => await files.writeDurably(temp, content))
  }

  /** Whether the key has an object, durably; makes the folder for one that has none. */
  async #isTaken(key: string, path: string): Promise<boolean> {
    await this.#makeFolder(dirname(path))
    const stat = await fs.lstat(path).catch((error: unknown) => {
      if (codeOf(error) !== 'ENOENT') throw error
    })
    if (stat === undefined) return false
    if (stat.isDirectory()) throw invalid(key, 'is a folder of keys')
    await files.syncFolder(dirname(path))
    return true
  }

  async #makeFolder(folder: string): Promise<void> {
    if (await isRealFolder(folder)) return
    await proveThere(this.#root)
    await files.makeFolders(this.#root, folder)
    await isRealFolder(folder)
  }

  async #make(path: string, write: (temp: string) => Promise<unknown>): Promise<boolean> {
    const temp = files.tempPathIn(dirname(path))
    try {
      await write(temp)
      return await files.linkIfAbsent(temp, path)
    } catch (error) {
      await fs.rm(temp, { force: true })
      throw error
    }
  }

  async #renew(key: string, content: Content): Promise<void> {
    const path = pathOf(this.#root, key)
    // Collection may take the object between two steps, and another writer may bring it back.
    for (let tries = 0; tries < RENEWALS_MAX; tries++) {
      if (await this.#create(key, content)) return
      const present = await this.#read(key)
      if (present === undefined) continue
      if (!Buffer.from(content).equals(present)) {
        throw new ModelStoreError(ModelStoreCode.CORRUPT, `${key} has another content`)
      }
      const now = new Date()
      const renewed = await fs.utimes(path, now, now).then(
        () => true,
        (error: unknown) => {
          if (codeOf(error) !== 'ENOENT') throw error
          return false
        },
      )
      if (renewed) return
    }
    throw new ModelStoreError(ModelStoreCode.UNAVAILABLE, `${key} does not stay`)
  }

  async #list(prefix: string): Promise<string[]> {
    const folder = prefix === '' ? this.#root : pathOf(this.#root, prefix)
    if (!(await isRealFolder(folder))) {
      await proveThere(this.#root)
      return []
    }
    // The store's own file is at the top.
    const names = (await namesIn(folder)).filter((name) => prefix !== '' || name !== MARKER)
    if (names.length === 0) await proveThere(this.#root)
    return names
  }

  async #swap(key: string, move: Move): Promise<boolean> {
    checkMove(key, move)
    const { from, first, content } = move
    const folder = statesPathOf(this.#root, key)
    if (from !== undefined) {
      const isThere = await isRealFolder(folder)
      if (!isThere) await proveThere(this.#root)
      return isThere && (await makeNext(folder, from, content))
    }
    await this.#makeFolder(dirname(folder))
    await isRealFolder(folder)
    return await makeFirst(folder, first, content)
  }

  async #createFile(key: string, path: string): Promise<files.Held & { created: boolean }> {
    const target = pathOf(this.#root, key)
    if (await this.#isTaken(key, target)) return { ...(await this.#held(target)), created: false }
    const source = await files.openObject(path)
    if (source === undefined) {
      throw new ModelStoreError(ModelStoreCode.NOT_FOUND, `there is no file ${path}`)
    }
    try {
      let held: files.Held | undefined
      const created = await this.#make(target, async (temp) => {
        held = await files.copyDurably(source, temp)
      })
      if (created && held !== undefined) return { ...held, created }
      return { ...(await this.#held(target)), created: false }
    } finally {
      await source.close()
    }
  }

  async #held(path: string): Promise<files.Held> {
    const handle = await this.#require(path)
    try {
      return await files.readThrough(handle)
    } finally {
      await handle.close()
    }
  }

  async #require(path: string): Promise<fs.FileHandle> {
    const handle = (await isRealParent(path)) ? await files.openObject(path) : undefined
    if (handle !== undefined) return handle
    await proveThere(this.#root)
    throw new ModelStoreError(ModelStoreCode.NOT_FOUND, `there is no object ${path}`)
  }

  async #fetchFile(
    key: string,
    path: string,
    { sizeBytes, sha256 }: Omit<FileEntry, 'path'>,
  ): Promise<void> {
    const source = await this.#require(pathOf(this.#root, key))
    try {
      const { size } = await source.stat()
      if (size !== sizeBytes) throw corrupt(key, `has ${size} bytes and not ${sizeBytes}`)
      const held = await files.copyDurably(source, path)
      if (held.sha256 === sha256 && held.sizeBytes === sizeBytes) return
      await fs.rm(path, { force: true })
      throw corrupt(key, `has the sha256 ${held.sha256} and not ${sha256}`)
    } finally {
      await source.close()
    }
  }

  /** Bounds what is open at once. */
  async #run<T>(doing: string, operation: () => Promise<T>): Promise<T> {
    try {
      return await this.#turns.take(operation)
    } catch (error) {
      throw toStoreError(error, doing)
    }
  }
}
