import { once } from 'node:events'
import { stat } from 'node:fs/promises'
import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { LIMITS } from './limits.ts'
import { type RestServer, startRest } from './test-support/rest.ts'

/** Short enough to wait for, long enough for every good request on a busy machine. */
const TIMEOUT_MS = 3_000
let rest: RestServer

beforeAll(async () => {
  rest = await startRest([`--rest_api_timeout_in_ms=${TIMEOUT_MS}`])
})

afterAll(async () => {
  await rest[Symbol.asyncDispose]()
})

const good = { status: 200, text: expect.stringContaining('2.5') }
const predict = async () => await rest.send('POST', '/v1/models/h2:predict', '{"instances":[1.0]}')

test('a body that is too large is refused, and the next request is answered', async () => {
  const body = Buffer.alloc(LIMITS.bodyBytesMax + 1, ' ').toString()

  const answer = await rest.send('POST', '/v1/models/h2:predict', body)

  expect(answer).toEqual({
    status: 413,
    type: 'application/json',
    text: `{\n    "error": "A request body may have ${LIMITS.bodyBytesMax} bytes"\n}`,
  })
  expect(await predict()).toMatchObject(good)
})

test('too many values are refused, however they are laid out, and no more of them are read', async () => {
  const values = Array(LIMITS.valuesMax + 1)
    .fill('1')
    .join()

  const rows = await rest.send('POST', '/v1/models/h2:predict', `{"instances":[${values}]}`)
  const column = await rest.send('POST', '/v1/models/h2:predict', `{"inputs":[${values}]}`)

  expect(rows).toEqual({
    status: 400,
    type: 'application/json',
    text:
      `{\n    "error": "A request may bring ${LIMITS.valuesMax} values over all its inputs: ` +
      'send fewer rows at a time"\n}',
  })
  expect(column).toEqual(rows)
  expect(await predict()).toMatchObject(good)
})

test('a body that does not say its size is refused once it is too large', async () => {
  const answer = await fetch(`${rest.url}/v1/models/h2:predict`, {
    method: 'POST',
    body: new Blob(Array(33).fill(Buffer.alloc(2 ** 20, ' '))).stream(),
    duplex: 'half',
  })

  expect(answer.status).toBe(413)
  expect(await predict()).toMatchObject(good)
})

test('a body that comes too slowly is cut off, and others are answered meanwhile', async () => {
  const { hostname, port } = new URL(rest.url)
  const slow = connect(Number(port), hostname)
  let received = ''
  slow.on('data', (bytes: Buffer) => {
    received += bytes.toString()
  })
  slow.write(
    'POST /v1/models/h2:predict HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n{"a":',
  )

  expect(await predict()).toMatchObject(good)

  await once(slow, 'close')
  expect(received).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n/)
})

test('a client that goes away in the middle harms nobody', async () => {
  const { hostname, port } = new URL(rest.url)
  const client = connect(Number(port), hostname)
  await once(client, 'connect')
  client.write(
    'POST /v1/models/h2:predict HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n{"a":',
  )
  client.destroy()
  await once(client, 'close')

  expect(await predict()).toMatchObject(good)
})

test('half a million levels are refused or ignored, and never end the process', async () => {
  const deep = `${'['.repeat(500_000)}1${']'.repeat(500_000)}`

  const asked = await rest.send('POST', '/v1/models/h2:predict', `{"instances":${deep}}`)
  const ignored = await rest.send(
    'POST',
    '/v1/models/h2:predict',
    `{"a":${deep},"instances":[1.0]}`,
  )

  expect(asked.status).toBe(400)
  expect(asked.text).toContain('A tensor has more than 254 dimensions')
  expect(ignored).toMatchObject(good)
})

test('nobody but this user may open the admin socket', async () => {
  const { mode } = await stat(rest.socketPath)

  expect(mode & 0o777).toBe(0o600)
})
