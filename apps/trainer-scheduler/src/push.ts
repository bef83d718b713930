import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { mapBounded } from '@drover/basics'
import {
  dataKey,
  digestOf,
  digestOfFiles,
  FileEntry,
  FILES_MAX,
  type ModelId,
  RESERVED_FILES,
  SAVED_MODEL_FILES,
} from '@drover/model-config'
import { type ModelStore, ModelStoreCode, ModelStoreError } from '@drover/model-store'
import { ApiError } from '@drover/service'
import { z } from 'zod'
import { abortVersion, commitVersion, release, storeFiles, takeVersion } from './commit.ts'
import { readTenant, readVersions } from './observe.ts'
import { takeNumber } from './plan.ts'
import { noModel, noTenant } from './tenants.ts'

const PUSHES_AT_ONCE_MAX = 4
const FETCHES_AT_ONCE = 4
const TURNS_MAX = 8
const PUSH_MS_MAX = 600_000

/** The body of a push: files that were uploaded before. */
export const PushRequest = z.strictObject({ files: z.array(FileEntry).min(1).max(FILES_MAX) })
export type PushRequest = z.output<typeof PushRequest>

export interface PushPlaces {
  store: ModelStore
  now: () => number
  workRoot: string
  bytesMax: number
}

/** Takes versions that were trained elsewhere, by the rules for every other version. */
export function makePushes(places: PushPlaces) {
  let underWay = 0
  return async (
    model: ModelId,
    { files }: PushRequest,
    traceparent: string,
  ): Promise<{ version: number; fleet: string; isNew: boolean }> => {
    checkFiles(files, places.bytesMax)
    const { born, fleet } = await requirePushed(places.store, model)
    if (underWay >= PUSHES_AT_ONCE_MAX) throw new ApiError(429, 'too many pushes: try again')
    underWay++
    try {
      return { fleet, ...(await push(places, { model, born, files, traceparent })) }
    } finally {
      underWay--
    }
  }
}

export type Pushes = ReturnType<typeof makePushes>

/** Throws an ApiError 400 that names the first file that no version may hold. */
function checkFiles(files: readonly FileEntry[], bytesMax: number): void {
  const paths = new Set<string>()
  for (const { path } of files) {
    const stems = path.split('/').map((part) => part.split('.')[0])
    if (RESERVED_FILES.some((name) => stems.includes(name))) {
      throw new ApiError(400, `files: ${path} has a name that is reserved`)
    }
    if (paths.has(path)) throw new ApiError(400, `files: ${path} is there twice`)
    paths.add(path)
  }
  for (const path of paths) {
    const parts = path.split('/')
    const above = parts.map((_, count) => parts.slice(0, count).join('/'))
    const file = above.find((each) => paths.has(each))
    if (file !== undefined) throw new ApiError(400, `files: ${file} is a file and a folder`)
  }
  if (!SAVED_MODEL_FILES.some((name) => paths.has(name)))
    throw new ApiError(400, `files: ${SAVED_MODEL_FILES[0]} is missing`)
  const sizeBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0)
  if (sizeBytes > bytesMax) {
    throw new ApiError(413, `files: ${sizeBytes} bytes in all, and ${bytesMax} are allowed`)
  }
}

async function requirePushed(
  store: ModelStore,
  model: ModelId,
): Promise<{ born: number; fleet: string }> {
  const tenant = await readTenant(store, model.tenant)
  if (tenant === undefined || tenant.tombstone) throw noTenant(model.tenant)
  const spec = tenant.spec.models[model.model]
  const state = tenant.models[model.model]
  if (spec === undefined || state === undefined) throw noModel(model)
  if (spec.recipe.name === 'push') return { born: state.born, fleet: tenant.spec.fleet }
  const name = `${model.tenant}.${model.model}`
  throw new ApiError(409, `${name} is trained here: only a model of the recipe push takes versions`)
}

interface Push {
  model: ModelId
  born: number
  files: readonly FileEntry[]
  traceparent: string
}

interface LocalFile {
  path: string
  absolutePath: string
}

async function push(
  places: PushPlaces,
  wanted: Push,
): Promise<{ version: number; isNew: boolean }> {
  const { store, now } = places
  const { model, born, files } = wanted
  const request = digestOf({ born, push: digestOfFiles(files) })
  const directory = await mkdtemp(join(places.workRoot, 'push-'))
  let local: LocalFile[] | undefined
  try {
    for (let turn = 0; turn < TURNS_MAX; turn++) {
      const next = takeNumber(request, await readVersions(store, model), now())
      if (next.kind === 'publish') return { version: next.version, isNew: false }
      if (next.kind === 'wait') {
        throw new ApiError(409, `this version is being pushed already: ${next.why}`)
      }
      if (next.kind === 'giveUp') {
        const end = { why: next.why, by: 'trainer-scheduler', now: now() }
        await abortVersion(store, { model, ...next }, end)
        continue
      }
      // Before a number is taken, so that a wrong list takes none.
      local ??= await fetchAll(store, model, { files, directory })
      if (await makeVersion(places, wanted, { local, request, version: next.version })) {
        return { version: next.version, isNew: true }
      }
    }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
  throw new ApiError(503, 'others are changing this model: try again')
}

async function fetchAll(
  store: ModelStore,
  model: ModelId,
  { files, directory }: { files: readonly FileEntry[]; directory: string },
): Promise<LocalFile[]> {
  return await mapBounded(files, FETCHES_AT_ONCE, async (file, index) => {
    const absolutePath = join(directory, String(index))
    await fetchUpload(store, model, file, absolutePath)
    return { path: file.path, absolutePath }
  })
}

/** Takes the number and fills it. False: somebody else has it, or gave the claim up meanwhile. */
async function makeVersion(
  { store, now }: PushPlaces,
  { model, born, traceparent }: Push,
  { local, request, version }: { local: LocalFile[]; request: string; version: number },
): Promise<boolean> {
  const claimed = await takeVersion(store, model, {
    version,
    request,
    born,
    traceparent,
    deadlineMs: PUSH_MS_MAX,
    now: now(),
  })
  if (claimed === undefined) return false
  const { run, at } = claimed.claim
  try {
    const files = await storeFiles(store, claimed, local)
    const lineage = { recipe: 'push' }
    return await commitVersion(
      store,
      claimed,
      { files, lineage, queuedAt: at, startedAt: at },
      now(),
    )
  } catch (error) {
    await abortVersion(store, claimed, { why: 'the push failed', by: run, now: now() })
    throw error
  } finally {
    release(claimed)
  }
}

async function fetchUpload(
  store: ModelStore,
  model: ModelId,
  { path, sha256, sizeBytes }: FileEntry,
  to: string,
): Promise<void> {
  try {
    await store.fetchFile(dataKey(model, sha256), to, { sizeBytes, sha256 })
  } catch (cause) {
    if (!(cause instanceof ModelStoreError)) throw cause
    if (cause.code === ModelStoreCode.NOT_FOUND) {
      const target = `/v1/data/${model.tenant}/${model.model}/${sha256}`
      throw new ApiError(400, `files: ${path} was not uploaded; PUT it to ${target} first`, {
        cause,
      })
    }
    if (cause.code === ModelStoreCode.CORRUPT) {
      throw new ApiError(400, `files: ${path} was not uploaded with ${sizeBytes} bytes`, { cause })
    }
    throw cause
  }
}
