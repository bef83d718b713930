import { once } from 'node:events'
import { mkdtemp, rename, rm, stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Health } from '@drover/serving-api'
import { credentials, status } from '@grpc/grpc-js'
import { describe, expect, onTestFinished, test } from 'vitest'
import { bindSocket } from '../test-support/bound-socket.ts'
import { coreOf, GrpcClient, makeTestPort, type TestPortOptions } from '../test-support/grpc.ts'
import { TLS_PAIR } from '../test-support/tls-pair.ts'

const core = coreOf({})
const { check } = Health.method

async function startFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'drover-grpc-'))
  onTestFinished(async () => await rm(folder, { recursive: true }))
  return folder
}

function connect(address: string, channel = credentials.createInsecure()): GrpcClient {
  const client = new GrpcClient(address, channel)
  onTestFinished(() => client.close())
  return client
}

function startPort(options: Partial<TestPortOptions> = {}) {
  const port = makeTestPort({ core, ...options })
  onTestFinished(async () => await port.drain(1_000))
  return port
}

describe('a port listens', () => {
  test('on an inherited descriptor', async () => {
    const socket = bindSocket()
    const { host } = new URL(socket.url)

    const address = await startPort().listen({ fd: socket.fd })

    expect(address).toBe(host)
    await expect(connect(host).ask(check, {})).resolves.toBeDefined()
  })

  test('on a Unix socket, also where one was left behind, and on TCP beside it', async () => {
    const path = join(await startFolder(), 'socket')
    const left = createServer().listen(`${path}-left`)
    await once(left, 'listening')
    await rename(`${path}-left`, path)
    left.close()
    const port = startPort()

    const address = await port.listen({ path })
    const other = await port.listen({ host: '127.0.0.1', port: 0 })

    expect(address).toBe(`unix:${path}`)
    expect((await stat(path)).isSocket()).toBe(true)
    await expect(connect(address).ask(check, {})).resolves.toBeDefined()
    await expect(connect(other).ask(check, {})).resolves.toBeDefined()
    expect(port.connections()).toBe(2)
  })

  test('and says where it cannot', async () => {
    const taken = createServer()
    await once(taken.listen(0, '127.0.0.1'), 'listening')
    onTestFinished(() => void taken.close())
    const { port } = Object(taken.address())

    const listening = startPort().listen({ host: '127.0.0.1', port })

    await expect(listening).rejects.toThrow(`cannot listen on {"host":"127.0.0.1","port":${port}}`)
  })
})

describe('TLS', () => {
  const ssl = {
    serverKey: TLS_PAIR.key,
    serverCert: TLS_PAIR.certificate,
    customCa: TLS_PAIR.certificate,
    clientVerify: false,
  }
  const authority = Buffer.from(TLS_PAIR.certificate)
  const key = Buffer.from(TLS_PAIR.key)

  test('is spoken with those that trust the certificate', async () => {
    const address = await startPort({ settings: { ssl } }).listen({ host: '127.0.0.1', port: 0 })
    const trusting = connect(address, credentials.createSsl(authority))
    const other = connect(address, credentials.createSsl())

    await expect(trusting.ask(check, {})).resolves.toBeDefined()
    await expect(other.ask(check, {})).rejects.toMatchObject({ code: status.UNAVAILABLE })
    await expect(connect(address).ask(check, {})).rejects.toMatchObject({
      code: status.UNAVAILABLE,
    })
  })

  test('may ask for the certificate of the client', async () => {
    const port = startPort({ settings: { ssl: { ...ssl, clientVerify: true } } })
    const address = await port.listen({ host: '127.0.0.1', port: 0 })
    const known = connect(address, credentials.createSsl(authority, key, authority))
    const unknown = connect(address, credentials.createSsl(authority))

    await expect(known.ask(check, {})).resolves.toBeDefined()
    await expect(unknown.ask(check, {})).rejects.toMatchObject({ code: status.UNAVAILABLE })
  })

  test('without a readable key is no port', () => {
    expect(() => makeTestPort({ core, settings: { ssl: { ...ssl, serverKey: 'none' } } })).toThrow()
  })

  test('drains like any other', async () => {
    const port = startPort({ settings: { ssl } })
    const address = await port.listen({ host: '127.0.0.1', port: 0 })
    await connect(address, credentials.createSsl(authority)).ask(check, {})

    await port.drain(30_000)

    expect(port.connections()).toBe(0)
  })
})
