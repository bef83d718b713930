import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import {
  ended,
  errorText,
  openClient,
  otherRequest,
  plainRequest,
  READERS,
  WAIT,
} from './client.fixture.ts'
import { startPort, type StartOptions, type TestPort } from './port.fixture.ts'

const PREDICT = '/v1/models/h2:predict'
const IDLE_WANTED = 10_000
/** Files that the rest of a process needs. */
const FILES_BESIDE = 500
const Report = z.object({
  userLimits: z.object({ open_files: z.object({ soft: z.union([z.number(), z.string()]) }) }),
})
const filesMax = Number(Report.parse(process.report.getReport()).userLimits.open_files.soft)
const IDLE_CONNECTIONS = Math.min(IDLE_WANTED, (filesMax || Infinity) - FILES_BESIDE)
if (IDLE_CONNECTIONS < IDLE_WANTED)
  console.warn(`${IDLE_CONNECTIONS} idle connections: a process may open ${filesMax} files here`)
const good = { status: 200, body: '{\n    "predictions": [2.5\n    ]\n}' }
const asks = { path: PREDICT, body: '{"instances":[1]}' }
const small = plainRequest(asks)
const longAsk = { path: PREDICT, body: ' '.repeat(1_000) }
const [long, otherLong] = [plainRequest(longAsk), otherRequest(longAsk)]
/** Times short enough to wait for. */
const SOON = { receiveMsMax: 200, headersMsMax: 200, keepAliveMs: 200, connectionsCheckMs: 20 }

let port: TestPort

afterEach(async () => {
  await port[Symbol.asyncDispose]()
})

async function start(options: StartOptions = {}): Promise<void> {
  port = await startPort(options)
}

async function expectGood(): Promise<void> {
  const client = await port.open()
  client.send(small)
  await vi.waitUntil(() => client.answers.length > 0, WAIT)
  expect(client.answers).toMatchObject([good])
  client.socket.destroy()
}

describe('a slow client', () => {
  test.each([
    ['head', 'POST /v1/models/h2:predict HTTP/1.1\r\nX: ', 'The request took too long'],
    ['body', long.toString().slice(0, -900), 'The body of the request took too long'],
    ['chunk', otherLong.toString().slice(0, -900), 'The request took too long'],
  ])(
    'that sends its %s a byte at a time is cut off, and told why',
    async (_part, begin, message) => {
      await start({ limits: SOON })
      const client = await port.open()
      client.send(begin)
      const trickle = setInterval(() => client.send(' '), 20)

      await ended(client)
      clearInterval(trickle)

      expect(client.answers).toMatchObject([
        { status: 408, headers: { connection: 'close' }, body: errorText(message) },
      ])
      await expectGood()
    },
  )

  test('that says nothing is cut off', async () => {
    await start({ limits: SOON })
    const [silent, asking] = [await port.open(), await port.open()]
    asking.send(small)

    await Promise.all([ended(silent), ended(asking)])

    expect([silent.answers, asking.answers]).toMatchObject([[], [good]])
  })

  test('that does not take its answers is asked for no more, and cut off', async () => {
    await start({ limits: { receiveMsMax: 200, connectionsCheckMs: 20 } })
    const client = await port.open()
    client.socket.pause()
    const requests = 200_000
    const metadata = Buffer.from('GET /v1/models/h2/metadata HTTP/1.1\r\nHost: a\r\n\r\n')
    client.send(Buffer.concat(Array<Buffer>(requests).fill(metadata)))

    await vi.waitUntil(() => port.core.observed.length > 0, WAIT)
    await vi.waitUntil(() => port.connections() === 0, WAIT)

    expect(port.core.observed.length).toBeLessThan(requests / 2)
    await expectGood()
  })
})

