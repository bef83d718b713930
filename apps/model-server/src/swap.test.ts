import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { type BoundSocket, bindSocket } from './test-support/bound-socket.ts'
import { startLoad } from './test-support/load.ts'
import { halfPlus, writeVersion } from './test-support/saved-models.ts'
import { startServer, type TestServer } from './test-support/server.ts'

const NAME = 'acme.risk'
const PATIENT = { timeout: 30_000 }
const Listed = z.object({ versions: z.array(z.object({ name: z.string() })) })
let folder: string
let socket: BoundSocket
let server: TestServer

beforeAll(async () => {
  socket = bindSocket()
  const sockets = await mkdtemp(join(tmpdir(), 'drover-swap-admin-'))
  const socketPath = join(sockets, 'admin')
  server = await startServer(['--listen_fds=rest:4'], { restFd: socket.fd, socketPath })
  return async () => {
    await server.stop()
    socket.close()
    await rm(sockets, { recursive: true })
  }
})

/** Each test finds a server that serves nothing, and a folder of its own. */
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drover-swap-'))
  return async () => {
    const { body } = await server.admin('GET', '/v1/models')
    const names = Listed.parse(body).versions.map(({ name }) => name)
    await server.admin('POST', '/v1/models', { upserts: [], removes: [...new Set(names)] })
    await rm(folder, { recursive: true })
  }
})

const basePathOf = (name: string): string => join(folder, 'models', name)

/** Serves these versions and nothing else of a model. */
async function serve(versions: number[], name: string = NAME) {
  const upserts = [{ name, basePath: basePathOf(name), versions, labels: {} }]
  return await server.admin('POST', '/v1/models', { upserts, removes: [] })
}

const predictUrl = (name: string = NAME): string => `${socket.url}/v1/models/${name}:predict`

async function predict(name?: string): Promise<unknown> {
  const response = await fetch(predictUrl(name), { method: 'POST', body: '{"instances":[0.0]}' })
  return await response.json()
}

/** `y = 0.5 x + <version>` of 1, 2 and 5. */
const isOfAVersion = (body: string): boolean =>
  [1, 2, 3, 4, 5].some((plus) => body.includes(`${plus + 0.5}, ${plus + 1}.0, ${plus + 2.5}\n`))

const available = (version: number, name: string = NAME) =>
  expect.objectContaining({ name, version, state: 'AVAILABLE', engine: 'kernel' })

const missing = (name: string) => ({ error: `Servable not found for request: Latest(${name})` })

