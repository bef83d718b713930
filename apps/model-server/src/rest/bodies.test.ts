import { gzipSync } from 'node:zlib'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { type Lane, LANE_BODY_BYTES } from '../serving/core.ts'
import { type Client, otherRequest, plainRequest, WAIT } from './client.fixture.ts'
import {
  FakeCore,
  GROWN,
  plainCore,
  startPort,
  type StartOptions,
  type TestPort,
} from './port.fixture.ts'
import { answerInLane } from './in-lane.ts'

const PREDICT = '/v1/models/h2:predict'
const MIB = 1024 * 1024
const good = { status: 200, body: '{\n    "predictions": [2.5\n    ]\n}' }
const small = plainRequest({ path: PREDICT, body: '{"instances":[1]}' })
const toLong = { path: '/v1/models/slow:predict', body: '{"instances":[1]}' }
const headFor = (bytes: number, path = PREDICT): string =>
  `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${bytes}\r\n\r\n`

let port: TestPort

afterEach(async () => {
  await port[Symbol.asyncDispose]()
})

async function start(options: StartOptions = {}): Promise<void> {
  port = await startPort(options)
}

const answersOf = async (client: Client, count = 1) => {
  await vi.waitUntil(() => client.answers.length >= count, WAIT)
  return client.answers
}

async function answerTo(...pieces: (Buffer | string)[]) {
  const client = await port.open()
  for (const piece of pieces) client.send(piece)
  const [answer] = await answersOf(client)
  client.socket.destroy()
  return answer
}

/** A lane in this thread, and what it was asked. */
function withLane() {
  const core = new FakeCore()
  const posts: Parameters<Lane['rest']>[0][] = []
  core.lane = {
    rest: async (post) => {
      posts.push(post)
      return await answerInLane(plainCore(core), post)
    },
    grpc: async () => await Promise.reject(new Error('nothing of gRPC here')),
  }
  return { core, posts }
}

describe('a body', () => {
  test('may come with its head, behind it, or in pieces', async () => {
    await start()
    const body = `{"instances":[1]${' '.repeat(300)}}`
    const head = headFor(body.length)

    expect(await answerTo(head + body)).toMatchObject(good)
    expect(await answerTo(head, body)).toMatchObject(good)
    const client = await port.open()
    for (const piece of [head, ...body.split('')]) {
      client.send(piece)
      await new Promise((resolve) => setImmediate(resolve))
    }
    client.send(small)
    expect(await answersOf(client, 2)).toMatchObject([good, good])
  })

  test('of 100 MiB goes to the lane whole, in memory of its own', async () => {
    const { core, posts } = withLane()
    await start({ core })
    const tail = '{"instances":[1]}'

    const answer = await answerTo(
      headFor(100 * MIB),
      Buffer.alloc(100 * MIB - tail.length, ' '),
      tail,
    )

    expect(answer).toMatchObject(good)
    expect(posts.map(({ body }) => [body.length, body.buffer.byteLength])).toEqual([
      [100 * MIB, 100 * MIB],
    ])
  })

  test('above 100 MiB is refused before it has come', async () => {
    await start()

    expect(await answerTo(headFor(100 * MIB + 1))).toMatchObject({
      status: 413,
      body: '{\n    "error": "A request body may have 104857600 bytes"\n}',
    })
    expect(await answerTo(small)).toMatchObject(good)
  })

  test('that does not say its size is refused once it is too large', async () => {
    await start({ limits: { bodyBytesMax: MIB } })
    const body = Buffer.alloc(MIB + 1, ' ')

    const answers = await Promise.all(
      [otherRequest({ path: PREDICT, body }), otherRequest({ path: '/nothing', body })].map(
        async (bytes) => await answerTo(bytes),
      ),
    )

    expect(answers).toMatchObject([{ status: 413 }, { status: 413 }])
    expect(await answerTo(small)).toMatchObject(good)
  })

  test('that takes long to read is answered in the lane', async () => {
    const { core, posts } = withLane()
    await start({ core })
    const text = '{"instances":[1]}'

    for (const bytes of [LANE_BODY_BYTES / 2, LANE_BODY_BYTES / 2 + 1])
      expect(await answerTo(headFor(bytes) + text.padEnd(bytes))).toMatchObject(good)

    expect(posts.map(({ body }) => body.length)).toEqual([LANE_BODY_BYTES / 2 + 1])
    expect(core.observed.map(({ code }) => code)).toEqual(['OK', 'OK'])
  })
})

