import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { ServingError } from '@drover/serving-api'
import { afterEach, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { type Limits, LIMITS } from '../limits.ts'
import { BodyReader } from './body.ts'

const WAIT = { timeout: 30_000, interval: 5 }
const Address = z.object({ port: z.number() })
const servers: Server[] = []

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close()
    server.closeAllConnections()
  }
})

/** Answers each body with its length, once `release` was called, or with the code of its error. */
async function start(limits: Partial<Limits>) {
  const bodies = new BodyReader({ ...LIMITS, ...limits })
  const held: (() => void)[] = []
  const server = createServer((request, response) => {
    const reading = bodies.read(request, async (body) => {
      await new Promise<void>((resolve) => held.push(resolve))
      return `${body.length}`
    })
    reading.then(
      (text) => response.end(text),
      (error: unknown) => response.end(error instanceof ServingError ? error.code : 'failed'),
    )
  }).listen(0, '127.0.0.1')
  servers.push(server)
  await once(server, 'listening')
  const url = `http://127.0.0.1:${Address.parse(server.address()).port}`
  const send = async (body: string) => await (await fetch(url, { method: 'POST', body })).text()
  return { send, held }
}

test('bodies are held up to a number of bytes together, until they are done with', async () => {
  const { send, held } = await start({ bodiesBytesMax: 10 })
  const first = send('12345678')
  await vi.waitUntil(() => held.length === 1, WAIT)

  expect(await send('123')).toBe('RESOURCE_EXHAUSTED')
  const second = send('12')
  await vi.waitUntil(() => held.length === 2, WAIT)
  for (const release of held.splice(0)) release()
  expect(await Promise.all([first, second])).toEqual(['8', '2'])

  const third = send('1234567890')
  await vi.waitUntil(() => held.length === 1, WAIT)
  held[0]?.()
  expect(await third).toBe('10')
})
