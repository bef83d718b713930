import { once } from 'node:events'
import { createServer } from 'node:net'

/** A TCP port on which nobody listens just now; flags of upstream cannot ask for "any". */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0)
  await once(server, 'listening')
  const place = server.address()
  server.close()
  await once(server, 'close')
  if (typeof place !== 'object' || place === null) throw new Error('no port')
  return place.port
}
