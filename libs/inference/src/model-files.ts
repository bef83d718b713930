// A SavedModel as a folder.

import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { readSavedModel, type SavedModel } from '@drover/saved-model'
import { InferenceError } from './errors.ts'
import { readRegularFile } from './regular-file.ts'

/** What the graph file of a served model may take. */
const GRAPH_BYTES_MAX = 512 * 2 ** 20

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
    return {
      graph,
      sizeBytes: (await Promise.all(sizes)).reduce((sum, size) => sum + size, graph.length),
      files: [...variables, ...(await filesIn(directory, 'assets'))],
    }
  } catch (cause) {
    throw unreadable(directory, cause)
  }
}

/** The second half of it: takes its time. */
export function decodeModel(
  directory: string,
  { graph, sizeBytes, files }: ModelBytes,
  tags?: readonly string[],
): ModelFiles {
  const savedModel = decoded(directory, graph, tags)
  const there = new Set(files)
  const missing = savedModel.neededFiles.find((path) => !there.has(path))
  if (missing !== undefined)
    throw new InferenceError('LOAD_FAILED', `${missing} of the model in ${directory} is missing`)
  return { savedModel, graphBytes: graph.length, sizeBytes }
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
