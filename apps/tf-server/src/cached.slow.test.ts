// A whole agent that starts again serves from its disk cache, whatever became of its store.

import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, readdir, rename } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { freePort } from './test-support/free-port.ts'
import { predict, startProcess, UNTIL } from './test-support/process.ts'
import { putConfig, putVersion, setChannel } from './test-support/published.ts'
import { startStore } from './test-support/server.ts'

test('an agent that was killed goes on from its cache on the same port', async () => {
  await using opened = await startStore()
  const { store, folder } = opened
  const version = await putVersion(store, { name: 'acme.late', version: 1, addend: 10 })
  await setChannel(store, { sha: await putConfig(store, { 'acme.late': version }), seq: 3 })
  const env = {
    DROVER_STORE: folder.store,
    DROVER_CACHE: folder.cache,
    DROVER_REST_PORT: `${await freePort()}`,
  }
  await using first = await startProcess(env)
  await vi.waitUntil(first.isReady, UNTIL)
  expect(await predict(first.restUrl)).toEqual({ predictions: [11] })

  first.child.kill('SIGKILL')
  await first.exited
  await using second = await startProcess(env)
  await vi.waitUntil(second.isReady, UNTIL)

  expect(second.restUrl).toBe(first.restUrl)
  expect(await predict(second.restUrl)).toEqual({ predictions: [11] })
  expect(second.startedLines()).toBe(1)
  expect(await second.state()).toMatchObject({ recycles: 2, config: { seq: 3 } })
})

test('an agent whose store is not mounted makes none, says so and serves from its cache', async () => {
  await using opened = await startStore()
  const { store, folder } = opened
  const version = await putVersion(store, { name: 'acme.late', version: 1, addend: 10 })
  const live = { sha: await putConfig(store, { 'acme.late': version }), seq: 3 }
  await setChannel(store, live)
  const env = { DROVER_STORE: folder.store, DROVER_CACHE: folder.cache }
  {
    await using first = await startProcess(env)
    await vi.waitUntil(first.isReady, UNTIL)
    await vi.waitUntil(() => existsSync(join(folder.cache, 'live.json')), UNTIL)
  }
  await rename(folder.store, `${folder.store}.unmounted`)
  await mkdir(folder.store)

  await using second = await startProcess(env)
  await vi.waitUntil(second.isReady, UNTIL)

  expect(await predict(second.restUrl)).toEqual({ predictions: [11] })
  expect(await second.state()).toMatchObject({
    config: live,
    impaired: expect.stringContaining('there is no store at'),
  })
  expect(await readdir(folder.store)).toEqual([])
})

test('an agent whose S3 takes connections and never answers serves from its cache within seconds', async () => {
  await using opened = await startStore()
  const { store, folder } = opened
  const version = await putVersion(store, { name: 'acme.late', version: 1, addend: 10 })
  const live = { sha: await putConfig(store, { 'acme.late': version }), seq: 3 }
  await setChannel(store, live)
  {
    await using first = await startProcess({
      DROVER_STORE: folder.store,
      DROVER_CACHE: folder.cache,
    })
    await vi.waitUntil(first.isReady, UNTIL)
    await vi.waitUntil(() => existsSync(join(folder.cache, 'live.json')), UNTIL)
  }
  await using silent = await startSilent()

  await using second = await startProcess({
    DROVER_STORE: `s3://bucket/prefix?endpoint=${silent.endpoint}`,
    DROVER_CACHE: folder.cache,
    AWS_ACCESS_KEY_ID: 'the-id',
    AWS_SECRET_ACCESS_KEY: 'the-secret',
  })
  await vi.waitUntil(second.isReady, UNTIL)

  expect(await predict(second.restUrl)).toEqual({ predictions: [11] })
  expect(silent.connections()).toBeGreaterThan(0)
  expect(await second.state()).toMatchObject({ config: live })
  // Not the speed of this machine, but what the agent waits for.
  const late = 'the store did not answer within 3000 ms'
  await vi.waitUntil(async () => (await second.state()).impaired?.includes(late), UNTIL)
})

/** Takes every connection, and all that is sent over it. */
async function startSilent() {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).resume()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('there is no port')
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    connections: () => sockets.size,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
