import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { Client, credentials } from '@grpc/grpc-js'
import {
  ServerReflection,
  type ServerReflectionRequest,
  ServerReflectionRequestSchema,
  type ServerReflectionResponse,
  ServerReflectionResponseSchema,
} from '@drover/serving-api'

const WAIT_MS_MAX = 10_000

/** Asks a gRPC port for the names of its services. Rejects with what is wrong with the call. */
export async function listServices(address: string): Promise<string[]> {
  const client = new Client(address, credentials.createInsecure())
  try {
    return await new Promise((resolve, reject) => {
      const call = client.makeBidiStreamRequest<ServerReflectionRequest, ServerReflectionResponse>(
        `/${ServerReflection.typeName}/ServerReflectionInfo`,
        (request) => Buffer.from(toBinary(ServerReflectionRequestSchema, request)),
        (bytes) => fromBinary(ServerReflectionResponseSchema, bytes),
        { deadline: Date.now() + WAIT_MS_MAX },
      )
      call.once('error', reject)
      call.once('data', ({ messageResponse }: ServerReflectionResponse) => {
        call.end()
        if (messageResponse.case === 'listServicesResponse')
          resolve(messageResponse.value.service.map(({ name }) => name))
        else reject(new Error(`it answered with ${messageResponse.case}`))
      })
      call.write(
        create(ServerReflectionRequestSchema, {
          messageRequest: { case: 'listServices', value: '' },
        }),
      )
    })
  } finally {
    client.close()
  }
}
