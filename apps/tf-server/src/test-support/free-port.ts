import { once } from 'node:events'
import { createServer } from 'node:net'
import { z } from 'zod'

const Place = z.object({ port: z.number() })

/** A TCP port on which nobody listens just now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = Place.parse(server.address())
  server.close()
  await once(server, 'close')
  return port
}
