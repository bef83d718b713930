import { once } from 'node:events'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import {
  Health,
  HealthCheckRequestSchema,
  HealthCheckResponse_ServingStatus as Serving,
  HealthCheckResponseSchema,
} from '@drover/serving-api'
import { status } from '@grpc/grpc-js'
import { describe, expect, test, vi } from 'vitest'
import { coreOf, type GrpcClient, startGrpc } from '../test-support/grpc.ts'
import { pathOf } from './messages.ts'

const core = coreOf({})

/** Watches a service; what it is told so far. */
function watch(client: GrpcClient, service: string) {
  const told: Serving[] = []
  const call = client.makeServerStreamRequest(
    pathOf(Health.method.watch),
    (bytes: Buffer) => bytes,
    (bytes) => fromBinary(HealthCheckResponseSchema, bytes),
    Buffer.from(toBinary(HealthCheckRequestSchema, create(HealthCheckRequestSchema, { service }))),
  )
  call.on('data', (message: { status: Serving }) => told.push(message.status))
  const ended = once(call, 'error').then(([error]: unknown[]) => error)
  return { told, call, ended }
}

describe('health', () => {
  const { check, list } = Health.method

  test.each([
    '',
    'ModelService',
    'PredictionService',
    'tensorflow.serving.ModelService',
    'tensorflow.serving.PredictionService',
  ])('says of "%s" whether the port answers', async (service) => {
    await using grpc = await startGrpc({ core })

    expect(await grpc.client.ask(check, { service })).toMatchObject({ status: Serving.SERVING })
    grpc.port.setServing(false)
    expect(await grpc.client.ask(check, { service })).toMatchObject({ status: Serving.NOT_SERVING })
  })

  test('knows nothing of other services', async () => {
    await using grpc = await startGrpc({ core })

    await expect(grpc.client.ask(check, { service: 'm' })).rejects.toMatchObject({
      code: status.NOT_FOUND,
    })
    const { statuses } = await grpc.client.ask(list, {})
    expect(Object.keys(statuses)).toHaveLength(5)
  })

  test('tells those that watch of every change, and ends when the port does', async () => {
    await using grpc = await startGrpc({ core })
    const watching = watch(grpc.client, '')
    await vi.waitUntil(() => watching.told.length === 1)

    grpc.port.setServing(false)
    await vi.waitUntil(() => watching.told.length === 2)
    grpc.port.setServing(true)
    await vi.waitUntil(() => watching.told.length === 3)
    await grpc.port.drain(10_000)

    expect(await watching.ended).toMatchObject({ code: status.UNAVAILABLE })
    expect(watching.told.slice(0, 3)).toEqual([
      Serving.SERVING,
      Serving.NOT_SERVING,
      Serving.SERVING,
    ])
  })

  test('tells a watch that comes while the port drains as well, and ends it soon', async () => {
    await using grpc = await startGrpc({ core })
    await grpc.client.ask(check, {})

    const drained = grpc.port.drain(30_000)
    const watching = watch(grpc.client, '')

    expect(await watching.ended).toMatchObject({
      code: status.UNAVAILABLE,
      details: 'The server is shutting down',
    })
    expect(watching.told).toEqual([Serving.NOT_SERVING])
    await drained
  })

  test('a watch of what is unknown stays, and one that is cancelled goes', async () => {
    await using grpc = await startGrpc({ core })
    const watching = watch(grpc.client, 'm')
    await vi.waitUntil(() => watching.told.length === 1)

    watching.call.cancel()

    expect(await watching.ended).toMatchObject({ code: status.CANCELLED })
    expect(watching.told).toEqual([Serving.SERVICE_UNKNOWN])
  })

  test('is not there unless it was asked for', async () => {
    await using grpc = await startGrpc({ core, settings: { grpc: { hasHealth: false } } })

    await expect(grpc.client.ask(check, {})).rejects.toMatchObject({ code: status.UNIMPLEMENTED })
  })
})