describe('a delta', () => {
  test('swaps versions under load without a failed request', async () => {
    for (const version of [1, 2, 3, 4, 5])
      await writeVersion(basePathOf(NAME), version, halfPlus(version))
    await serve([1])
    const load = startLoad({ url: predictUrl(), keeping: 6, connecting: 2, isRight: isOfAVersion })
    await vi.waitUntil(() => load.tally.right > 0, PATIENT)

    for (const version of [2, 3, 4, 5, 1, 5]) {
      const { body } = await serve([version])

      expect(body).toEqual({ versions: expect.arrayContaining([available(version)]) })
      const seen = load.tally.right
      await vi.waitUntil(() => load.tally.right > seen + 20, PATIENT)
    }

    const { failures } = await load.stop()
    expect(failures).toEqual([])
    expect(await predict()).toEqual({ predictions: [5] })
    await vi.waitUntil(async () => {
      const { body } = await server.admin('GET', '/v1/models')
      return !JSON.stringify(body).includes('UNLOADING')
    }, PATIENT)
    expect((await server.admin('GET', '/v1/models')).body).toEqual({ versions: [available(5)] })
  })

  test('with a broken version keeps the old one and says why', async () => {
    await writeVersion(basePathOf(NAME), 1, halfPlus(1))
    await writeVersion(basePathOf(NAME), 2, Buffer.from('broken'))
    await serve([1])

    const { status, body } = await serve([2])

    expect(status).toBe(200)
    const failed = { name: NAME, version: 2, state: 'END', error: expect.stringMatching(/./) }
    expect(body).toEqual({
      versions: [expect.objectContaining(failed), available(1)],
    })
    expect(await predict()).toEqual({ predictions: [1] })
  })

  test('tries a version that failed again when it is asked again', async () => {
    await writeVersion(basePathOf(NAME), 1, Buffer.from('broken'))
    await serve([1])
    await writeVersion(basePathOf(NAME), 1, halfPlus(1))

    const { body } = await serve([1])

    expect(body).toEqual({ versions: [available(1)] })
  })

  test('touches only the models that it names', async () => {
    const names = Array.from({ length: 20 }, (_, index) => `acme.m${index}`)
    for (const [index, name] of names.entries())
      await writeVersion(basePathOf(name), 1, index === 7 ? Buffer.from('?') : halfPlus(index))
    const upserts = names.map((name) => ({
      name,
      basePath: basePathOf(name),
      versions: [1],
      labels: {},
    }))
    await server.admin('POST', '/v1/models', { upserts, removes: [] })

    const gone = await server.admin('POST', '/v1/models', { upserts: [], removes: ['acme.m3'] })

    expect(JSON.stringify(gone.body)).not.toContain('AVAILABLE')
    const answers = await Promise.all(names.map(async (name) => await predict(name)))
    expect(answers).toEqual(
      names.map((name, index) =>
        [3, 7].includes(index) ? missing(name) : { predictions: [index] },
      ),
    )
  })

  test('that is malformed changes nothing', async () => {
    const { status, body } = await server.admin('POST', '/v1/models', {
      upserts: [{ name: '../x', basePath: '/', versions: [1], labels: {} }],
      removes: [],
    })

    expect({ status, body }).toEqual({
      status: 400,
      body: { error: expect.stringContaining('a served name is <tenant>.<model>') },
    })
  })
})

describe('labels', () => {
  test('move when their version is available, and no earlier', async () => {
    await writeVersion(basePathOf(NAME), 1, halfPlus(1))
    await writeVersion(basePathOf(NAME), 2, Buffer.from('broken'))
    const want = async (versions: number[], stable: number) =>
      await server.admin('POST', '/v1/models', {
        upserts: [{ name: NAME, basePath: basePathOf(NAME), versions, labels: { stable } }],
        removes: [],
      })
    const ask = async () => {
      const url = `${socket.url}/v1/models/${NAME}/labels/stable:predict`
      return await (await fetch(url, { method: 'POST', body: '{"instances":[0.0]}' })).json()
    }
    await want([1], 1)

    await want([2], 2)
    expect(await ask()).toEqual({ predictions: [1] })

    await writeVersion(basePathOf(NAME), 2, halfPlus(2))
    await want([2], 2)
    expect(await ask()).toEqual({ predictions: [2] })
  })
})

test('the admin socket answers golden requests of one version', async () => {
  await writeVersion(basePathOf(NAME), 1, halfPlus(1))
  await serve([1])
  const inputs = { x: { dtype: 'DT_FLOAT', shape: [1, 2], values: [1, 'NaN'] } }
  const run = async (request: object) =>
    await server.admin('POST', '/v1/run', {
      name: NAME,
      version: 1,
      signature: 'serving_default',
      inputs,
      ...request,
    })

  const outputs = { y: { dtype: 'DT_FLOAT', shape: [1, 2], values: [1.5, 'NaN'] } }
  expect(await run({})).toEqual({ status: 200, body: { outputs } })
  expect(await run({ version: 2 })).toMatchObject({ status: 404 })
  expect(await run({ inputs: {} })).toMatchObject({
    status: 400,
    body: { error: expect.stringContaining('Missing but required: {x}') },
  })
  const short = { x: { ...inputs.x, shape: [3] } }
  expect(await run({ inputs: short })).toMatchObject({ status: 400 })
})
