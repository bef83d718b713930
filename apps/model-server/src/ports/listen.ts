import { once } from 'node:events'
import { lstat, unlink } from 'node:fs/promises'
import type { Server } from 'node:http'
import { z } from 'zod'

const BACKLOG = 4_096
/** Whoever may open the admin socket may change what is served: nobody but this user. */
const OTHERS = 0o177

const Address = z.object({ address: z.string(), port: z.number() })

/** Where to listen: on an inherited descriptor, or on an address of one's own. */
export type Place = { fd: number } | { host: string | undefined; port: number }

/** Listens; returns the URL. Throws with the place in the message. */
export async function listenOn(server: Server, place: Place): Promise<string> {
  server.listen({ ...place, backlog: BACKLOG })
  try {
    await once(server, 'listening')
  } catch (cause) {
    throw new Error(`cannot listen on ${JSON.stringify(place)}`, { cause })
  }
  const { address, port } = Address.parse(server.address())
  return `http://${address.includes(':') ? `[${address}]` : address}:${port}`
}

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
