import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { SAVED_MODEL_FILES } from '@drover/model-config'

const KERAS_FILE = /\.(keras|h5|hdf5)$/
const VERSION = /^\d+$/

/** What a person may have meant by a path that is no SavedModel, in brackets; else nothing. */
export async function hintFor(path: string): Promise<string> {
  if (KERAS_FILE.test(path))
    return ' (a file of Keras: load it in Python and write a SavedModel by model.export)'
  const version = await newestBelow(path)
  return version === undefined ? '' : ` (${join(path, version)} is one)`
}

/** TF Serving's base paths have the SavedModels one folder deeper, each called by its number. */
async function newestBelow(path: string): Promise<string | undefined> {
  const versions = (await namesIn(path))
    .filter((name) => VERSION.test(name))
    .toSorted((a, b) => Number(b) - Number(a))
  for (const version of versions) {
    const names = await namesIn(join(path, version))
    if (SAVED_MODEL_FILES.some((file) => names.includes(file))) return version
  }
  return undefined
}

/** None where there is no folder to be read. */
const namesIn = async (path: string): Promise<string[]> => await readdir(path).catch(() => [])
