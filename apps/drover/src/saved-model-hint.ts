import { readdir } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { SAVED_MODEL_FILES } from '@drover/model-config'
import { CliError, Exit } from './output.ts'

const KERAS_FILE = /\.(keras|h5|hdf5)$/
const VERSION = /^\d+$/
const EXPORT_IT = 'load it in Python and write a SavedModel by model.export'

/** Throws USAGE for what is no folder with a graph in it, and says what may have been meant. */
export async function checkFolder(path: string): Promise<void> {
  const names = await readdir(path).catch(async (cause: unknown) => {
    const message = `${path} is no folder that can be read${await hintFor(path)}`
    throw new CliError(Exit.USAGE, message, { cause })
  })
  if (SAVED_MODEL_FILES.some((file) => names.includes(file))) return
  const message = `${SAVED_MODEL_FILES[0]} is missing, so it is no SavedModel`
  throw new CliError(Exit.USAGE, `${path}: ${message}${await hintFor(path)}`)
}

/** What a person may have meant by a path that is no SavedModel, in brackets; else nothing. */
export async function hintFor(path: string): Promise<string> {
  if (KERAS_FILE.test(path)) return ` (a file of Keras: ${EXPORT_IT})`
  if (SAVED_MODEL_FILES.some((file) => file === basename(path)))
    return ` (name its folder, ${dirname(path)})`
  const version = await newestBelow(path)
  if (version !== undefined) return ` (${join(path, version)} is one)`
  const file = (await namesIn(path)).find((name) => KERAS_FILE.test(name))
  return file === undefined ? '' : ` (${file} is a file of Keras: ${EXPORT_IT})`
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
