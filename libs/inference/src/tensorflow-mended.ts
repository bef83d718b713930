// Models of which TensorFlow is given another graph than is in their folder.

import { mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { readMended } from './model-files.ts'
import { ownScratch } from './scratch.ts'

/** What TensorFlow reads beside the graph. */
const FOLDERS = ['variables', 'assets']

/** Loads a folder with a mended graph and the files of this one. It is gone after that. */
export async function withMended<T>(
  directory: string,
  tags: readonly string[],
  load: (directory: string) => T,
): Promise<T> {
  const graph = await readMended(directory, tags)
  const folder = ownScratch()
  await mkdir(folder, { mode: 0o700 })
  try {
    await writeFile(join(folder, 'saved_model.pb'), graph)
    // One that is not there is a link to nothing.
    for (const name of FOLDERS) await symlink(resolve(directory, name), join(folder, name))
    return load(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}
