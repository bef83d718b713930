// How gRPC is reached: sockets, TLS, health, reflection, deadlines, compression and large messages.

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { credentials, status } from '@grpc/grpc-js'
import {
  Health,
  HealthCheckRequestSchema,
  HealthCheckResponse_ServingStatus,
  HealthCheckResponseSchema,
} from '@drover/serving-api'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { list } from './cases/grpc/case.ts'
import { GrpcClient, SOME_PREDICT } from './grpc-client.ts'
import { configList, configOf, writeModel } from './models.ts'
import { sleepy, square } from './models/small.ts'
import { listServices } from './reflection-client.ts'
import { startTested, type TestedServer, untilAvailable } from './server.ts'
import { TLS_PAIR } from './tls-pair.ts'

const ANSWER = {
  modelSpec: { name: 'default', version: '1', signatureName: 'serving_default' },
  outputs: { y: list([4]) },
}
const LARGE_ROWS = 25_000_000
const LARGE_BYTES_MAX = 2 ** 31 - 1
/** Of a TensorProto. */
const FLOAT_VAL = 5

let root: string
let models: string
let open: TestedServer
let socketPath: string

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'drover-contract-'))
  const basePath = await writeModel(root, 'default', { '1': square() })
  const slow = await writeModel(root, 'sleepy', { '1': sleepy() })
  const config = join(root, 'models.config')
  await writeFile(config, configList([configOf('default', basePath), configOf('sleepy', slow)]))
  models = `--model_config_file=${config}`
  socketPath = join(root, 'grpc.sock')
  const flags = [`--grpc_socket_path=${socketPath}`, '--enable_grpc_healthcheck_service']
  open = await startTested([models, ...flags])
  await untilAvailable(open, 'default')
  await untilAvailable(open, 'sleepy')
})

afterAll(async () => {
  await open[Symbol.asyncDispose]()
  await rm(root, { recursive: true, force: true })
})

test('a Unix socket answers as the port does', async () => {
  using client = new GrpcClient(`unix:${socketPath}`)

  expect(await client.call('Predict', SOME_PREDICT)).toEqual(ANSWER)
})

describe('health', () => {
  const check = async (service: string) => {
    using client = new GrpcClient(open.grpc)
    const request = create(HealthCheckRequestSchema, { service })
    const message = toBinary(HealthCheckRequestSchema, request)
    const answer = await client.send(`/${Health.typeName}/Check`, message)
    return fromBinary(HealthCheckResponseSchema, answer).status
  }

  test.each(['', 'ModelService', 'PredictionService'])('of %j is SERVING', async (service) => {
    expect(await check(service)).toBe(HealthCheckResponse_ServingStatus.SERVING)
  })

  test('of a service that is not there is NOT_FOUND', async () => {
    await expect(check('none')).rejects.toMatchObject({ code: status.NOT_FOUND })
  })
})

test('reflection tells the services', async () => {
  expect(await listServices(open.grpc)).toEqual(
    expect.arrayContaining([
      'tensorflow.serving.PredictionService',
      'tensorflow.serving.ModelService',
      'grpc.health.v1.Health',
    ]),
  )
})

test('a service that is not there is UNIMPLEMENTED', async () => {
  using client = new GrpcClient(open.grpc)

  for (const path of ['/tensorflow.serving.SessionService/SessionRun', '/none/None'])
    await expect(client.send(path, new Uint8Array())).rejects.toMatchObject({
      code: status.UNIMPLEMENTED,
    })
})

test('bytes that are no message are refused, and the connection goes on', async () => {
  using client = new GrpcClient(open.grpc)
  const path = '/tensorflow.serving.PredictionService/Predict'

  await expect(client.send(path, Uint8Array.of(10, 200, 1))).rejects.toMatchObject({
    code: expect.any(Number),
  })
  expect(await client.call('Predict', SOME_PREDICT)).toEqual(ANSWER)
})

test('a deadline ends a request that takes longer', async () => {
  using client = new GrpcClient(open.grpc)
  const startMs = performance.now()
  const request = {
    modelSpec: { name: 'sleepy' },
    inputs: { x: { dtype: 'DT_INT32', tensorShape: {}, intVal: [60_000] } },
  }

  const answer = client.call('Predict', request, { deadline: Date.now() + 300 })

  await expect(answer).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED })
  // The next one on the same connection is not held up by what nobody waits for.
  expect(await client.call('Predict', SOME_PREDICT)).toEqual(ANSWER)
  expect(performance.now() - startMs).toBeLessThan(3_000)
})

