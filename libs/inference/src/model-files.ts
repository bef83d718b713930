// A SavedModel as a folder.

import { relative, sep } from 'node:path'
import { allDone, mapBounded } from '@drover/basics'
import {
  type Bundle,
  endlessIn,
  mend,
  needsMending,
  openBundle,
  readSavedModel,
  type SavedModel,
  SavedModelError,
  savedModelOfText,
  shardFile,
  shardsInMemory,
  unsafeIn,
} from '@drover/saved-model'
import { InferenceError } from './errors.ts'
import { FILES_AT_ONCE, type ListedFile, ModelFolder, type Stamps } from './model-folder.ts'

/** What the graph file of a served model may take. */
export const GRAPH_BYTES_MAX = 512 * 2 ** 20
/** Larger assets are read by TensorFlow alone. */
const ASSETS_BYTES_MAX = 64 * 2 ** 20
/** Larger variables are read by TensorFlow alone. */
const CHECKPOINT_BYTES_MAX = 512 * 2 ** 20
/** Where both are there, TensorFlow reads the first as well. */
const [GRAPH, TEXT] = ['saved_model.pb', 'saved_model.pbtxt']
const CHECKPOINT = 'variables/variables'
const ASSETS = 'assets'

/** A SavedModel that was read, and the bytes of its files that an engine reads. */
export interface ModelFiles {
  savedModel: SavedModel
  sizeBytes: number
  /** Those of `saved_model.pb` among them. */
  graphBytes: number
  /** TensorFlow is to be given another graph than the folder has. */
  needsMending: boolean
  /** By which it is seen that the files were changed since they were read. */
  stamps: Stamps
}

/** What is read of a model's folder, before anybody looks into it. */
export interface ModelBytes {
  /** All of `saved_model.pb`, or of the text that is there in its place. */
  graph: Uint8Array<ArrayBuffer>
  isText: boolean
  /** Of all files that an engine reads. */
  sizeBytes: number
  /** Paths of variables and assets in the folder. */
  files: readonly string[]
  /** Those among them that are still to be read, and how many bytes they have. */
  unread: readonly string[]
  unreadBytes: number
  /** By which it is seen that one was changed meanwhile. */
  stamps: Stamps
  /** The files of the checkpoint by their paths; none where it is too large or not there. */
  checkpoint: ReadonlyMap<string, Uint8Array<ArrayBuffer>>
  /** Assets by their names in their folder; none where they are too large. */
  assets: ReadonlyMap<string, Uint8Array<ArrayBuffer>>
}

/** What is taken of a model, and from whom. */
export interface Reading {
  /** Of the graph that is meant; those of serving unless told. */
  tags?: readonly string[] | undefined
  /** Unsafe operations that the operator allows all models, by their names; none unless told. */
  allowedOperations?: readonly string[] | undefined
}

/** Reads a model's folder. Throws LOAD_FAILED. */
export const readModelFiles = async (directory: string, reading?: Reading): Promise<ModelFiles> =>
  decodeModel(directory, await readModelBytes(directory), reading)

/** The first half of `readModelFiles`: waits for files. */
export const readModelBytes = async (directory: string): Promise<ModelBytes> =>
  await readOutline(directory, Infinity)

/**
 * Reads the graph, and of variables and assets that they are there; these as well where they have no more
 * than `atOnceBytesMax` together. Throws LOAD_FAILED.
 */
export async function readOutline(directory: string, atOnceBytesMax = 0): Promise<ModelBytes> {
  try {
    const folder = new ModelFolder(directory)
    const [{ graph, isText }, variables, assets] = await allDone([
      readGraphFile(folder),
      folder.list('variables'),
      folder.list(ASSETS),
    ])
    const variableBytes = bytesOf(variables)
    const unread = [
      ...(variableBytes > CHECKPOINT_BYTES_MAX ? [] : variables.filter(isOfCheckpoint)),
      ...(bytesOf(assets) > ASSETS_BYTES_MAX ? [] : assets),
    ]
    const unreadBytes = bytesOf(unread)
    const outline: ModelBytes = {
      graph,
      isText,
      sizeBytes: graph.length + variableBytes,
      files: [...variables, ...assets].map(({ path }) => path),
      unread: unread.map(({ path }) => path),
      unreadBytes,
      stamps: folder.stamps,
      checkpoint: new Map(),
      assets: new Map(),
    }
    if (unreadBytes <= atOnceBytesMax) return await contentsOf(folder, outline)
    await folder.checkUnchanged()
    return outline
  } catch (cause) {
    throw unreadable(directory, cause)
  }
}

async function readGraphFile(folder: ModelFolder): Promise<Pick<ModelBytes, 'graph' | 'isText'>> {
  const hasGraph = await folder.has(GRAPH)
  const isText = !hasGraph && (await folder.has(TEXT))
  if (!hasGraph && !isText) await folder.checkThere()
  return { graph: await folder.read(isText ? TEXT : GRAPH, GRAPH_BYTES_MAX), isText }
}

/** Reads what `readOutline` left. Throws LOAD_FAILED, also where the model was changed since then. */
export async function readContents(directory: string, outline: ModelBytes): Promise<ModelBytes> {
  try {
    return await contentsOf(new ModelFolder(directory, outline.stamps), outline)
  } catch (cause) {
    throw unreadable(directory, cause)
  }
}

