// A SavedModel as a folder.

import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { readSavedModel, type SavedModel, SavedModelError } from '@drover/saved-model'
import { InferenceError } from './errors.ts'

/** What the graph file of a served model may take. */
const GRAPH_BYTES_MAX = 512 * 2 ** 20

/** A SavedModel that was read, and the bytes of its files that an engine reads. */
export interface ModelFiles {
  savedModel: SavedModel
  sizeBytes: number
  /** Those of `saved_model.pb` among them. */
  graphBytes: number
}

/** Reads a model's folder. Throws LOAD_FAILED. */
export async function readModelFiles(
  directory: string,
  tags?: readonly string[],
): Promise<ModelFiles> {
  try {
    const path = join(directory, 'saved_model.pb')
    const found = await stat(path)
    // To open a pipe would hold one of the few threads for files until somebody writes to it.
    if (!found.isFile()) throw new SavedModelError('NOT_A_SAVED_MODEL', 'saved_model.pb is no file')
    const { size } = found
    if (size > GRAPH_BYTES_MAX)
      throw new SavedModelError('TOO_LARGE', `saved_model.pb has ${size} bytes`)
    const bytes = await readFile(path)
    return {
      savedModel: readSavedModel(bytes, tags),
      graphBytes: bytes.length,
      sizeBytes: bytes.length + (await sizeOfFolder(join(directory, 'variables'))),
    }
  } catch (cause) {
    throw new InferenceError('LOAD_FAILED', `the model in ${directory} cannot be read`, { cause })
  }
}

async function sizeOfFolder(path: string): Promise<number> {
  const names = await readdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(path, name))).size))
  return sizes.reduce((sum, size) => sum + size, 0)
}
