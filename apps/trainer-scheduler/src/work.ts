import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { HOST, isGoneHere } from './host.ts'

const MODE = 0o700
const SEPARATOR = '~'

/** The folder of this process for uploads and runs under way; gone when it is disposed of. */
export interface WorkFolder extends AsyncDisposable {
  path: string
}

/** Makes the folder, and removes what processes of this machine left there that are gone. */
export async function openWork(root: string): Promise<WorkFolder> {
  await mkdir(root, { recursive: true, mode: MODE })
  for (const name of await readdir(root)) {
    const parts = name.split(SEPARATOR)
    const isLeft = parts.length === HOST.split('/').length + 1
    if (isLeft && isGoneHere(parts.slice(0, -1).join('/'))) {
      await rm(join(root, name), { recursive: true, force: true })
    }
  }
  const path = await mkdtemp(join(root, `${HOST.replaceAll('/', SEPARATOR)}${SEPARATOR}`))
  return {
    path,
    [Symbol.asyncDispose]: async () => await rm(path, { recursive: true, force: true }),
  }
}
