// A SavedModel as a folder.

import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type Bundle,
  openBundle,
  readSavedModel,
  type SavedModel,
  SavedModelError,
  shardFile,
  shardsInMemory,
  unsafeIn,
} from '@drover/saved-model'
import { InferenceError } from './errors.ts'
import { readRegularFile } from './regular-file.ts'

/** What the graph file of a served model may take. */
const GRAPH_BYTES_MAX = 512 * 2 ** 20
/** Larger variables are read by TensorFlow alone. */
const CHECKPOINT_BYTES_MAX = 512 * 2 ** 20
const CHECKPOINT = 'variables/variables'

/** A SavedModel that was read, and the bytes of its files that an engine reads. */
export interface ModelFiles {
  savedModel: SavedModel
  sizeBytes: number
  /** Those of `saved_model.pb` among them. */
  graphBytes: number
}

/** What is read of a model's folder, before anybody looks into it. */
export interface ModelBytes {
  /** All of `saved_model.pb`. */
  graph: Uint8Array<ArrayBuffer>
  /** Of all files that an engine reads. */
  sizeBytes: number
  /** Paths of variables and assets in the folder. */
  files: readonly string[]
  /** The files of the checkpoint by their paths; none where it is too large or not there. */
  checkpoint: ReadonlyMap<string, Uint8Array<ArrayBuffer>>
}

/** Reads a model's folder. Throws LOAD_FAILED. */
export const readModelFiles = async (
  directory: string,
  tags?: readonly string[],
): Promise<ModelFiles> => decodeModel(directory, await readModelBytes(directory), tags)

/** The first half of `readModelFiles`: waits for files. */
export async function readModelBytes(directory: string): Promise<ModelBytes> {
  try {
    const graph = await readRegularFile(join(directory, 'saved_model.pb'), GRAPH_BYTES_MAX)
    const variables = await filesIn(directory, 'variables')
    const sizes = variables.map(async (path) => (await stat(join(directory, path))).size)
    const variableBytes = (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
    return {
      graph,
      sizeBytes: graph.length + variableBytes,
      files: [...variables, ...(await filesIn(directory, 'assets'))],
      checkpoint:
        variableBytes > CHECKPOINT_BYTES_MAX
          ? new Map()
          : await readCheckpoint(directory, variables),
    }
  } catch (cause) {
    throw unreadable(directory, cause)
  }
}

async function readCheckpoint(
  directory: string,
  paths: readonly string[],
): Promise<ModelBytes['checkpoint']> {
  const wanted = paths.filter((path) => path.startsWith(CHECKPOINT))
  const read = wanted.map(async (path): Promise<[string, Uint8Array<ArrayBuffer>]> => [
    path,
    await readRegularFile(join(directory, path), CHECKPOINT_BYTES_MAX),
  ])
  return new Map(await Promise.all(read))
}

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
    entries: () => opened().entries,
    has: (key) => opened().entries.has(key),
    tensor: (key) => opened().tensor(key),
  }
}

/** The second half of it: takes its time. */
export function decodeModel(
  directory: string,
  bytes: ModelBytes,
  tags?: readonly string[],
): ModelFiles {
  const files = outlineModel(directory, bytes, tags)
  const fault = faultOf(bytes, files)
  if (fault !== undefined)
    throw new InferenceError('LOAD_FAILED', `the model in ${directory} is refused: ${fault}`)
  return files
}

/** What a model's files say, be it fit to be loaded or not. Throws LOAD_FAILED. */
export function outlineModel(
  directory: string,
  { graph, sizeBytes, checkpoint: bytes }: ModelBytes,
  tags?: readonly string[],
): ModelFiles {
  const savedModel = decoded(directory, graph, tags)
  const checkpoint = checkpointIn(bytes)
  const whole = { ...savedModel, ...(checkpoint !== undefined && { checkpoint }) }
  return { savedModel: whole, graphBytes: graph.length, sizeBytes }
}

/** Why no engine may load a model; undefined where one may. */
export function faultOf({ files }: ModelBytes, { savedModel }: ModelFiles): string | undefined {
  const there = new Set(files)
  const missing = savedModel.neededFiles.find((path) => !there.has(path))
  return missing === undefined ? unsafeIn(savedModel) : `${missing} is missing`
}

function decoded(directory: string, graph: Uint8Array, tags?: readonly string[]): SavedModel {
  try {
    return readSavedModel(graph, tags)
  } catch (cause) {
    throw unreadable(directory, cause)
  }
}

const unreadable = (directory: string, cause: unknown): InferenceError =>
  new InferenceError('LOAD_FAILED', `the model in ${directory} cannot be read`, { cause })

/** Paths of all that is in a folder of the model, folders among them; none where it is not there. */
async function filesIn(directory: string, folder: string): Promise<string[]> {
  try {
    const names = await readdir(join(directory, folder), { recursive: true })
    return names.map((name) => join(folder, name))
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  }
}
