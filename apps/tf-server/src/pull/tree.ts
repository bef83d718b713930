import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { copyFile, link, mkdir, readdir, rename, rm, rmdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { mapBounded } from '@drover/basics'
import { type FileEntry, ServedName, Version } from '@drover/model-config'
import { z } from 'zod'
import { AgentError } from '../errors.ts'

const LINKS_AT_ONCE = 16
/** Begins the name of a folder that is being filled: never an integer, so never a version. */
const UNFINISHED = '.new-'
const VERSION = /^[1-9]\d{0,15}$/
/** The object has all the links that it can have, or lies on another file system. */
const CopyInstead = z.object({ code: z.enum(['EMLINK', 'EXDEV', 'EPERM']) })
/** What a list of files can do wrong by itself: a path twice, or one that is file and folder. */
const PathClash = z.object({ code: z.enum(['EEXIST', 'ENOTDIR', 'EISDIR', 'ENAMETOOLONG']) })

/** One version in the serving tree. */
export interface TreeVersion {
  name: string
  version: number
}

/** The folders that the model server reads, `models/<served name>/<version>/`. */
export interface ServingTree {
  basePath(name: string): string
  directory(version: TreeVersion): string
  /** Builds a version out of objects; seen whole or not at all. */
  build(version: TreeVersion, files: readonly { entry: FileEntry; object: string }[]): Promise<void>
  remove(version: TreeVersion): Promise<void>
  /** The versions that are there. */
  list(): TreeVersion[]
}

/** Opens the tree; what an earlier process left unfinished is removed. */
export async function openServingTree(folder: string): Promise<ServingTree> {
  const models = join(folder, 'models')
  const basePath = (name: string) => join(models, ServedName.parse(name))
  const directory = ({ name, version }: TreeVersion) =>
    join(basePath(name), `${Version.parse(version)}`)
  await mkdir(models, { recursive: true })
  const present = new Map<string, TreeVersion>()
  for (const each of await clean(models)) present.set(directory(each), each)

  return {
    basePath,
    directory,
    async build(version, files) {
      const unfinished = `${UNFINISHED}${version.version}-${randomBytes(6).toString('hex')}`
      const temporary = join(basePath(version.name), unfinished)
      try {
        await mkdir(temporary, { recursive: true })
        await placeAll(temporary, files)
        await rm(directory(version), { recursive: true, force: true })
        await rename(temporary, directory(version))
        present.set(directory(version), version)
      } catch (error) {
        await rm(temporary, { recursive: true, force: true })
        throw error
      }
    },
    async remove(version) {
      present.delete(directory(version))
      await rm(directory(version), { recursive: true, force: true })
      // The model's own folder stays while other versions are in it.
      await rmdir(basePath(version.name)).catch(() => {})
    },
    list: () => [...present.values()],
  }
}

/** Removes unfinished builds, and says which versions are there. */
async function clean(models: string): Promise<TreeVersion[]> {
  const found: TreeVersion[] = []
  for (const name of await readdir(models)) {
    if (!ServedName.safeParse(name).success) continue
    for (const each of await readdir(join(models, name))) {
      if (VERSION.test(each)) found.push({ name, version: Number(each) })
      else await rm(join(models, name, each), { recursive: true, force: true })
    }
  }
  return found
}

async function placeAll(
  folder: string,
  files: readonly { entry: FileEntry; object: string }[],
): Promise<void> {
  const folders = new Set(files.map(({ entry }) => dirname(join(folder, entry.path))))
  try {
    for (const each of folders) await mkdir(each, { recursive: true })
    await mapBounded(files, LINKS_AT_ONCE, async ({ entry, object }) => {
      await place(object, join(folder, entry.path))
    })
  } catch (cause) {
    const code = PathClash.safeParse(cause).success ? 'FAULT' : 'IMPAIRED'
    throw new AgentError(code, 'the files of the version cannot be laid out', { cause })
  }
}

async function place(object: string, path: string): Promise<void> {
  try {
    await link(object, path)
  } catch (error) {
    if (!CopyInstead.safeParse(error).success) throw error
    await copyFile(object, path, constants.COPYFILE_EXCL)
  }
}
