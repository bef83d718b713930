import { lstat, unlink } from 'node:fs/promises'
import type { AddressInfo, ListenOptions } from 'node:net'
import type { Log } from '@drover/service'
import {
  Health as HealthService,
  ModelService,
  PredictionService,
  ServingError,
} from '@drover/serving-api'
import type { Limits } from '../limits.ts'
import { type Core, LANE_BODY_BYTES } from '../serving/core.ts'
import { readChannelArguments } from './channel-arguments.ts'
import type { SslConfig } from './credentials.ts'
import { Health } from './health.ts'
import { GRPC_LIMITS, type GrpcLimits } from './limits.ts'
import { pathOf } from './messages.ts'
import { modelServiceMethods } from './model-service.ts'
import { PREDICTION_DEFAULTS, type PredictionOptions, PREDICTIONS } from './prediction-service.ts'
import { reflectionMethods } from './reflection.ts'
import { GrpcServer, type Method } from './server.ts'

/** What flags say about the gRPC port. */
export interface GrpcSettings {
  grpc: {
    /** `--grpc_channel_arguments`. */
    channelArguments: Readonly<Record<string, number | string>>
    /** `--enable_grpc_healthcheck_service`. */
    hasHealth: boolean
    /** `--enable_serialization_as_tensor_content`. */
    writesTensorContent: boolean
  }
  /** `--enable_signature_method_name_check`. */
  checksMethodNames: boolean
  /** `--ssl_config_file`; undefined for no TLS. A Unix socket speaks it as well. */
  ssl: SslConfig | undefined
}

export interface GrpcPortOptions {
  core: Core
  log: Log
  limits: Pick<Limits, 'connectionsMax' | 'headersMsMax' | 'drainQuietMs'>
  settings: GrpcSettings
  /** Whether what is served may be changed here, and tools may look at the services. */
  isSinglePort: boolean
  /** Other limits than the usual ones. */
  grpcLimits?: GrpcLimits
}

/** Where to listen: an inherited socket, an address, or a Unix socket. */
export type GrpcPlace =
  | { fd: number }
  | { host: string | undefined; port: number }
  | { path: string }

/** The gRPC port of a serving thread. */
export interface GrpcPort {
  /** May be called for several places; resolves with the address. Throws with the place in the message. */
  listen(place: GrpcPlace): Promise<string>
  /** How many are open. */
  connections(): number
  /** What health says from now on; it is SERVING once the port listens. */
  setServing(isServing: boolean): void
  /**
   * Says NOT_SERVING; the connections that are there end as their calls end, and are cut after `msMax`.
   * See `Drain`. Never throws.
   */
  drain(msMax: number, staysOpen?: boolean): Promise<void>
}

/** Makes the port; it listens when told to. Throws for a key or certificate that cannot be read. */
export function makeGrpcPort(options: GrpcPortOptions): GrpcPort {
  const { log, limits, settings, grpcLimits = GRPC_LIMITS } = options
  const { known, ignored } = readChannelArguments(settings.grpc.channelArguments)
  if (ignored.length > 0) log.warn({ ignored }, 'grpc channel arguments without effect')
  const health = new Health()
  const server = new GrpcServer({
    methods: new Map(methodsOf(options, health)),
    limits: grpcLimits,
    connectionsMax: limits.connectionsMax,
    greetingMsMax: known.handshakeTimeoutMs ?? limits.headersMsMax,
    quietMs: limits.drainQuietMs,
    arguments: known,
    ssl: settings.ssl,
    log,
  })
  return {
    listen: async (place) => {
      const address = await listenAt(server, place)
      health.setServing(true)
      return address
    },
    connections: () => server.connections,
    setServing: (isServing) => health.setServing(isServing),
    drain: async (msMax, staysOpen = false) => {
      health.setServing(false)
      await server.drain(msMax, staysOpen)
    },
  }
}

async function listenAt(server: GrpcServer, place: GrpcPlace): Promise<string> {
  try {
    if ('path' in place) await removeSocket(place.path)
    return addressOf(await server.listen(listenOptionsOf(place)))
  } catch (cause) {
    throw new Error(`cannot listen on ${JSON.stringify(place)}`, { cause })
  }
}

function listenOptionsOf(place: GrpcPlace): ListenOptions | { fd: number } {
  if (!('port' in place)) return place
  const { host, port } = place
  return host === undefined ? { port } : { host, port }
}

/** One that was left behind; who else would listen there has ended, as upstream takes for granted. */
async function removeSocket(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined)
  if (found?.isSocket()) await unlink(path)
}

/** As gRPC's clients name it. */
function addressOf(address: AddressInfo | string | null): string {
  if (address === null || typeof address === 'string') return `unix:${address ?? ''}`
  const { address: host, port } = address
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

function methodsOf(
  { core, settings, isSinglePort }: GrpcPortOptions,
  health: Health,
): [string, Method][] {
  const { grpc, checksMethodNames } = settings
  const { hasHealth } = grpc
  const options = { writesTensorContent: grpc.writesTensorContent, checksMethodNames }
  const services = [PredictionService, ModelService, ...(hasHealth ? [HealthService] : [])]
  return [
    ...predictionMethods(core, options),
    ...modelServiceMethods(core, isSinglePort),
    ...(hasHealth ? health.methods() : []),
    ...(isSinglePort ? reflectionMethods(services) : []),
  ]
}

/** Messages of many examples take so much longer to read than those of tensors. */
const EXAMPLES_BYTES_HERE_MAX = 32 * 1024

/** What is large goes to the lane, where it holds up nobody else. */
function predictionMethods(core: Core, options: PredictionOptions): [string, Method][] {
  return PredictionService.methods.map((method) => {
    const { name } = method
    const predict = predictionOf(name)
    const bytesHereMax = name === 'Predict' ? LANE_BODY_BYTES : EXAMPLES_BYTES_HERE_MAX
    return [
      pathOf(method),
      {
        kind: 'unary',
        answer: (body, call) =>
          body.length > bytesHereMax && core.lane !== undefined
            ? core.lane.grpc({
                method: name,
                body,
                deadlineMs: call.deadlineMs,
                signal: call.signal,
              })
            : predict(core, body, call.deadlineMs, options),
      },
    ]
  })
}

function predictionOf(name: string) {
  const prediction = Object.hasOwn(PREDICTIONS, name) ? PREDICTIONS[name] : undefined
  if (prediction === undefined)
    throw new ServingError('UNIMPLEMENTED', `PredictionService has no method ${name}`)
  return prediction
}

/**
 * Answers a method of PredictionService by its name, from message to message: the lane's side of it.
 * Throws `ServingError`.
 */
export async function answerBytes(
  core: Core,
  method: string,
  body: Uint8Array,
  deadlineMs: number,
  options = PREDICTION_DEFAULTS,
): Promise<Uint8Array> {
  return await predictionOf(method)(core, body, deadlineMs, options)
}
