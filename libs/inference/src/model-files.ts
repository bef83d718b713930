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
    return { graph, sizeBytes: graph.length + (await sizeOfFolder(join(directory, 'variables'))) }
  } catch (cause) {
    throw unreadable(directory, cause)
  }
}

/** The second half of it: takes its time. */
export function decodeModel(
  directory: string,
  { graph, sizeBytes }: ModelBytes,
  tags?: readonly string[],
): ModelFiles {
  try {
    return { savedModel: readSavedModel(graph, tags), graphBytes: graph.length, sizeBytes }
  } catch (cause) {
    throw unreadable(directory, cause)
  }
}

const unreadable = (directory: string, cause: unknown): InferenceError =>
  new InferenceError('LOAD_FAILED', `the model in ${directory} cannot be read`, { cause })

async function sizeOfFolder(path: string): Promise<number> {
  const names = await readdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(path, name))).size))
  return sizes.reduce((sum, size) => sum + size, 0)
}
