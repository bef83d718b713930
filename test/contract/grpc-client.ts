import {
  createRegistry,
  type DescMethod,
  fromBinary,
  fromJson,
  type JsonObject,
  type JsonValue,
  toBinary,
  toJson,
} from '@bufbuild/protobuf'
import {
  type CallOptions,
  type ChannelCredentials,
  Client,
  type ClientOptions,
  credentials,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js'
import { ModelService, PredictionService, SignatureDefMapSchema } from '@drover/serving-api'

const WAIT_MS_MAX = 30_000
const REGISTRY = createRegistry(SignatureDefMapSchema)
const METHODS = [...PredictionService.methods, ...ModelService.methods]

/** How a client is made; without credentials it speaks in the clear. */
export interface GrpcClientOptions extends ClientOptions {
  credentials?: ChannelCredentials
}

/** A client that is closed when it goes out of use. */
export class GrpcClient implements Disposable {
  readonly #client: Client

  constructor(address: string, options: GrpcClientOptions = {}) {
    const { credentials: given = credentials.createInsecure(), ...rest } = options
    this.#client = new Client(address, given, rest)
  }

  /** Calls a method with messages as JSON. Rejects with a `ServiceError`. */
  async call(name: string, request: JsonValue, options?: CallOptions): Promise<JsonValue> {
    const method = METHODS.find((each) => each.name === name)
    if (method === undefined) throw new Error(`there is no method ${name}`)
    const bytes = toBinary(method.input, fromJson(method.input, request))
    const answer = await this.send(pathOf(method), bytes, options)
    return toJson(method.output, fromBinary(method.output, answer), { registry: REGISTRY })
  }

  /** Sends the bytes of a message to a path. */
  async send(path: string, message: Uint8Array, options: CallOptions = {}): Promise<Uint8Array> {
    const deadline = Date.now() + WAIT_MS_MAX
    return await new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest<Uint8Array, Buffer>(
        path,
        (bytes) => Buffer.from(bytes),
        (bytes) => bytes,
        message,
        new Metadata(),
        { deadline, ...options },
        (error: ServiceError | null, answer) => {
          if (error !== null) reject(error)
          else if (answer === undefined) reject(new Error('neither an answer nor an error'))
          else resolve(answer)
        },
      )
    })
  }

  [Symbol.dispose](): void {
    this.#client.close()
  }
}

const pathOf = ({ parent, name }: DescMethod): string => `/${parent.typeName}/${name}`

/** A Predict for `default`, for tests that are about anything else. */
export const SOME_PREDICT: JsonObject = {
  modelSpec: { name: 'default' },
  inputs: { x: { dtype: 'DT_FLOAT', tensorShape: { dim: [{ size: '1' }] }, floatVal: [2] } },
}