test.each(['gzip', 'deflate'])('messages may be compressed by %s', async (encoding) => {
  const algorithm = encoding === 'gzip' ? 2 : 1
  using client = new GrpcClient(open.grpc, {
    'grpc.default_compression_algorithm': algorithm,
  })
  const x = list(Array.from({ length: 10_000 }, () => 2))

  const answer = await client.call('Predict', { modelSpec: { name: 'default' }, inputs: { x } })

  expect(answer).toMatchObject({ outputs: { y: list(Array.from({ length: 10_000 }, () => 4)) } })
})

test('a message of 100 MB goes there and back', async () => {
  using client = new GrpcClient(open.grpc, {
    'grpc.max_send_message_length': LARGE_BYTES_MAX,
    'grpc.max_receive_message_length': LARGE_BYTES_MAX,
  })
  const content = Buffer.from(new Float32Array(LARGE_ROWS).fill(2).buffer)

  const sent = Buffer.concat([predictHead(content.length), content])
  const answer = Buffer.from(
    await client.send('/tensorflow.serving.PredictionService/Predict', sent),
  )

  // The library would make an array of 25 million numbers of it, for seconds.
  const head = message(FLOAT_VAL, content).subarray(0, -content.length)
  const start = answer.indexOf(head) + head.length
  const floats = Uint8Array.from(answer.subarray(start, start + content.length))
  expect(start).toBeGreaterThan(head.length)
  expect(answer.length).toBeGreaterThanOrEqual(start + content.length)
  expect(new Float32Array(floats.buffer).every((value) => value === 4)).toBe(true)
})

/** A PredictRequest for `default` up to the bytes of its `tensor_content`. */
function predictHead(contentBytes: number): Buffer {
  const shape = message(2, message(2, Buffer.concat([Buffer.of(8), varint(contentBytes / 4)])))
  const tensor = Buffer.concat([Buffer.of(8, 1), shape, Buffer.of(34), varint(contentBytes)])
  const entry = Buffer.concat([
    message(1, Buffer.from('x')),
    Buffer.of(18),
    varint(tensor.length + contentBytes),
    tensor,
  ])
  const spec = message(1, message(1, Buffer.from('default')))
  return Buffer.concat([spec, Buffer.of(18), varint(entry.length + contentBytes), entry])
}

const message = (field: number, content: Buffer): Buffer =>
  Buffer.concat([Buffer.of(field * 8 + 2), varint(content.length), content])

function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128)
  return Buffer.from([...bytes, rest])
}

describe('TLS', () => {
  const startWith = async (name: string, lines: readonly string[]): Promise<TestedServer> => {
    const file = join(root, name)
    const pair = [
      `server_key: ${JSON.stringify(TLS_PAIR.key)}`,
      `server_cert: ${JSON.stringify(TLS_PAIR.certificate)}`,
    ]
    await writeFile(file, [...pair, ...lines].join('\n'))
    const server = await startTested([models, `--ssl_config_file=${file}`])
    await untilAvailable(server, 'default')
    return server
  }
  const ca = Buffer.from(TLS_PAIR.certificate)

  test('answers those who trust its certificate and nobody in the clear', async () => {
    await using server = await startWith('ssl.config', [])
    using trusting = new GrpcClient(server.grpc, { credentials: credentials.createSsl(ca) })
    using plain = new GrpcClient(server.grpc)

    expect(await trusting.call('Predict', SOME_PREDICT)).toEqual(ANSWER)
    await expect(
      plain.call('Predict', SOME_PREDICT, { deadline: Date.now() + 2_000 }),
    ).rejects.toMatchObject({ code: expect.any(Number) })
  })

  test('asks for a client’s certificate where told', async () => {
    const custom = `custom_ca: ${JSON.stringify(TLS_PAIR.certificate)}`
    await using server = await startWith('verify.config', [custom, 'client_verify: true'])
    using known = new GrpcClient(server.grpc, {
      credentials: credentials.createSsl(ca, Buffer.from(TLS_PAIR.key), ca),
    })
    using unknown = new GrpcClient(server.grpc, { credentials: credentials.createSsl(ca) })

    expect(await known.call('Predict', SOME_PREDICT)).toEqual(ANSWER)
    await expect(
      unknown.call('Predict', SOME_PREDICT, { deadline: Date.now() + 2_000 }),
    ).rejects.toMatchObject({ code: expect.any(Number) })
  })
})
