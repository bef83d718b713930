import { lstat, opendir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  FilePath,
  FILES_MAX,
  Quality,
  RESERVED_FILES,
  SAVED_MODEL_FILES,
} from '@drover/model-config'
import { readSavedModel, SavedModelError, savedModelOfText } from '@drover/saved-model'
import { TrainingError } from './errors.ts'

/** The second counts where the first is not there. */
export const [SAVED_MODEL_FILE, SAVED_MODEL_TEXT] = SAVED_MODEL_FILES
/** Where an output may say how good it is. */
export const QUALITY_PATH = 'assets.extra/drover/quality.json'
/** All files of a version together. */
export const OUTPUT_BYTES_MAX = 4 * 1024 ** 3
/** Files and folders together: folders are not stored, but have to be walked. */
const ENTRIES_MAX = 2 * FILES_MAX
/** Larger models are looked into by the gate alone. */
const LOOKED_INTO_BYTES_MAX = 256 * 1024 ** 2
const QUALITY_BYTES_MAX = 64 * 1024

/** A file of an output. */
export interface OutputFile {
  /** Below the output's folder, with `/`. */
  path: string
  absolutePath: string
}

/**
 * The files that a run wrote, in the order of their paths. Throws BAD_OUTPUT, naming the culprit,
 * for what a version may not hold: links of both kinds, devices, reserved names, too much of
 * anything, no SavedModel. Whatever wrote the folder must have ended, until the files were read.
 */
export async function collectOutput(
  directory: string,
  sizeBytesMax = OUTPUT_BYTES_MAX,
): Promise<OutputFile[]> {
  const files: OutputFile[] = []
  let entries = 0
  let sizeBytes = 0
  for await (const { path, absolutePath, isFolder, size } of walk(directory)) {
    entries++
    if (entries > ENTRIES_MAX) throw bad(path, `one of more than ${ENTRIES_MAX} files and folders`)
    if (isFolder) continue
    files.push({ path, absolutePath })
    if (files.length > FILES_MAX) throw bad(path, `one of more than ${FILES_MAX} files`)
    sizeBytes += size
    if (sizeBytes > sizeBytesMax)
      throw bad(path, `makes the output larger than ${sizeBytesMax} bytes`)
  }
  await checkModel(directory, files)
  return files.toSorted((a, b) => (a.path < b.path ? -1 : 1))
}

function bad(path: string, what: string, cause?: unknown): TrainingError {
  return new TrainingError('BAD_OUTPUT', `${JSON.stringify(path)} ${what}`, { cause })
}

interface Entry extends OutputFile {
  isFolder: boolean
  size: number
}

/** Every file and folder below a folder, checked for what it is and how it is named. */
async function* walk(directory: string, below = ''): AsyncGenerator<Entry> {
  for await (const { name } of await opendir(join(directory, below))) {
    const path = below === '' ? name : `${below}/${name}`
    const absolutePath = join(directory, path)
    checkName(path, name)
    const found = await lstat(absolutePath).catch((cause: unknown) => {
      throw bad(path, 'cannot be read', cause)
    })
    const isFolder = found.isDirectory()
    if (found.isSymbolicLink()) throw bad(path, 'is a link')
    if (!isFolder && !found.isFile()) throw bad(path, 'is neither a file nor a folder')
    // Its other name may be anywhere: a link to a file outside would publish that file.
    if (!isFolder && found.nlink > 1) throw bad(path, 'is a hard link')
    yield { path, absolutePath, isFolder, size: found.size }
    if (isFolder) yield* walk(directory, path)
  }
}

function checkName(path: string, name: string): void {
  // With any ending: the protocol's own files are these names as JSON.
  const [stem = ''] = name.split('.')
  if (RESERVED_FILES.some((reserved) => reserved === stem)) throw bad(path, 'has a reserved name')
  const valid = FilePath.safeParse(path)
  if (!valid.success) throw bad(path, 'is no path that a version can hold', valid.error)
}

/** Tells garbage from a model; whether the model works is for the gate to find out. */
async function checkModel(directory: string, files: readonly OutputFile[]): Promise<void> {
  const name = SAVED_MODEL_FILES.find((each) => files.some(({ path }) => path === each))
  if (name === undefined)
    throw new TrainingError('BAD_OUTPUT', `there is no ${SAVED_MODEL_FILE} in the output`)
  const path = join(directory, name)
  const { size } = await lstat(path)
  if (size > LOOKED_INTO_BYTES_MAX) return
  try {
    const bytes = await readFile(path)
    readSavedModel(name === SAVED_MODEL_TEXT ? savedModelOfText(bytes) : bytes)
  } catch (error) {
    if (!(error instanceof SavedModelError))
      throw new TrainingError('TRANSIENT', 'the output cannot be read', { cause: error })
    if (error.code === 'NOT_A_SAVED_MODEL') throw bad(name, 'is not a SavedModel', error)
  }
}

/**
 * What an output says of its own quality, if it says anything that is well-formed; else why not.
 * To be called on an output that `collectOutput` took.
 */
export async function readQuality(
  files: readonly OutputFile[],
): Promise<{ quality?: Quality; ignored?: string }> {
  const file = files.find(({ path }) => path === QUALITY_PATH)
  if (file === undefined) return {}
  const { size } = await lstat(file.absolutePath)
  if (size > QUALITY_BYTES_MAX)
    return { ignored: `${QUALITY_PATH} has more than ${QUALITY_BYTES_MAX} bytes` }
  const parsed = Quality.safeParse(parseJson(await readFile(file.absolutePath, 'utf8')))
  return parsed.success
    ? { quality: parsed.data }
    : { ignored: `${QUALITY_PATH} is not what it should be: ${parsed.error.message}` }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** How much a folder holds by now; what vanishes while it is counted does not count. */
export async function measure(directory: string, limitBytes: number): Promise<number> {
  let sizeBytes = 0
  let entries = 0
  const folders = [directory]
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    const inside = await opendir(folder).catch(() => undefined)
    for await (const entry of inside ?? []) {
      const path = join(folder, entry.name)
      entries++
      if (entry.isDirectory()) folders.push(path)
      else sizeBytes += (await lstat(path).catch(() => undefined))?.size ?? 0
      if (entries > ENTRIES_MAX || sizeBytes > limitBytes) return Infinity
    }
  }
  return sizeBytes
}
