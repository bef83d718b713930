import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type BoundSocket, bindSocket } from './test-support/bound-socket.ts'
import { startLoad } from './test-support/load.ts'
import { halfPlus, writeVersion } from './test-support/saved-models.ts'
import { startServer, type TestServer } from './test-support/server.ts'

const NAME = 'acme.risk'
const TAKEOVERS = 20
const PATIENT = { timeout: 30_000 }
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 })

let folder: string
let socket: BoundSocket
const servers: TestServer[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drover-swap-'))
  socket = bindSocket()
})

afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop()
  socket.close()
  await rm(folder, { recursive: true })
})

async function start(flags: string[] = []): Promise<TestServer> {
  const socketPath = join(folder, `admin-${servers.length}`)
  const server = await startServer(['--listen_fds=rest:4', ...flags], {
    restFd: socket.fd,
    socketPath,
  })
  servers.push(server)
  return server
}

const basePathOf = (name: string): string => join(folder, 'models', name)

/** Serves version 1. */
async function serve(server: TestServer) {
  const upserts = [{ name: NAME, basePath: basePathOf(NAME), versions: [1], labels: {} }]
  return await server.admin('POST', '/v1/models', { upserts, removes: [] })
}

const predictUrl = (): string => `${socket.url}/v1/models/${NAME}:predict`

const isRight = (body: string): boolean => body.includes('[1.5, 2.0, 3.5\n')

/** One that has its models and does not listen yet. */
async function prepare(): Promise<TestServer> {
  const server = await start(['--accept_later'])
  await serve(server)
  return server
}

describe('a takeover on one socket', () => {
  test('fails no request, of clients that stay connected and of new ones', async () => {
    await writeVersion(basePathOf(NAME), 1, halfPlus(1))
    let present = await start()
    await serve(present)
    const load = startLoad({ url: predictUrl(), keeping: 4, connecting: 2, pauseMs: 4, isRight })
    await vi.waitUntil(() => load.tally.right > 0, PATIENT)

    let starting = prepare()
    for (let takeover = 0; takeover < TAKEOVERS; takeover++) {
      const next = await starting
      starting = prepare()
      await next.admin('POST', '/v1/accept')
      const { body } = await present.admin('POST', '/v1/drain')
      expect(body).toEqual({ draining: true })
      expect(await present.exited).toBe(0)
      present = next
    }
    await starting

    const { right, failures } = await load.stop()
    expect(failures).toEqual([])
    expect(right).toBeGreaterThan(TAKEOVERS * 10)
  })

  test('SIGTERM drains as well, and finishes what is being sent', async () => {
    await writeVersion(basePathOf(NAME), 1, halfPlus(1))
    const server = await start()
    await serve(server)
    const client = connect(Number(new URL(socket.url).port), '127.0.0.1')
    let received = ''
    client.on('data', (bytes: Buffer) => {
      received += bytes.toString()
    })
    const head = `POST /v1/models/${NAME}:predict HTTP/1.1\r\nhost: localhost\r\ncontent-length: 19\r\n\r\n`
    client.write(`${head}{"instances":[1.0]}`)
    await vi.waitUntil(() => received.endsWith('}'), PATIENT)

    received = ''
    client.write(`${head}{"instances":`)
    server.process.kill('SIGTERM')
    await vi.waitUntil(() => JSON.stringify(server.logs).includes('SIGTERM'), PATIENT)
    client.write('[2.0]}')
    await once(client, 'close')

    expect(received).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    expect(received).toMatch(/^Connection: close\r$/m)
    expect(received).toContain('"predictions": [2.0')
    expect(await server.exited).toBe(0)
  })
})

test('the end of its parent ends it', async () => {
  const server = await start()

  server.process.stdin?.end()

  expect(await server.exited).toBe(0)
})
