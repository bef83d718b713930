import {
  create,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf'
import type { ServedModel, ServedVersion } from '@drover/model-config'
import {
  decodeTensorProto,
  decodeTensors,
  encodeTensor,
  encodeTensorProto,
  type GoldenAnswers,
  ModelService,
  ModelVersionStatus_State,
  PredictionService,
  RequestBudget,
  TensorProtoSchema,
} from '@drover/serving-api'
import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js'
import { AgentError } from '../errors.ts'

const MESSAGE_BYTES_MAX = 64 * 1024 * 1024
const REASON_CHARACTERS_MAX = 1_024
/** A model that nobody has: the server answers that it is not there, and so that it lives. */
const NO_MODEL = 'drover.pulse'

type GoldenRequest = GoldenAnswers['requests'][number]

/** A version as TF Serving tells of it. */
export type ToldVersion = Pick<ServedVersion, 'version' | 'state' | 'error'>

/** What is asked of a stock server, over TF Serving's own gRPC services. */
export class ServingClient implements Disposable {
  readonly #client: Client

  /** `address`: host and port of its gRPC. */
  constructor(address: string) {
    this.#client = new Client(address, credentials.createInsecure(), {
      'grpc.max_send_message_length': MESSAGE_BYTES_MAX,
      'grpc.max_receive_message_length': MESSAGE_BYTES_MAX,
      // Whoever asks decides what is asked again.
      'grpc.enable_retries': 0,
    })
  }

  /** The versions of a model; undefined for one that the server does not know. Throws `ServiceError`. */
  async versions(name: string, msMax: number): Promise<ToldVersion[] | undefined> {
    try {
      const request = { modelSpec: { name } }
      const answer = await this.#ask(ModelService.method.getModelStatus, request, msMax)
      return answer.modelVersionStatus.map((each) => ({
        version: Number(each.version),
        state: STATES[each.state],
        ...(each.status?.errorMessage && {
          error: each.status.errorMessage.slice(0, REASON_CHARACTERS_MAX),
        }),
      }))
    } catch (error) {
      if (codeOf(error) === status.NOT_FOUND) return undefined
      throw error
    }
  }

  /** Resolves when it answers at all. Throws `ServiceError`. */
  async pulse(msMax: number): Promise<void> {
    await this.versions(NO_MODEL, msMax)
  }

  /** Has it serve these models and no others. Gives what it has against that. Throws `ServiceError`. */
  async reload(models: Iterable<ServedModel>, msMax: number): Promise<string | undefined> {
    const config = Array.from(models, ({ name, basePath, versions, labels }) => ({
      name,
      basePath,
      modelPlatform: 'tensorflow',
      modelVersionPolicy: {
        policyChoice: { case: 'specific' as const, value: { versions: versions.map(BigInt) } },
      },
      versionLabels: Object.fromEntries(
        Object.entries(labels).map(([label, version]) => [label, BigInt(version)]),
      ),
    }))
    const request = { config: { config: { case: 'modelConfigList' as const, value: { config } } } }
    const answer = await this.#ask(ModelService.method.handleReloadConfigRequest, request, msMax)
    return answer.status?.errorCode ? answer.status.errorMessage : undefined
  }

  /** Answers one golden request with a version. Throws `ServiceError`. */
  async predict(
    { name, version }: { name: string; version: number },
    { signature, inputs }: Pick<GoldenRequest, 'signature' | 'inputs'>,
    msMax: number,
  ): Promise<GoldenRequest['outputs']> {
    const tensors = Object.entries(decodeTensors(inputs)).map(([alias, tensor]) => [
      alias,
      fromBinary(TensorProtoSchema, encodeTensorProto(tensor)),
    ])
    const request = {
      modelSpec: {
        name,
        versionChoice: { case: 'version' as const, value: { value: BigInt(version) } },
        signatureName: signature,
      },
      inputs: Object.fromEntries(tensors),
    }
    const answer = await this.#ask(PredictionService.method.predict, request, msMax)
    return Object.fromEntries(
      Object.entries(answer.outputs).map(([alias, proto]) => {
        const tensor = decodeTensorProto(toBinary(TensorProtoSchema, proto), new RequestBudget())
        if (tensor === undefined) throw new AgentError('FAULT', `the output ${alias} is no tensor`)
        return [alias, encodeTensor(tensor)]
      }),
    )
  }

  /** Resolves when the connection to the server is lost, or was closed here. */
  async lost(): Promise<void> {
    const channel = this.#client.getChannel()
    const state = channel.getConnectivityState(false)
    await new Promise<void>((resolve) => {
      channel.watchConnectivityState(state, Infinity, () => resolve())
    })
  }

  async #ask<I extends DescMethodUnary['input'], O extends DescMethodUnary['output']>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    msMax: number,
  ): Promise<MessageShape<O>> {
    const path = `/${method.parent.typeName}/${method.name}`
    return await new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        path,
        (message: MessageShape<I>) => Buffer.from(toBinary(method.input, message)),
        (bytes: Buffer) => fromBinary(method.output, bytes),
        create(method.input, request),
        { deadline: Date.now() + msMax },
        (error, answer) => {
          if (answer === undefined) reject(error ?? new Error(`${path} has no answer`))
          else resolve(answer)
        },
      )
    })
  }

  [Symbol.dispose](): void {
    this.#client.close()
  }
}

const STATES: Record<ModelVersionStatus_State, ServedVersion['state']> = {
  [ModelVersionStatus_State.UNKNOWN]: 'START',
  [ModelVersionStatus_State.START]: 'START',
  [ModelVersionStatus_State.LOADING]: 'LOADING',
  [ModelVersionStatus_State.AVAILABLE]: 'AVAILABLE',
  [ModelVersionStatus_State.UNLOADING]: 'UNLOADING',
  [ModelVersionStatus_State.END]: 'END',
}

/** The gRPC status of an error; undefined for any other. */
export const codeOf = (error: unknown): number | undefined =>
  isServiceError(error) ? error.code : undefined

const isServiceError = (error: unknown): error is ServiceError =>
  error instanceof Error && 'code' in error && typeof error.code === 'number'
