import { once } from 'node:events'
import {
  create,
  createFileRegistry,
  fromBinary,
  type MessageInitShape,
  toBinary,
} from '@bufbuild/protobuf'
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import {
  Health,
  ServerReflection,
  ServerReflectionAlpha,
  ServerReflectionRequestSchema,
  ServerReflectionResponseSchema,
} from '@drover/serving-api'
import { status } from '@grpc/grpc-js'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { coreOf, type GrpcClient, startGrpc } from '../test-support/grpc.ts'
import { pathOf } from './messages.ts'

const core = coreOf({})

type Question = MessageInitShape<typeof ServerReflectionRequestSchema>['messageRequest']

const Files = z.object({
  value: z.object({ fileDescriptorProto: z.array(z.instanceof(Uint8Array)).min(1) }),
})

const descriptorsOf = (answer: unknown) =>
  Files.parse(answer).value.fileDescriptorProto.map((bytes) =>
    fromBinary(FileDescriptorProtoSchema, bytes),
  )

/** Asks over one call, in turn. */
async function reflect(
  client: GrpcClient,
  service: typeof ServerReflection | typeof ServerReflectionAlpha,
  ...questions: NonNullable<Question>[]
) {
  const call = client.makeBidiStreamRequest(
    pathOf(service.method.serverReflectionInfo),
    (request: NonNullable<Question>) =>
      Buffer.from(
        toBinary(
          ServerReflectionRequestSchema,
          create(ServerReflectionRequestSchema, { messageRequest: request }),
        ),
      ),
    (bytes) => fromBinary(ServerReflectionResponseSchema, bytes),
  )
  const answers: unknown[] = []
  for (const question of questions) call.write(question)
  call.end()
  call.on('data', (message: { messageResponse: unknown }) => answers.push(message.messageResponse))
  await once(call, 'end')
  return answers
}

describe('reflection', () => {
  test.each([
    ['v1', ServerReflection],
    ['v1alpha', ServerReflectionAlpha],
  ])('lists the services by %s', async (_version, service) => {
    await using grpc = await startGrpc({ core })

    const answers = await reflect(grpc.client, service, { case: 'listServices', value: '*' })

    expect(answers).toMatchObject([
      {
        case: 'listServicesResponse',
        value: {
          service: [
            { name: 'tensorflow.serving.PredictionService' },
            { name: 'tensorflow.serving.ModelService' },
            { name: 'grpc.health.v1.Health' },
            { name: 'grpc.reflection.v1.ServerReflection' },
            { name: 'grpc.reflection.v1alpha.ServerReflection' },
          ],
        },
      },
    ])
  })

  test.each([
    ['fileContainingSymbol', 'tensorflow.serving.PredictionService.Predict'],
    ['fileContainingSymbol', 'tensorflow.serving.PredictionService'],
    ['fileByFilename', 'tensorflow_serving/apis/prediction_service.proto'],
  ] as const)('gives the whole description by %s %s', async (kind, value) => {
    await using grpc = await startGrpc({ core })

    const [answer] = await reflect(grpc.client, ServerReflection, { case: kind, value })

    expect(answer).toMatchObject({ case: 'fileDescriptorResponse' })
    const file = descriptorsOf(answer).toReversed()
    const registry = createFileRegistry(create(FileDescriptorSetSchema, { file }))
    const service = registry.getService('tensorflow.serving.PredictionService')
    expect(service?.method.predict).toMatchObject({
      input: { typeName: 'tensorflow.serving.PredictRequest' },
    })
    expect(registry.getMessage('tensorflow.TensorProto')).toBeDefined()
  })

  test.each([
    'tensorflow.serving.ModelSpec',
    'tensorflow.serving.ModelSpec.name',
    'tensorflow.serving.ModelSpec.version_choice',
    'tensorflow.DataType',
    'tensorflow.DT_FLOAT',
    'tensorflow.serving.ModelVersionStatus.AVAILABLE',
    'google.protobuf.Any',
  ])('finds %s', async (value) => {
    await using grpc = await startGrpc({ core })

    const answers = await reflect(grpc.client, ServerReflection, {
      case: 'fileContainingSymbol',
      value,
    })

    expect(answers).toMatchObject([{ case: 'fileDescriptorResponse' }])
  })

  test('says what it does not know, and goes on', async () => {
    await using grpc = await startGrpc({ core })

    const answers = await reflect(
      grpc.client,
      ServerReflection,
      { case: 'fileByFilename', value: '__proto__' },
      { case: 'fileContainingSymbol', value: 'constructor' },
      { case: 'allExtensionNumbersOfType', value: 'no.Such' },
      { case: 'fileContainingExtension', value: { containingType: 'a', extensionNumber: 1 } },
      { case: undefined },
      { case: 'allExtensionNumbersOfType', value: 'tensorflow.serving.ModelSpec' },
    )

    const notFound = { case: 'errorResponse', value: { errorCode: status.NOT_FOUND } }
    expect(answers).toMatchObject([
      notFound,
      notFound,
      notFound,
      notFound,
      { case: 'errorResponse', value: { errorCode: status.INVALID_ARGUMENT } },
      { case: 'allExtensionNumbersResponse', value: { extensionNumber: [] } },
    ])
  })

  test('a client that asks much and reads nothing is not answered into memory', async () => {
    await using grpc = await startGrpc({ core })
    const before = process.memoryUsage().rss
    const call = grpc.client.makeBidiStreamRequest(
      pathOf(ServerReflection.method.serverReflectionInfo),
      (bytes: Buffer) => bytes,
      (bytes) => bytes,
    )
    call.on('error', () => {})
    const symbol = 'tensorflow.serving.PredictionService'
    const request = Buffer.from(
      toBinary(
        ServerReflectionRequestSchema,
        create(ServerReflectionRequestSchema, {
          messageRequest: { case: 'fileContainingSymbol', value: symbol },
        }),
      ),
    )
    call.pause()
    // All of the answers would be 200 MB.
    for (let sent = 0; sent < 10_000; sent++) call.write(request)
    await grpc.client.ask(Health.method.check, {})

    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 * 1024)
    call.cancel()
  })

  test('is not there beside an admin socket', async () => {
    await using grpc = await startGrpc({ core, isSinglePort: false })
    const asked = reflect(grpc.client, ServerReflection, { case: 'listServices', value: '' })

    await expect(asked).rejects.toMatchObject({ code: status.UNIMPLEMENTED })
  })
})