test('a request whose answer is too long for this thread is asked in the lane, and those like it at once', async () => {
  const { core, posts } = withLane()
  await start({ core })
  const body = '{"signature_name":"grow","instances":[1]}'
  const request = plainRequest({ path: PREDICT, body })

  const first = await answerTo(request)
  expect(core.asked).toHaveLength(2)
  const second = await answerTo(request)

  expect(core.asked).toHaveLength(3)
  expect(posts.map((post) => Buffer.from(post.body).toString())).toEqual([body, body])
  expect(second?.body).toBe(first?.body)
  expect(first?.body.match(/0\.0/g)).toHaveLength(GROWN)
  expect(core.observed.map(({ code }) => code)).toEqual(['OK', 'OK'])
  // Shorter ones are answered here as before.
  expect(await answerTo(small)).toMatchObject(good)
  expect(posts).toHaveLength(2)
})

describe('bodies that are held', () => {
  const refused = {
    status: 429,
    body: '{\n    "error": "Too many request bodies are held already"\n}',
  }

  test.each([
    ['in node:http', otherRequest(toLong)],
    ['in pieces', Buffer.concat([Buffer.from(headFor(100)), Buffer.alloc(99, ' ')])],
  ])(
    '%s are held up to a number of bytes together, until their clients go',
    async (_name, bytes) => {
      await start({ limits: { bodiesBytesMax: 100 } })
      const body = '{"instances":[1]}'.padEnd(90)
      const request = otherRequest({ path: PREDICT, body })
      const waiting = await port.open()

      waiting.send(bytes.subarray(0, bytes.length - 40))
      waiting.send(bytes.subarray(bytes.length - 40))
      await vi.waitUntil(async () => (await answerTo(request))?.status === 429, WAIT)

      expect(await answerTo(request)).toMatchObject(refused)
      waiting.socket.destroy()
      await vi.waitUntil(async () => (await answerTo(request))?.status === 200, WAIT)
    },
  )

  test('come in many pieces and take no more memory than they are long, or little more', async () => {
    await start({ limits: { bodiesBytesMax: 32 * 1024 } })
    const client = await port.open()
    client.send(`POST ${PREDICT} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n`)

    for (let index = 0; index < 10_000; index++) client.send('1\r\n \r\n')
    client.send('11\r\n{"instances":[1]}\r\n0\r\n\r\n')

    expect(await answersOf(client)).toMatchObject([good])
  })
})

describe('a gzip bomb', () => {
  const send = async (body: Buffer) =>
    await answerTo(
      `POST ${PREDICT} HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: ${body.length}\r\n\r\n`,
      body,
    )
  const empty = { status: 400, body: expect.stringContaining('The document is empty') }

  test('above 100 MiB counts as an empty body', async () => {
    await start()

    expect(await send(gzipSync(Buffer.alloc(100 * MIB + 1, ' ')))).toMatchObject(empty)
    expect(await answerTo(small)).toMatchObject(good)
  })

  test('and others like it together take no more than bodies may', async () => {
    await start({ limits: { bodiesBytesMax: 4 * MIB } })
    const bomb = gzipSync(Buffer.alloc(3 * MIB, ' '))

    const answers = await Promise.all(Array.from({ length: 8 }, async () => await send(bomb)))

    const statuses = answers.map((answer) => answer?.status)
    expect(statuses).toContain(429)
    expect(statuses.filter((status) => status !== 429 && status !== 400)).toEqual([])
    expect(await answerTo(small)).toMatchObject(good)
  })
})

test('half a million levels are refused or ignored, and never end the process', async () => {
  await start()
  const deep = `${'['.repeat(500_000)}1${']'.repeat(500_000)}`
  const ask = async (body: string) => await answerTo(headFor(body.length) + body)

  expect(await ask(`{"a":${deep},"instances":[1]}`)).toMatchObject(good)
  expect(await ask(`{"signature_name":${deep}}`)).toMatchObject({
    status: 400,
    body: expect.stringContaining("'signature_name' key must be a string value."),
  })
  expect(await ask(`{"instances":${deep}}`)).toMatchObject({ status: 400 })
})
