// Whatever a client sends is read once, and as the strict parser of node:http reads it: so a proxy in
// front and this server never see two different requests in the same bytes.

import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { LIMITS } from '../limits.ts'
import { openClient, WAIT } from './client.fixture.ts'
import { Held } from './held.ts'
import { PlainConnections } from './plain.ts'
import { takeConnections } from './port.ts'
import { Headers, NOTHING } from './reply.ts'
import { Routes } from './routes.ts'

const Address = z.object({ port: z.number() })
const MARK = 'GET /end HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'

/** What was read of the connection that is open: one at a time in these tests. */
let read: string[] = []
let plainReads = 0
let ours: Server
let nodes: Server

const record: RequestListener = (request, response) => {
  const body: Buffer[] = []
  request.on('data', (piece: Buffer) => void body.push(piece))
  request.once('end', () => {
    read.push(`${request.method} ${request.url} ${Buffer.concat(body).toString('latin1')}`)
    response.end()
  })
}

beforeAll(async () => {
  nodes = createServer({ requireHostHeader: false }, record).listen(0, '127.0.0.1')
  ours = createServer({ requireHostHeader: false }, record).listen(0, '127.0.0.1')
  const routes = new Routes(undefined)
  const handOver = takeConnections(ours)
  const plain = new PlainConnections({
    routes,
    handOver,
    answers: {
      answer: ({ route, body }, tell) => {
        plainReads++
        read.push(`${targetOf.get(route) ?? ''} ${Buffer.from(body).toString('latin1')}`)
        tell({ status: 200, body: NOTHING })
      },
    },
    headers: new Headers(false),
    held: new Held(LIMITS),
    limits: LIMITS,
  })
  const targetOf = new Map<unknown, string>()
  const find = routes.find.bind(routes)
  vi.spyOn(routes, 'find').mockImplementation((method, target) => {
    const route = { ...find(method, target) }
    targetOf.set(route, `${method} ${target}`)
    return route
  })
  ours.on('connection', (socket) => plain.take(socket))
  await Promise.all([once(nodes, 'listening'), once(ours, 'listening')])
})

afterAll(() => {
  for (const server of [nodes, ours]) {
    server.close()
    server.closeAllConnections()
  }
})

/** What a server reads of these pieces, each sent by itself, with a last request behind them. */
async function readBy(server: Server, pieces: readonly Buffer[]): Promise<string[]> {
  read = []
  const client = await openClient(`http://127.0.0.1:${Address.parse(server.address()).port}`)
  for (const piece of pieces) {
    client.send(piece)
    await setImmediate()
  }
  client.send(MARK)
  client.socket.end()
  await vi.waitUntil(() => client.hasEnded, WAIT)
  client.socket.destroy()
  // After some faults node:http closes, and whether it has read on by then is a matter of time.
  return read.filter((each) => each !== 'GET /end ')
}

const post = (fields: string, body = ''): string =>
  `POST /v1/models/m:predict HTTP/1.1\r\nHost: a\r\n${fields}\r\n${body}`
const inner = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n'