async function contentsOf(folder: ModelFolder, outline: ModelBytes): Promise<ModelBytes> {
  const checkpoint = new Map<string, Uint8Array<ArrayBuffer>>()
  const assets = new Map<string, Uint8Array<ArrayBuffer>>()
  await mapBounded(outline.unread, FILES_AT_ONCE, async (path) => {
    const isAsset = path.startsWith(`${ASSETS}${sep}`)
    const bytes = await folder.read(path, isAsset ? ASSETS_BYTES_MAX : CHECKPOINT_BYTES_MAX)
    if (isAsset) assets.set(relative(ASSETS, path), bytes)
    else checkpoint.set(path, bytes)
  })
  await folder.checkUnchanged()
  return { ...outline, unread: [], unreadBytes: 0, checkpoint, assets }
}

const bytesOf = (files: readonly ListedFile[]): number =>
  files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)

const isOfCheckpoint = ({ path }: ListedFile): boolean => path.startsWith(CHECKPOINT)

/** The checkpoint among the files, which is opened when a variable is asked for. */
function checkpointIn(files: ModelBytes['checkpoint']): SavedModel['checkpoint'] {
  const index = files.get(`${CHECKPOINT}.index`)
  if (index === undefined) return undefined
  let bundle: Bundle | undefined
  const shards = shardsInMemory((shard) => {
    const path = shardFile(CHECKPOINT, shard, bundle?.header.numShards ?? 1)
    const bytes = files.get(path)
    if (bytes === undefined) throw new SavedModelError('NOT_A_SAVED_MODEL', `${path} is missing`)
    return bytes
  })
  const opened = (): Bundle => (bundle ??= openBundle(index, shards))
  return {
    get header() {
      return ofCheckpoint(() => opened().header)
    },
    get entries() {
      return ofCheckpoint(() => opened().entries)
    },
    tensor: (key) => ofCheckpoint(() => opened().tensor(key)),
  }
}

/** Names the file: the index by itself only knows places in it. */
function ofCheckpoint<T>(read: () => T): T {
  try {
    return read()
  } catch (cause) {
    if (!(cause instanceof SavedModelError)) throw cause
    throw new SavedModelError(cause.code, `the checkpoint ${CHECKPOINT} cannot be read`, { cause })
  }
}

/** The second half of it: takes its time. */
export function decodeModel(
  directory: string,
  bytes: ModelBytes,
  { tags, allowedOperations }: Reading = {},
): ModelFiles {
  const files = outlineModel(directory, bytes, tags)
  const fault = faultOf(bytes, files, allowedOperations)
  if (fault !== undefined)
    throw new InferenceError('LOAD_FAILED', `the model in ${directory} is refused: ${fault}`)
  return files
}

/** What a model's files say, be it fit to be loaded or not. Throws LOAD_FAILED. */
export function outlineModel(
  directory: string,
  bytes: ModelBytes,
  tags?: readonly string[],
): ModelFiles {
  const { sizeBytes, assets } = bytes
  const savedModel = decoded(directory, bytes, () => readSavedModel(graphOf(bytes), tags))
  const checkpoint = checkpointIn(bytes.checkpoint)
  const whole = { ...savedModel, assets, ...(checkpoint !== undefined && { checkpoint }) }
  const graphBytes = bytes.graph.length
  return {
    savedModel: whole,
    graphBytes,
    sizeBytes,
    // Its parser of text refuses the fields that it does not know; in bytes it passes them over.
    needsMending: bytes.isText || needsMending(savedModel),
    stamps: bytes.stamps,
  }
}

/** What was read, with the graph as bytes where it was a text. Throws LOAD_FAILED. */
export const asBytes = (directory: string, bytes: ModelBytes): ModelBytes => ({
  ...bytes,
  graph: decoded(directory, bytes, () => graphOf(bytes)),
  isText: false,
})

const graphOf = ({ graph, isText }: ModelBytes): Uint8Array<ArrayBuffer> =>
  isText ? savedModelOfText(graph) : graph

/** Why no engine may load a model; undefined where one may. */
export function faultOf(
  { files }: ModelBytes,
  { savedModel }: ModelFiles,
  allowedOperations?: readonly string[],
): string | undefined {
  const there = new Set(files)
  const missing = savedModel.neededFiles.find((path) => !there.has(path))
  if (missing !== undefined) return `${missing} is missing`
  return endlessIn(savedModel) ?? unsafeIn(savedModel, allowedOperations)
}

function decoded<T>(directory: string, { isText }: ModelBytes, decode: () => T): T {
  try {
    return decode()
  } catch (cause) {
    if (!(cause instanceof SavedModelError) || cause.code !== 'NOT_A_SAVED_MODEL')
      throw unreadable(directory, cause)
    throw unreadable(directory, new SavedModelError(cause.code, isText ? TEXT : GRAPH, { cause }))
  }
}

/**
 * The graph that TensorFlow is to be given in the place of a folder's. Throws LOAD_FAILED, and
 * `SavedModelError` where it is none of these tags.
 */
export const readMended = async (directory: string, tags: readonly string[]): Promise<Uint8Array> =>
  mend(graphOf(await readOutline(directory)), tags)

const unreadable = (directory: string, cause: unknown): InferenceError =>
  new InferenceError('LOAD_FAILED', `the model in ${directory} cannot be read`, { cause })
