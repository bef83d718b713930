import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { type ClientHttp2Session, connect } from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  create,
  type DescMessage,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf'
import {
  type CallOptions,
  Client,
  type ClientOptions,
  credentials,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js'
import { startEngines } from '@drover/inference'
import { makeLog } from '@drover/service'
import { notKnown, notServed, ServingError, type SignatureDef } from '@drover/serving-api'
import { onTestFinished } from 'vitest'
import { GRPC_LIMITS, type GrpcLimits } from '../grpc/limits.ts'
import { pathOf } from '../grpc/messages.ts'
import { type GrpcPort, type GrpcSettings, makeGrpcPort } from '../grpc/port.ts'
import type { Core, Found, Observation, Outputs } from '../serving/core.ts'
import { toServingError } from '../serving/errors.ts'
import { halfPlus, writeVersion } from './saved-models.ts'

/** A version that a test serves. */
export interface TestVersion {
  signatures: Readonly<Record<string, SignatureDef>>
  run: (call: Parameters<Core['run']>[1]) => Outputs | Promise<Outputs>
}

/** Models by name, and their versions by number: what a serving thread is told, without the threads. */
export type TestModels = Record<string, Record<string, TestVersion>>

export interface TestCore extends Core {
  observations: Observation[]
  reloads: unknown[]
}

/** Serves these models in this thread. `labels` are those of all models. */
export function coreOf(models: TestModels, labels: Record<string, bigint> = {}): TestCore {
  const versionsOf = (name: string): bigint[] =>
    Object.keys(models[name] ?? {})
      .map(BigInt)
      .toSorted((a, b) => Number(b - a))
  const observations: Observation[] = []
  const reloads: unknown[] = []
  return {
    observations,
    reloads,
    lane: undefined,
    find: ({ name, version, label }): Found => {
      if (label !== undefined && labels[label] === undefined)
        throw new ServingError('INVALID_ARGUMENT', `Unrecognized servable version label: ${label}`)
      const wanted = label === undefined ? version : labels[label]
      const [latest] = versionsOf(name)
      const found = wanted ?? latest
      const served = found === undefined ? undefined : models[name]?.[`${found}`]
      if (found === undefined || served === undefined)
        throw notServed({ name, ...(wanted !== undefined && { version: wanted }) })
      return { name, version: found, signatures: served.signatures }
    },
    run: ({ name, version }, call) => {
      const served = models[name]?.[`${version}`]
      if (served === undefined) throw notServed({ name, version })
      return served.run(call)
    },
    wait: () => () => {},
    observe: (observation) => void observations.push(observation),
    control: {
      status: async ({ name, version }) => {
        const versions = versionsOf(name).filter((each) => each === (version ?? each))
        if (versions.length === 0)
          throw notKnown({ name, ...(version !== undefined && { version }) })
        return versions.map((each) => ({ version: each, state: 'AVAILABLE' }))
      },
      reload: async (config) => void reloads.push(config),
      prometheus: async () => Buffer.alloc(0),
    },
  }
}

/** `y = 0.5 x + plus`, loaded as a model is. */
export async function loadHalfPlus(plus: number): Promise<TestVersion & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'drover-grpc-'))
  await writeVersion(folder, 1, halfPlus(plus))
  const engines = startEngines()
  const { servable } = await engines.load(join(folder, '1'), { engine: 'fast' })
  return {
    signatures: servable.signatures,
    run: ({ signature, inputs, outputs }) => {
      try {
        return servable.run(signature, inputs, outputs && { outputs })
      } catch (error) {
        throw toServingError(error)
      }
    },
    [Symbol.asyncDispose]: async () => {
      await engines[Symbol.asyncDispose]()
      await rm(folder, { recursive: true })
    },
  }
}

export interface TestPortOptions {
  core: Core
  settings?: Partial<Omit<GrpcSettings, 'grpc'>> & { grpc?: Partial<GrpcSettings['grpc']> }
  isSinglePort?: boolean
  grpcLimits?: Partial<GrpcLimits>
  headersMsMax?: number
}

const LOG = makeLog('model-server-test')
LOG.level = 'silent'
const DRAIN_MS = 2_000

/** A port with upstream's defaults. */
export function makeTestPort(options: TestPortOptions): GrpcPort {
  const { core, settings = {}, isSinglePort = true, grpcLimits, headersMsMax = 10_000 } = options
  return makeGrpcPort({
    core,
    log: LOG,
    limits: { connectionsMax: 100, headersMsMax, drainQuietMs: 200 },
    settings: {
      ssl: undefined,
      checksMethodNames: false,
      ...settings,
      grpc: { channelArguments: {}, hasHealth: true, writesTensorContent: false, ...settings.grpc },
    },
    isSinglePort,
    grpcLimits: { ...GRPC_LIMITS, ...grpcLimits },
  })
}

/** A port on loopback, and a client of it. */
export async function startGrpc(options: TestPortOptions) {
  const port = makeTestPort(options)
  const address = await port.listen({ host: '127.0.0.1', port: 0 })
  const client = new GrpcClient(address)
  return {
    port,
    address,
    client,
    [Symbol.asyncDispose]: async () => {
      client.close()
      await port.drain(DRAIN_MS)
    },
  }
}

/** What a call may be sent with. */
export interface AskOptions extends CallOptions {
  metadata?: Record<string, string>
  /** Whether a call waits where nobody can be connected to; else it fails. */
  waitForReady?: boolean
}

/** The real client of gRPC for Node. */
export class GrpcClient extends Client {
  constructor(
    address: string,
    channel = credentials.createInsecure(),
    options: ClientOptions = {},
  ) {
    super(address, channel, { 'grpc.use_local_subchannel_pool': 1, ...options })
  }

  /** Calls a method; rejects with a `ServiceError`. */
  async ask<Input extends DescMessage, Output extends DescMessage>(
    method: DescMethodUnary<Input, Output>,
    request: MessageInitShape<Input>,
    options: AskOptions = {},
  ): Promise<MessageShape<Output>> {
    const body = toBinary(method.input, create(method.input, request))
    return fromBinary(method.output, await this.askBytes(pathOf(method), body, options))
  }

  /** Calls a method with these bytes as the message. */
  async askBytes(
    path: string,
    body: Uint8Array,
    { metadata = {}, waitForReady = false, ...options }: AskOptions = {},
  ): Promise<Buffer> {
    const headers = new Metadata({ waitForReady })
    for (const [name, value] of Object.entries(metadata)) headers.set(name, value)
    return await new Promise((resolve, reject) => {
      this.makeUnaryRequest(
        path,
        (bytes: Uint8Array) => Buffer.from(bytes),
        (bytes: Buffer) => bytes,
        body,
        headers,
        options,
        (error: ServiceError | null, answer?: Buffer) =>
          error === null && answer !== undefined
            ? resolve(answer)
            : reject(error ?? new Error('no answer')),
      )
    })
  }
}

/**
 * A connection that speaks HTTP/2 by somebody else's code and may say in it what it likes and be
 * ended for it. It is there until the test ends.
 */
export async function speak(address: string): Promise<ClientHttp2Session> {
  const session = connect(`http://${address}`)
  session.on('error', () => {})
  onTestFinished(() => session.destroy())
  await once(session, 'remoteSettings')
  return session
}

/** A message as it is on the wire. */
export function frameOf(message: Uint8Array, isCompressed = false): Buffer {
  const prefix = Buffer.from([isCompressed ? 1 : 0, 0, 0, 0, 0])
  prefix.writeUInt32BE(message.length, 1)
  return Buffer.concat([prefix, message])
}
