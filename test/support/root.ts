import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'

function findRoot(folder: string): string {
  if (existsSync(join(folder, 'package-lock.json'))) return folder
  if (dirname(folder) === folder) throw new Error('no folder above has a package-lock.json')
  return findRoot(dirname(folder))
}

/** The root of the repository, for what runs from its source and for what runs from `dist`. */
export const ROOT = findRoot(import.meta.dirname)