const shapes: [name: string, text: string, isPlain: boolean][] = [
  ['a plain request', post('Content-Length: 3\r\n', 'abc'), true],
  ['a request without a body', 'GET /v1/models/m HTTP/1.1\r\nHost: a\r\n\r\n', true],
  ['two in one piece', post('Content-Length: 3\r\n', 'abc').repeat(2), true],
  ['a chunked one', post('Transfer-Encoding: chunked\r\n', '3\r\nabc\r\n0\r\n\r\n'), false],
  [
    'CL.TE',
    post('Content-Length: 6\r\nTransfer-Encoding: chunked\r\n', `0\r\n\r\n${inner}`),
    false,
  ],
  [
    'TE.CL',
    post('Transfer-Encoding: chunked\r\nContent-Length: 4\r\n', `5c\r\n${inner}0\r\n\r\n`),
    false,
  ],
  ['TE with a space', post('Transfer-Encoding : chunked\r\nContent-Length: 3\r\n', 'abc'), false],
  ['TE twice', post('Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'), false],
  [
    'TE of another name',
    post('Transfer-Encoding: xchunked\r\nContent-Length: 3\r\n', 'abc'),
    false,
  ],
  ['two lengths', post('Content-Length: 3\r\nContent-Length: 40\r\n', `abc${inner}`), false],
  ['two equal lengths', post('Content-Length: 3\r\nContent-Length: 3\r\n', 'abc'), false],
  ['a list of lengths', post('Content-Length: 3, 3\r\n', 'abc'), false],
  ['a signed length', post('Content-Length: +3\r\n', 'abc'), false],
  ['a negative length', post('Content-Length: -3\r\n', 'abc'), false],
  ['a hexadecimal length', post('Content-Length: 0x3\r\n', 'abc'), false],
  ['a length with a zero before', post('Content-Length: 03\r\n', 'abc'), false],
  ['a length that overflows', post('Content-Length: 18446744073709551619\r\n', 'abc'), false],
  ['a length on a second line', post('Content-Length:\r\n 3\r\n', 'abc'), false],
  ['a folded header', post('X: a\r\n b\r\nContent-Length: 3\r\n', 'abc'), false],
  ['bad chunk sizes', post('Transfer-Encoding: chunked\r\n', '3x\r\nabc\r\n0\r\n\r\n'), false],
  [
    'a chunk longer than told',
    post('Transfer-Encoding: chunked\r\n', '2\r\nabc\r\n0\r\n\r\n'),
    false,
  ],
  ['lines that end in LF', post('Content-Length: 3\r\n', 'abc').replaceAll('\r\n', '\n'), false],
  ['one line that ends in LF', post('X: a\nContent-Length: 3\r\n', 'abc'), false],
  ['a lone CR in a value', post('X: a\rContent-Length: 30\r\nContent-Length: 3\r\n', 'abc'), false],
  ['a NUL in a value', post('X: a\0b\r\nContent-Length: 3\r\n', 'abc'), false],
  ['a NUL in a name', post('X\0: a\r\nContent-Length: 3\r\n', 'abc'), false],
  ['a space before the colon', post('Content-Length : 3\r\n', 'abc'), false],
  ['a header without a name', post(': a\r\nContent-Length: 3\r\n', 'abc'), false],
  ['a line without a colon', post('Content-Length\r\n', 'abc'), false],
  ['no Host', 'POST /v1/a HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc', true],
  ['two Hosts', post('Host: b\r\nContent-Length: 3\r\n', 'abc'), false],
  ['absolute form', 'GET http://b/v1/a HTTP/1.1\r\nHost: a\r\n\r\n', false],
  ['HTTP/1.0', 'GET /v1/a HTTP/1.0\r\nHost: a\r\n\r\n', false],
  ['HTTP/2.0', 'GET /v1/a HTTP/2.0\r\nHost: a\r\n\r\n', false],
  ['no version', 'GET /v1/a\r\nHost: a\r\n\r\n', false],
  ['two spaces', 'GET  /v1/a HTTP/1.1\r\nHost: a\r\n\r\n', false],
  ['a tab in the target', 'GET /v1/\ta HTTP/1.1\r\nHost: a\r\n\r\n', false],
  ['bytes above ASCII', 'GET /v1/\xe4 HTTP/1.1\r\nHost: a\r\n\r\n', false],
  ['empty lines before it', `\r\n\r\n${post('Content-Length: 3\r\n', 'abc')}`, false],
  ['a GET with a body', 'GET /v1/a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc', false],
  [
    'an upgrade',
    post('Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 3\r\n', 'abc'),
    false,
  ],
  [
    'a close in a list',
    post('Connection: x, close\r\nContent-Length: 3\r\n', `abc${inner}`),
    false,
  ],
  [
    'a proxy that closes',
    post('Proxy-Connection: close\r\nContent-Length: 3\r\n', `abc${inner}`),
    false,
  ],
  ['a close', post('Connection: CLOSE\r\nContent-Length: 3\r\n', `abc${inner}`), true],
  ['a body that is cut off', post('Content-Length: 9000\r\n', 'abc'), false],
  ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', false],
  ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', false],
]

describe.each(shapes)('%s', (_name, text, isPlain) => {
  test('is read as node:http reads it', async () => {
    plainReads = 0
    const bytes = Buffer.from(text, 'latin1')

    const byOurs = await readBy(ours, [bytes])

    expect(plainReads > 0).toBe(isPlain)
    expect(byOurs).toEqual(await readBy(nodes, [bytes]))
  })

  test('is read so wherever it is parted', async () => {
    const bytes = Buffer.from(text, 'latin1')
    const expected = await readBy(nodes, [bytes])
    for (let at = 1; at < bytes.length; at += 13)
      expect(await readBy(ours, [bytes.subarray(0, at), bytes.subarray(at)])).toEqual(expected)
  })
})

/** Parts that requests are made of, most of them good. */
const part = fc.constantFrom(
  'Content-Length: 3\r\n',
  'Content-Length: 3\r\n',
  'content-length:3\r\n',
  'Content-Length: 0\r\n',
  'Content-Length: 4\r\n',
  'Content-Length : 3\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding:\tchunked\r\n',
  'Connection: keep-alive\r\n',
  'Connection: close\r\n',
  'Connection: x\r\n',
  'Expect: 100-continue\r\n',
  'Accept: */*\r\n',
  'X: \xe4\r\n',
  'X: a\n',
  'X: a\r',
  ' folded\r\n',
  'X:\r\n',
  'X: \0\r\n',
)
const request = fc
  .tuple(
    fc.constantFrom('GET', 'POST', 'POST', 'POST', 'HEAD', 'get', 'PUT'),
    fc.constantFrom('/v1/models/m:predict', '/', '*', 'http://a/', '/a b', '/\x7f', '/#?'),
    fc.constantFrom(
      ' HTTP/1.1\r\n',
      ' HTTP/1.1\r\n',
      ' HTTP/1.1\r\n',
      ' HTTP/1.0\r\n',
      ' HTTP/1.1\n',
    ),
    fc.array(part, { maxLength: 4 }),
    fc.constantFrom('', 'abc', 'abc', '3\r\nabc\r\n0\r\n\r\n', 'abc\r\n', '0\r\n\r\n', inner),
  )
  .map(
    ([method, target, version, parts, body]) =>
      `${method} ${target}${version}Host: a\r\n${parts.join('')}\r\n${body}`,
  )

test('any requests in any pieces are read as node:http reads them', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(request, { minLength: 1, maxLength: 4 }),
      fc.array(fc.nat(400), { maxLength: 4 }),
      async (requests, cuts) => {
        const bytes = Buffer.from(requests.join(''), 'latin1')
        const places = [0, ...cuts.toSorted((a, b) => a - b), bytes.length]
        const pieces = places.slice(1).map((to, index) => bytes.subarray(places[index], to))

        expect(await readBy(ours, pieces)).toEqual(await readBy(nodes, pieces))
      },
    ),
    { numRuns: 200 },
  )
})
