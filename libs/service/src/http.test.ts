import { once } from 'node:events'
import { type IncomingHttpHeaders, request } from 'node:http'
import { networkInterfaces } from 'node:os'
import { text } from 'node:stream/consumers'
import { pino } from 'pino'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { ApiError, type ApiOptions, listen, type Listening, makeApi } from './http.ts'

const WAIT_MS_MAX = 30_000
/** Waits for a state, also on a busy machine. */
const until = async (isSo: () => unknown): Promise<void> => {
  await vi.waitUntil(isSo, { timeout: WAIT_MS_MAX, interval: 10 })
}

const TOKEN = 'a-token-of-this-test'
const JSON_TYPE = { 'content-type': 'application/json' }
const Body = z.strictObject({ name: z.string() })

const servers: Listening[] = []
const logged: string[] = []
const log = pino({}, { write: (line: string) => void logged.push(line) })

afterEach(async () => {
  await Promise.all(servers.splice(0).map(async (server) => await server[Symbol.asyncDispose]()))
  logged.length = 0
})

const isReady = () => ({ ready: true })

async function start(options: Partial<ApiOptions> = {}, host = '127.0.0.1') {
  const api = makeApi(
    { log, token: undefined, isReady, bodyBytesMax: 1_000, ...options },
    (app) => {
      app.post('/v1/echo', (asked, answer) => {
        answer.json(Body.parse(asked.body))
      })
      app.get('/v1/things/:name', (asked, answer) => {
        answer.json({ name: asked.params.name })
      })
      app.get('/v1/broken', () => {
        throw new Error('the password is secret')
      })
      app.get('/v1/translated', () => {
        throw new RangeError('inner')
      })
      app.put('/v1/data/file', async (asked, answer) => {
        answer.json({ got: await text(asked) })
      })
    },
  )
  const server = await listen(api, { host, port: 0 })
  servers.push(server)
  return server
}

interface Ask {
  method?: string
  headers?: IncomingHttpHeaders
  body?: string
  host?: string
}

/** Unlike `fetch`, this sends any header. */
async function ask(
  { port }: Listening,
  path: string,
  { method = 'GET', headers, body, host }: Ask = {},
) {
  const sent = request({ host: host ?? '127.0.0.1', port, path, method, headers, agent: false })
  sent.end(body)
  const [response] = await once(sent, 'response')
  const answer: unknown = JSON.parse(await text(response))
  return { status: z.int().parse(response.statusCode), answer }
}

const error = (part: string) => ({ error: expect.stringContaining(part) })
const post = (body: string, headers: IncomingHttpHeaders = JSON_TYPE) => ({
  method: 'POST',
  headers: { 'content-length': String(Buffer.byteLength(body)), ...headers },
  body,
})

const translate = (cause: unknown) =>
  cause instanceof RangeError ? new ApiError(503, 'try again', { cause }) : undefined

describe('an API', () => {
  test('answers JSON with JSON', async () => {
    const server = await start()

    const answer = await ask(server, '/v1/echo', post('{"name":"x"}'))

    expect(answer).toEqual({ status: 200, answer: { name: 'x' } })
  })

  test.each<[string, string, Ask, number, string]>([
    ['of another Host', '/v1/things/x', { headers: { host: 'evil.example' } }, 403, 'evil.example'],
    [
      'of another Origin',
      '/v1/things/x',
      { headers: { origin: 'http://evil.example' } },
      403,
      'evil.example',
    ],
    ['of no Origin that can be named', '/livez', { headers: { origin: 'null' } }, 403, 'null'],
    [
      'of a form',
      '/v1/echo',
      post('name=x', { 'content-type': 'text/plain' }),
      415,
      'content-type',
    ],
    ['of no content type', '/v1/echo', post('{}', {}), 415, 'application/json'],
    [
      'in pieces of no content type',
      '/v1/echo',
      { method: 'POST', headers: { 'transfer-encoding': 'chunked' }, body: '{}' },
      415,
      'application/json',
    ],
    ['with a body that is no JSON', '/v1/echo', post('{"name":'), 400, 'not JSON'],
    ['with a body of another shape', '/v1/echo', post('{"nome":"x"}'), 400, 'name'],
    [
      'with a field that schemas overlook',
      '/v1/echo',
      post('{"name":"x","in":{"__proto__":{}}}'),
      400,
      '__proto__',
    ],
    ['without its body', '/v1/echo', { method: 'POST' }, 400, 'expected object'],
    ['with a body that is too large', '/v1/echo', post(`"${'x'.repeat(2_000)}"`), 413, 'too large'],
    ['of an unknown route', '/v1/nothing', {}, 404, 'GET /v1/nothing'],
    ['of another method', '/v1/echo', { method: 'DELETE' }, 404, 'DELETE /v1/echo'],
    ['of another case', '/V1/things/x', {}, 404, '/V1/things/x'],
    ['of a path that is no text', '/v1/things/%E0%A4%A', {}, 400, 'malformed'],
  ])('refuses a request %s', async (_what, path, asked, status, part) => {
    const server = await start()

    expect(await ask(server, path, asked)).toEqual({ status, answer: error(part) })
    expect(logged).toEqual([])
  })

  test('takes its own origin and the names of this machine', async () => {
    const server = await start()
    for (const host of [
      `127.0.0.1:${server.port}`,
      `LOCALHOST:${server.port}`,
      'localhost',
      '[::1]:1',
    ]) {
      const headers = { host, origin: `http://${host}` }
      expect(await ask(server, '/v1/things/x', { headers })).toMatchObject({ status: 200 })
    }
  })

  test('says nothing private of what went wrong inside, and logs it', async () => {
    const server = await start()

    const answer = await ask(server, '/v1/broken')

    expect(answer).toEqual({ status: 500, answer: error('the log says what') })
    expect(JSON.stringify(answer)).not.toContain('secret')
    expect(logged.join()).toContain('the password is secret')
  })

  test('translates the errors that it knows', async () => {
    const server = await start({ translate })

    expect(await ask(server, '/v1/translated')).toEqual({ status: 503, answer: error('try again') })
    expect(logged).toHaveLength(1)
  })

  test('leaves uploads of any type to their route', async () => {
    const server = await start()
    for (const type of ['application/json', 'text/csv', 'application/octet-stream']) {
      const body = 'x'.repeat(5_000)
      const upload = { ...post(body, { 'content-type': type }), method: 'PUT' }
      expect(await ask(server, '/v1/data/file', upload)).toEqual({
        status: 200,
        answer: { got: body },
      })
    }
  })

  test('says whether it is ready', async () => {
    const readiness = { ready: false, why: 'no config yet' }
    const server = await start({ isReady: () => readiness })

    expect(await ask(server, '/readyz')).toEqual({ status: 503, answer: readiness })
    expect(await ask(server, '/livez')).toEqual({ status: 200, answer: { ok: true } })
  })
})

