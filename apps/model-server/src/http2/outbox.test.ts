import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { expect, onTestFinished, test, vi } from 'vitest'
import { Outbox } from './outbox.ts'

/** Two ends of a connection. */
async function startPair(): Promise<[Socket, Socket]> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port }: AddressInfo = Object(server.address())
  const here = connect(port, '127.0.0.1')
  const [there]: [Socket] = await Promise.all([
    once(server, 'connection'),
    once(here, 'connect'),
  ]).then(([connection]) => Object(connection))
  onTestFinished(() => {
    here.destroy()
    there.destroy()
    server.close()
  })
  return [here, there]
}

test('many small frames leave in few writes, and in their order', async () => {
  const [here, there] = await startPair()
  const received: Buffer[] = []
  there.on('data', (bytes: Buffer) => received.push(bytes))
  const writes = vi.spyOn(here, 'write')
  const outbox = new Outbox(here)
  const frames = Array.from({ length: 10_000 }, (_, index) => Buffer.alloc(9, index % 251))
  frames[5_000] = Buffer.alloc(100_000, 7)
  const sent = Buffer.concat(frames)

  outbox.hold()
  for (const frame of frames) outbox.push(frame)
  outbox.flush()
  await vi.waitUntil(() => there.bytesRead === sent.length)

  expect(Buffer.concat(received).equals(sent)).toBe(true)
  expect(writes.mock.calls.length).toBeLessThan(10)
})
