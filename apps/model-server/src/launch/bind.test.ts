import { once } from 'node:events'
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { connect, createServer, type Server } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { bindTcp, bindUnix } from './bind.ts'

let folder: string
const servers: Server[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drover-bind-'))
})

afterEach(async () => {
  for (const server of servers.splice(0)) server.close()
  await rm(folder, { recursive: true })
})

async function listenOn(place: { fd: number } | { port: number; host: string } | string) {
  const server = createServer((socket) => socket.end())
  servers.push(server)
  if (typeof place === 'string') server.listen(place)
  else server.listen(place)
  await once(server, 'listening')
  return server
}

/** Whether somebody answers there. Throws what the system says otherwise. */
async function connects(place: { port: number; host: string } | { path: string }) {
  const socket = connect(place)
  await once(socket, 'connect')
  socket.destroy()
  return true
}

test('a bound port refuses connections until somebody listens', async () => {
  const { fd, port = 0 } = await bindTcp('127.0.0.1', 0)
  await expect(connects({ host: '127.0.0.1', port })).rejects.toThrow('ECONNREFUSED')

  await listenOn({ fd })

  expect(await connects({ host: '127.0.0.1', port })).toBe(true)
})

const hasIpv6 = Object.values(networkInterfaces())
  .flat()
  .some((each) => each?.address === '::1')

test.skipIf(!hasIpv6)('without a host, both kinds of addresses are bound', async () => {
  const { fd, port = 0 } = await bindTcp(undefined, 0)
  await listenOn({ fd })

  expect(await connects({ host: '127.0.0.1', port })).toBe(true)
  expect(await connects({ host: '::1', port })).toBe(true)
})

test('a name is looked up', async () => {
  const socket = await bindTcp('localhost', 0)
  socket.close()

  expect(socket.port).toBeGreaterThan(0)
})

test('a port that is taken is told of in one sentence', async () => {
  const server = await listenOn({ port: 0, host: '127.0.0.1' })
  const place = server.address()
  const port = typeof place === 'object' && place !== null ? place.port : 0

  await expect(bindTcp('127.0.0.1', port)).rejects.toThrow(
    `cannot listen on 127.0.0.1 port ${port}: it is in use (EADDRINUSE)`,
  )
  await expect(bindTcp(undefined, port)).rejects.toThrow(
    `cannot listen on port ${port}: it is in use (EADDRINUSE)`,
  )
})

test('an address that is not of this machine is told of', async () => {
  await expect(bindTcp('203.0.113.7', 1)).rejects.toThrow('it is no address of this machine')
  await expect(bindTcp('no-such-host.invalid', 1)).rejects.toThrow(
    'cannot listen on no-such-host.invalid: no address has this name',
  )
})

test('a Unix socket outlives the descriptor that it was made with', async () => {
  const path = join(folder, 'grpc')
  const socket = await bindUnix(path)
  socket.close()

  expect((await stat(path)).isSocket()).toBe(true)
  expect(await readdir(folder)).toEqual(['grpc'])
  await socket.remove()
  expect(await readdir(folder)).toEqual([])
})

test('a Unix socket that is left there is replaced', async () => {
  const path = join(folder, 'grpc')
  const left = await bindUnix(path)
  left.close()

  const socket = await bindUnix(path)
  await listenOn({ fd: socket.fd })
  await left.remove()

  expect(await connects({ path })).toBe(true)
})

test('another kind of file in its place is left alone', async () => {
  const path = join(folder, 'grpc')
  await writeFile(path, 'mine')

  await expect(bindUnix(path)).rejects.toThrow(`${path}: it is there and is no socket`)
})

test('a path that is too long for the kernel is told of', async () => {
  await expect(bindUnix(join(folder, 'x'.repeat(108)))).rejects.toThrow('more than 107 bytes')
})

test('a folder that is not there is told of', async () => {
  await expect(bindUnix(join(folder, 'none', 'grpc'))).rejects.toThrow('cannot listen on')
})
