// What would end a server that has no limits. After each, it answers as before.

import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createConnection, type Socket } from 'node:net'
import { fromJson, toBinary } from '@bufbuild/protobuf'
import { PredictionService } from '@drover/serving-api'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { get } from './cases/rest/case.ts'
import { GrpcClient, SOME_PREDICT } from './grpc-client.ts'
import { configList, configOf } from './models.ts'
import { plus } from './models/small.ts'
import { exchange } from './raw-http.ts'
import { startWorld, waitFor, type World } from './world.ts'

const ENTRIES = 100_000
const ENTRIES_MS_MAX = 10 * 60_000
const CONNECTIONS = 2_000
const FUZZED = 2_000
const GROWTH_BYTES_MAX = 512 * 1024 * 1024

let world: World

beforeAll(async () => {
  world = await startWorld()
  await world.add('default', { '1': plus(1) })
  await world.untilAnswers('default', 3)
})

afterAll(async () => await world[Symbol.asyncDispose]())

async function connect(port: number): Promise<Socket> {
  const socket = createConnection({ host: '127.0.0.1', port })
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  return socket
}

const restPort = (): number => Number(new URL(world.server.rest).port)

test('clients that send a byte now and then hold up nobody', async () => {
  const sockets = await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => await connect(restPort())),
  )
  const head =
    'POST /v1/models/default:predict HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\n{'
  for (let at = 0; at < head.length; at += 10)
    for (const socket of sockets) socket.write(head.slice(at, at + 10))

  const startMs = performance.now()
  expect(await world.ask('default')).toBe(3)
  expect(performance.now() - startMs).toBeLessThan(5_000)

  for (const socket of sockets) socket.destroy()
  expect(await world.ask('default')).toBe(3)
})

test('messages with wrong bytes are refused one by one, and nothing ends', async () => {
  using client = new GrpcClient(world.server.grpc)
  const { input } = PredictionService.method.predict
  const good = toBinary(input, fromJson(input, SOME_PREDICT))
  const random = generator(42)
  const outcomes = new Map<string, number>()

  for (let index = 0; index < FUZZED; index++) {
    const bytes = Uint8Array.from(good)
    for (let flips = 0; flips <= random() * 4; flips++)
      bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256)
    const outcome = await client
      .send('/tensorflow.serving.PredictionService/Predict', bytes, {
        deadline: Date.now() + 10_000,
      })
      .then(
        () => 'OK',
        (error: { code: number }) => `${error.code}`,
      )
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
  }

  // Neither UNAVAILABLE nor too late: each was looked at and judged.
  expect(Object.keys(Object.fromEntries(outcomes))).not.toEqual(expect.arrayContaining(['14']))
  expect(outcomes.get('4')).toBeUndefined()
  expect(await client.call('Predict', SOME_PREDICT)).toMatchObject({ outputs: {} })
})

/** Numbers in [0, 1) that are the same each time (a linear congruence). */
function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

test(
  'a config of 100,000 models that are not there is read, and the good ones are served',
  async () => {
    const nowhere = Array.from({ length: ENTRIES }, (_, index) =>
      configOf(`model-${index}`, `${world.root}/nowhere/${index}`),
    )
    const before = await residentBytes()
    await world.write(
      configList([
        configOf('default', `${world.root}/default`),
        ...nowhere,
        configOf('last', `${world.root}/default`),
      ]),
    )

    await waitFor(
      async () => await world.ask('last'),
      (answer) => answer === 3,
      ENTRIES_MS_MAX,
    )
    expect(await world.ask('default')).toBe(3)
    expect((await exchange(world.server.rest, get('/v1/models/model-99999'))).status).toBe(404)
    expect((await residentBytes()) - before).toBeLessThan(GROWTH_BYTES_MAX)

    await world.write(world.text())
    await world.untilAnswers('last', 404)
    expect(await world.ask('default')).toBe(3)
  },
  ENTRIES_MS_MAX,
)

/** Memory of the tested process and those that it started. */
async function residentBytes(pid = world.server.process.pid): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  const own = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')
  const theirs = children.split(' ').filter((word) => word !== '')
  const sizes = await Promise.all(theirs.map(async (child) => await residentBytes(Number(child))))
  return sizes.reduce((sum, bytes) => sum + bytes, own)
}