describe('a client that sends many requests at once', () => {
  test.each(READERS)('gets its answers in order from %s', async (_name, request) => {
    await start()
    const client = await port.open()
    const paths = Array.from({ length: 50 }, (_, index) =>
      index % 3 === 0 ? '/v1/models/cold:predict' : `/v1/models/h2:predict`,
    )
    const requests = paths.map((path, index) => request({ path, body: `{"instances":[${index}]}` }))
    client.send(Buffer.concat(requests))

    await vi.waitUntil(() => client.answers.length === paths.length, WAIT)

    const values = client.answers.map(({ body }) => Number(/\[([\d.]+)/.exec(body)?.[1]))
    expect(values).toEqual(paths.map((_, index) => index / 2 + 2))
    client.socket.destroy()
  })

  test('of both kinds gets its answers in order', async () => {
    await start()
    const client = await port.open()
    const bodies = [0, 2, 4, 6].map((value) => ({
      path: '/v1/models/cold:predict',
      body: `{"instances":[${value}]}`,
    }))
    client.send(
      Buffer.concat(
        bodies.map((ask, index) => (index < 2 ? plainRequest(ask) : otherRequest(ask))),
      ),
    )

    await vi.waitUntil(() => client.answers.length === bodies.length, WAIT)

    expect(client.answers.map(({ body }) => /\[([\d.]+)/.exec(body)?.[1])).toEqual([
      '2.0',
      '3.0',
      '4.0',
      '5.0',
    ])
    client.socket.destroy()
  })
})

test.each(READERS)(
  'a client of %s that goes away in the middle harms nobody',
  async (_name, request) => {
    // A client that has gone looks like one that has said all, until the answer goes to it.
    await start({ settings: { timeoutMs: 50 } })
    const bytes = request({ ...asks, path: '/v1/models/slow:predict' })
    const middles = [bytes.length, bytes.length - 5, 20]
    for (const length of middles) {
      const client = await port.open()
      client.send(bytes.subarray(0, length))
      await vi.waitUntil(() => port.connections() === 1, WAIT)
      client.socket.resetAndDestroy()
    }

    await vi.waitUntil(() => port.connections() === 0, WAIT)
    expect(port.logged).toEqual([])
    await expectGood()
  },
)

const post = 'POST / HTTP/1.1\r\nHost: a\r\n'
const chunked = `${post}Transfer-Encoding: chunked\r\n\r\n`
const many = 'x'.repeat(20_000)

describe('what is no HTTP', () => {
  test.each([
    ['a space before a colon', `${post}X : a\r\n\r\n`, 400, 'Malformed HTTP: Invalid header token'],
    ['TLS', '\x16\x03\x01\x02', 400, 'Malformed HTTP: Invalid method encountered'],
    ['a long head', `${post}X: ${many}\r\n\r\n`, 431, 'The head of the request is too large'],
    [
      'a long extension',
      `${chunked}3;${many}\r\nabc`,
      413,
      'The extensions of a chunk are too large',
    ],
    ['a bad size', `${chunked}zz\r\n`, 400, 'Malformed HTTP: Invalid character in chunk size'],
    [
      'two lengths',
      `${post}Content-Length: 1\r\nContent-Length: 2\r\n\r\n`,
      400,
      'Malformed HTTP: ',
    ],
  ])('as %s is refused and closed', async (_name, text, status, message) => {
    await start()
    const client = await port.open()
    client.send(text)

    await ended(client)

    expect(client.answers).toMatchObject([{ status, headers: { connection: 'close' } }])
    expect(client.answers[0]?.body).toContain(`{\n    "error": "${message}`)
    await expectGood()
  })

  test('behind a request that is being answered is closed without a word', async () => {
    await start()
    const client = await port.open()
    client.send(otherRequest({ ...asks, path: '/v1/models/slow:predict' }))
    await vi.waitUntil(() => port.core.asked.length === 1, WAIT)
    client.send('nonsense\r\n\r\n')

    await ended(client)

    expect(client.received).toBe('')
  })
})

/** Opens connections and says so; ends with its parent. */
const IDLE_CLIENT = `
const [port, count] = process.argv.slice(1).map(Number)
let open = 0
const more = () => {
  if (open === count) return process.send('open')
  const socket = require('net').connect(port, '127.0.0.1', () => { open++; more() })
  socket.on('error', (error) => { process.send(error.code); process.exit(1) })
}
more()
process.on('disconnect', () => process.exit(0))
`

test(`${IDLE_CONNECTIONS} idle connections are held, and others are answered`, async () => {
  await start()
  const before = process.memoryUsage().rss
  const { port: number } = new URL(port.url)
  const child = spawn(process.execPath, ['-e', IDLE_CLIENT, number, `${IDLE_CONNECTIONS}`], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const exited = once(child, 'exit')

  expect(await once(child, 'message')).toEqual(['open', undefined])
  await vi.waitUntil(() => port.connections() === IDLE_CONNECTIONS, WAIT)
  await expectGood()
  expect(process.memoryUsage().rss - before).toBeLessThan(IDLE_CONNECTIONS * 16 * 1024)

  child.disconnect()
  await exited
  await vi.waitUntil(() => port.connections() === 0, WAIT)
}, 60_000)

test('more connections than may be open are closed at once', async () => {
  await start({ limits: { connectionsMax: 2 } })
  const kept = [await port.open(), await port.open()]
  await vi.waitUntil(() => port.connections() === 2, WAIT)

  const third = await openClient(port.url)
  third.send(small)
  kept[0]?.send(small)

  await ended(third)
  await vi.waitUntil(() => kept[0]?.answers.length === 1, WAIT)
  expect(third.received).toBe('')
})
