import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  answerTo,
  type Ask,
  errorText,
  otherRequest,
  pageText,
  plainRequest,
  predictionsText,
  READERS,
} from './client.fixture.ts'
import { FakeCore, startPort, type TestPort } from './port.fixture.ts'

const METRICS = '/monitoring/prometheus/metrics'

let port: TestPort

beforeAll(async () => {
  port = await startPort({ settings: { prometheusPath: METRICS } })
})

afterAll(async () => {
  await port[Symbol.asyncDispose]()
})

const ask = async (bytes: Buffer, to: TestPort = port) => await answerTo(to.url, bytes)

describe.each(READERS)('read by %s', (_name, request) => {
  test('replies of the API are JSON, pages are not', async () => {
    const typeOf = async (each: Ask) => (await ask(request(each))).headers['content-type']

    expect(await typeOf({ path: '/v1/models/h2:predict', body: '{}' })).toBe('application/json')
    expect(await typeOf({ method: 'GET', path: '/v1/models/h2' })).toBe('application/json')
    expect(await typeOf({ method: 'GET', path: '/nothing' })).toBe('text/html')
    expect(await typeOf({ method: 'GET', path: METRICS })).toBe('text/plain')
  })

  test('a model that cannot answer now says when it may', async () => {
    const asked = { path: '/v1/models/busy:predict', body: '{"instances":[1]}' }
    expect((await ask(request(asked))).headers['retry-after']).toBe('1')
  })

  test('an answer says when it was made', async () => {
    const { headers } = await ask(request({ method: 'GET', path: '/v1/models/h2' }))
    expect(Math.abs(Date.now() - Date.parse(headers['date'] ?? ''))).toBeLessThan(60_000)
  })

  test('an answer that takes too long is 504', async () => {
    await using impatient = await startPort({ settings: { timeoutMs: 20 } })
    const asked = { path: '/v1/models/slow:predict', body: '{"instances":[1]}' }

    const answer = await ask(request(asked), impatient)

    expect(answer).toMatchObject({
      status: 504,
      body: errorText('Timed out waiting for notification'),
    })
  })

  test('pages of other origins may ask where that is switched on', async () => {
    await using open = await startPort({ settings: { corsEnabled: true, prometheusPath: METRICS } })
    const cors = {
      'access-control-allow-origin': '*',
      'access-control-allow-methods': 'POST, GET',
      'access-control-allow-headers': 'Content-Type',
    }

    const good = await ask(request({ path: '/v1/models/h2:predict', body: '{"inputs":1}' }), open)
    const bad = await ask(request({ path: '/v1/foo' }), open)
    const metrics = await ask(request({ method: 'GET', path: METRICS }), open)

    expect(good).toMatchObject({ status: 200, headers: cors })
    expect(bad).toMatchObject({ status: 400, headers: cors })
    expect(metrics.headers).not.toHaveProperty('access-control-allow-origin')
  })

  test('what fails unexpectedly is told to the log and not to the client', async () => {
    const core = new FakeCore()
    core.find = () => {
      throw new Error('secret')
    }
    await using broken = await startPort({ core })

    const answer = await ask(request({ path: '/v1/models/h2:predict', body: '{}' }), broken)

    expect(answer).toMatchObject({
      status: 500,
      body: errorText('Something went wrong here; the log says what'),
    })
    expect(broken.logged.join('')).toContain('secret')
  })
})

test.each(['HEAD', 'PUT', 'DELETE', 'PATCH'])('%s is not of the API', async (method) => {
  const response = await fetch(`${port.url}/v1/models/h2`, { method })

  expect(response.status).toBe(400)
  const text = errorText(`Malformed request: ${method} /v1/models/h2`)
  expect(response.headers.get('content-length')).toBe(`${text.length}`)
  expect(await response.text()).toBe(method === 'HEAD' ? '' : text)
})

