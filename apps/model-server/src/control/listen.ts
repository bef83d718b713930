import { once } from 'node:events'
import { lstat, unlink } from 'node:fs/promises'
import type { Server } from 'node:http'

/** Whoever may open the admin socket may change what is served: nobody but this user. */
const OTHERS = 0o177

/** Listens on a Unix socket that only this user may open. A socket that is left there is replaced. */
export async function listenOnSocket(server: Server, path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined)
  if (found?.isSocket()) await unlink(path)
  const mask = process.umask(OTHERS)
  try {
    // The socket is made within this call: nothing else can run under this mask.
    server.listen(path)
  } finally {
    process.umask(mask)
  }
  try {
    await once(server, 'listening')
  } catch (cause) {
    throw new Error(`cannot listen on ${path}`, { cause })
  }
}
