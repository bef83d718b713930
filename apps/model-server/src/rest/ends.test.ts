import { afterEach, describe, expect, test } from 'vitest'
import { ended, errorText, plainRequest, READERS } from './client.fixture.ts'
import { startPort, type StartOptions, type TestPort } from './port.fixture.ts'

const PREDICT = '/v1/models/h2:predict'
const good = { status: 200, body: '{\n    "predictions": [2.5\n    ]\n}' }
const asks = { path: PREDICT, body: '{"instances":[1]}' }
const small = plainRequest(asks)

let port: TestPort

afterEach(async () => {
  await port[Symbol.asyncDispose]()
})

async function start(options: StartOptions = {}): Promise<void> {
  port = await startPort(options)
}

describe('a client that has said all', () => {
  test.each([PREDICT, '/v1/models/cold:predict'])('gets the answer of %s', async (path) => {
    await start()
    const client = await port.open()
    client.send(plainRequest({ ...asks, path }))
    client.socket.end()

    await ended(client)

    expect(client.answers).toMatchObject([good])
  })

  test.each([
    ['in one piece', (requests: Buffer[]) => [Buffer.concat(requests)]],
    ['one by one', (requests: Buffer[]) => requests],
  ])('and sent further requests %s while the first was answered gets all', async (_, pieces) => {
    // Longer than it takes to hear that the client has ended its side.
    await start({ settings: { timeoutMs: 300 } })
    const client = await port.open()
    const slow = plainRequest({ ...asks, path: '/v1/models/slow:predict' })
    const cut = small.subarray(0, -1)
    for (const piece of pieces([slow, small, small, cut])) client.send(piece)
    client.socket.end()

    await ended(client)

    expect(client.answers).toMatchObject([{ status: 504 }, good, good, { status: 400 }])
  })

  test('is told that its body is cut off', async () => {
    await start()
    const client = await port.open()
    client.send(small.subarray(0, -1))
    client.socket.end()

    await ended(client)

    expect(client.answers).toMatchObject([
      { status: 400, body: errorText('The connection ended within the body of a request') },
    ])
  })

  test.each(READERS)('and asked %s to close is answered and closed', async (_name, request) => {
    await start()
    const client = await port.open()
    client.send(request({ ...asks, headers: { Connection: 'close' } }))

    await ended(client)

    expect(client.answers).toMatchObject([{ ...good, headers: { connection: 'close' } }])
  })
})