describe('an API with a token', () => {
  test.each([undefined, 'Bearer', `Bearer ${TOKEN}x`, `Bearer ${'x'.repeat(TOKEN.length)}`, TOKEN])(
    'refuses %j',
    async (authorization) => {
      const server = await start({ token: TOKEN })

      const headers = authorization === undefined ? {} : { authorization }
      const answer = await ask(server, '/v1/things/x', { headers })

      expect(answer).toEqual({ status: 401, answer: error('Bearer <token>') })
    },
  )

  test('takes the token, and its health needs none', async () => {
    const server = await start({ token: TOKEN })
    const headers = { authorization: `Bearer ${TOKEN}` }

    expect(await ask(server, '/v1/things/x', { headers })).toMatchObject({ status: 200 })
    expect(await ask(server, '/livez')).toMatchObject({ status: 200 })
    expect(await ask(server, '/readyz')).toMatchObject({ status: 200 })
  })
})

const elsewhere = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .find(({ internal, family }) => !internal && family === 'IPv4')?.address

describe.skipIf(elsewhere === undefined)('an API off loopback', () => {
  test('answers nobody without a token', async () => {
    const server = await start({}, '0.0.0.0')

    const asked = { host: elsewhere ?? '' }
    expect(await ask(server, '/v1/things/x', asked)).toMatchObject({ status: 401 })
    expect(await ask(server, '/livez', asked)).toMatchObject({ status: 200 })
  })

  test('takes any Host with a token', async () => {
    const server = await start({ token: TOKEN }, '0.0.0.0')
    const headers = { authorization: `Bearer ${TOKEN}`, host: 'drover.example' }

    const asked = { host: elsewhere ?? '', headers }
    expect(await ask(server, '/v1/things/x', asked)).toMatchObject({ status: 200 })
  })
})

describe('listening', () => {
  test('on a port in use names the port', async () => {
    const { port } = await start()

    await expect(listen(() => {}, { host: '127.0.0.1', port })).rejects.toMatchObject({
      message: `cannot listen on 127.0.0.1:${port}`,
      cause: { code: 'EADDRINUSE' },
    })
  })

  test('ends when it is disposed of, with what is in progress and idle connections', async () => {
    let finish: (() => void) | undefined
    const server = await listen(
      (_ask, answer) => {
        finish = () => void answer.end('{}')
      },
      { host: '127.0.0.1', port: 0 },
    )
    const answer = ask(server, '/', { headers: { connection: 'keep-alive' } })
    await until(() => finish !== undefined)

    const closed = server[Symbol.asyncDispose]()
    finish?.()

    expect(await answer).toMatchObject({ status: 200 })
    await closed
    await server[Symbol.asyncDispose]()
    await expect(ask(server, '/')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  test('cuts off what does not end', async () => {
    let isAsked = false
    const server = await listen(() => void (isAsked = true), { host: '127.0.0.1', port: 0 })
    const answer = ask(server, '/').catch((cause: unknown) => cause)
    await until(() => isAsked)

    await server[Symbol.asyncDispose]()

    expect(await answer).toMatchObject({ code: 'ECONNRESET' })
  })
})
