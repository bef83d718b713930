// Server reflection: what the services are, so that tools need no .proto files. v1 and v1alpha have
// other names and the same messages.

import {
  type DescEnum,
  type DescFile,
  type DescMessage,
  type DescService,
  type MessageInitShape,
  toBinary,
} from '@bufbuild/protobuf'
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'
import {
  grpcCodeOf,
  ServerReflection,
  ServerReflectionAlpha,
  type ServerReflectionRequest,
  ServerReflectionRequestSchema,
  ServerReflectionResponseSchema,
  type StatusCode,
} from '@drover/serving-api'
import { decode, encode, pathOf } from './messages.ts'
import type { Method } from './server.ts'

type Response = NonNullable<
  MessageInitShape<typeof ServerReflectionResponseSchema>['messageResponse']
>

/** What reflection answers, by path, of these services and itself. */
export function reflectionMethods(services: readonly DescService[]): [string, Method][] {
  const reflections = [ServerReflection, ServerReflectionAlpha]
  const reflection = new Reflection([...services, ...reflections])
  return reflections.map(({ method }) => [
    pathOf(method.serverReflectionInfo),
    { kind: 'streaming', answer: (messages) => reflection.answer(messages) },
  ])
}

class Reflection {
  readonly #services: readonly DescService[]
  /** By path, as imports name them. */
  readonly #files = new Map<string, DescFile>()
  /** By full name, of whatever has one, down to fields and values. */
  readonly #symbols = new Map<string, DescFile>()

  constructor(services: readonly DescService[]) {
    this.#services = services
    for (const { file } of services) this.#addFile(file)
  }

  async *answer(messages: AsyncIterable<Buffer>): AsyncGenerator<Uint8Array> {
    for await (const message of messages) {
      const request = decode(ServerReflectionRequestSchema, message)
      yield encode(ServerReflectionResponseSchema, {
        validHost: request.host,
        originalRequest: request,
        messageResponse: this.#respond(request),
      })
    }
  }

  #respond({ messageRequest: { case: kind, value } }: ServerReflectionRequest): Response {
    switch (kind) {
      case 'listServices':
        return {
          case: 'listServicesResponse',
          value: { service: this.#services.map(({ typeName }) => ({ name: typeName })) },
        }
      case 'fileByFilename':
        return filesResponse(this.#files.get(value), value)
      case 'fileContainingSymbol':
        return filesResponse(this.#symbols.get(value), value)
      case 'fileContainingExtension':
        return notFound(`extension ${value.extensionNumber} of ${value.containingType}`)
      case 'allExtensionNumbersOfType':
        return this.#symbols.has(value)
          ? { case: 'allExtensionNumbersResponse', value: { baseTypeName: value } }
          : notFound(value)
      case undefined:
        return failed('INVALID_ARGUMENT', 'The request asks nothing that is known here')
    }
  }

  #addFile(file: DescFile): void {
    if (this.#files.has(file.proto.name)) return
    this.#files.set(file.proto.name, file)
    for (const name of namesOf(file)) this.#symbols.set(name, file)
    for (const dependency of file.dependencies) this.#addFile(dependency)
  }
}

function* namesOf({ messages, enums, services }: DescFile): Generator<string> {
  for (const message of messages) yield* namesIn(message)
  for (const each of enums) yield* valuesIn(each)
  for (const { typeName, methods } of services) {
    yield typeName
    for (const { name } of methods) yield `${typeName}.${name}`
  }
}

function* namesIn(message: DescMessage): Generator<string> {
  const { typeName, fields, oneofs } = message
  yield typeName
  for (const { name } of [...fields, ...oneofs]) yield `${typeName}.${name}`
  for (const each of message.nestedMessages) yield* namesIn(each)
  for (const each of message.nestedEnums) yield* valuesIn(each)
}

/** Values belong to what their enum is in, not to the enum. */
function* valuesIn({ typeName, values }: DescEnum): Generator<string> {
  yield typeName
  const scope = typeName.slice(0, typeName.lastIndexOf('.') + 1)
  for (const { name } of values) yield `${scope}${name}`
}

/** The file and all that it needs; each before what it needs itself. */
function filesResponse(file: DescFile | undefined, asked: string): Response {
  if (file === undefined) return notFound(asked)
  const files = new Set<DescFile>()
  addNeeded(file, files)
  const fileDescriptorProto = Array.from(files, ({ proto }) =>
    toBinary(FileDescriptorProtoSchema, proto),
  )
  return {
    case: 'fileDescriptorResponse',
    value: { fileDescriptorProto: fileDescriptorProto.toReversed() },
  }
}

function addNeeded(file: DescFile, files: Set<DescFile>): void {
  if (files.has(file)) return
  for (const dependency of file.dependencies) addNeeded(dependency, files)
  files.add(file)
}

const notFound = (what: string): Response => failed('NOT_FOUND', `${what} is not known here`)

const failed = (code: StatusCode, errorMessage: string): Response => ({
  case: 'errorResponse',
  value: { errorCode: grpcCodeOf(code), errorMessage },
})