test('a method that upstream does not know gets a page', async () => {
  expect(
    await ask(Buffer.from('PROPFIND /v1/models/h2 HTTP/1.1\r\nHost: a\r\n\r\n')),
  ).toMatchObject({
    status: 501,
    body: pageText(501, 'Not Implemented'),
  })
})

test.each([
  ['http://a.example', 200],
  ['https://a.example', 200],
  ['x-https://a', 200],
  ['null', 400],
])('OPTIONS from %s is answered with %i and nothing else', async (origin, status) => {
  const headers = { Origin: origin }
  const answer = await ask(otherRequest({ method: 'OPTIONS', path: '/v1/models/h2', headers }))

  expect(answer).toMatchObject({ status, body: '' })
})

test('a request in absolute form is for its path', async () => {
  const bytes = Buffer.from('GET http://other.example/v1/foo HTTP/1.1\r\nHost: a\r\n\r\n')
  expect((await ask(bytes)).body).toBe(errorText('Malformed request: GET /v1/foo'))
})

describe('a compressed body', () => {
  const send = async (body: Buffer, encoding: string) =>
    await ask(
      plainRequest({
        path: '/v1/models/h2:predict',
        body,
        headers: { 'Content-Encoding': encoding },
      }),
    )
  const good = gzipSync('{"instances":[1.0]}')
  const empty = { status: 400, body: errorText('JSON Parse error: The document is empty') }

  test.each(['gzip', 'my_gzip', 'x, gzip'])('is inflated where it is %s', async (encoding) => {
    expect(await send(good, encoding)).toMatchObject({ status: 200, body: predictionsText('2.5') })
  })

  test.each([
    ['that is none', Buffer.from('{"instances":[1.0]}')],
    ['that is cut off', good.subarray(0, -1)],
    ['with something behind it', Buffer.concat([good, Buffer.from('abcd')])],
    ['of nothing', Buffer.alloc(0)],
  ])('%s counts as an empty one', async (_name, body) => {
    expect(await send(body, 'gzip')).toMatchObject(empty)
  })

  test('is not inflated where nothing says so', async () => {
    expect((await send(good, 'deflate')).body).toContain('JSON Parse error: Invalid value.')
  })
})

describe('on loopback, started by the agent', () => {
  const from = async (headers: Record<string, string>, isSinglePort: boolean) => {
    await using agents = await startPort({ isSinglePort })
    const asked = { path: '/v1/models/h2:predict', body: '{"instances":[1]}', headers }
    return await Promise.all(
      READERS.map(async ([, request]) => (await ask(request(asked), agents)).status),
    )
  }

  test.each([{ Origin: 'http://a.example' }, { Host: 'a.example:80' }])(
    '%j is refused, and answered with flags of upstream',
    async (headers) => {
      expect(await from(headers, false)).toEqual([403, 403])
      expect(await from(headers, true)).toEqual([200, 200])
    },
  )

  test.each([
    { Host: 'localhost:8501' },
    { Host: '[::1]:8501' },
    { Host: 'localhost:1', Origin: 'http://localhost:1' },
    { 'Content-Type': 'text/plain' },
  ])('%j is answered', async (headers) => {
    expect(await from(headers, false)).toEqual([200, 200])
  })
})

test('requests are counted by model, method and code', async () => {
  await using counting = await startPort()
  const count = async (each: Ask) => void (await ask(plainRequest(each), counting))

  await count({ path: '/v1/models/h2:predict', body: '{"instances":[1]}' })
  await count({ path: '/v1/models/cold:predict', body: '{"instances":[1]}' })
  await count({ path: '/v1/models/no:classify', body: '{"examples":[{}]}' })
  await count({ method: 'GET', path: '/v1/models/h2' })
  await count({ method: 'GET', path: '/v1/foo' })

  expect(counting.core.observed.map(({ name, api, code }) => [name, api, code])).toEqual([
    ['h2', 'predict', 'OK'],
    ['cold', 'predict', 'OK'],
    ['no', 'classify', 'NOT_FOUND'],
    ['h2', 'status', 'OK'],
    [undefined, '', 'INVALID_ARGUMENT'],
  ])
})
