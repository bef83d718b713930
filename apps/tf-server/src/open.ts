import { join } from 'node:path'
import type { ConfigRef } from '@drover/model-config'
import { startProbe } from '@drover/inference'
import type { ModelStore } from '@drover/model-store'
import type { Log } from '@drover/service'
import { makeMemory } from './memory.ts'
import type { Ports } from './ports.ts'
import { openObjectCache } from './pull/objects.ts'
import { makeSource } from './pull/source.ts'
import { openServingTree } from './pull/tree.ts'
import { openVersions } from './pull/versions.ts'
import { makeStarter, type Sockets, type Starter } from './serve/model-server.ts'
import { addressOf, bindSocket } from './serve/socket.ts'
import { PULSE, type Pulse } from './serve/watchdog.ts'
import { makeSidecarStarter, makeStockChildStarter } from './stock/stock-starter.ts'
import { openDiskState } from './state/disk-state.ts'

const BACKOFF_MS_MAX = 5_000

/** `drover`: the default. `stock` and `sidecar`: any server with TF Serving's flags and protocol. */
export type ServerKind = 'drover' | 'stock' | 'sidecar'

export interface TfServerOptions {
  /** The server's own name. */
  server: string
  fleet: string
  /** The config that it was rolled out for: it starts with it, if that is newer than `live`. */
  named?: ConfigRef | undefined
  store: ModelStore
  /** Where the store is, in words for a person. */
  storeName: string
  /** The agent's folder. */
  cache: string
  cacheBytesMax: number
  cacheAgeMaxMs: number
  pollMs: number
  /** What answers: our own model server, a stock one of ours, or one that is started beside us. */
  kind?: ServerKind
  /** The model server's program and environment, and what else it is started with. */
  modelServerFlags?: readonly string[]
  /** Unsafe operations that models may have, by their names, in our own model server; none unless told. */
  allowedOperations?: readonly string[]
  modelServer: string
  modelServerEnv: NodeJS.ProcessEnv
  rest: { host: string; port: number }
  /** At the address of `rest`; no gRPC unless told. */
  grpcPort?: number | undefined
  /** Threads of the model server that answer requests; 1 unless told. */
  workers?: number
  api: {
    host: string
    port: number
    token: string | undefined
    metricsToken?: string | undefined
  }
  log: Log
  /** Takes what the model server logs, line by line; standard output unless told. */
  onLine?: (line: string) => void
  now?: () => number
  /** How long this process is unready before it stops taking requests: whoever sends them has to see it. */
  stopWaitMs: number
  /** How long clients have after that to finish, and to go elsewhere. */
  stopDrainMs: number
  /** How it is noticed that the model server hangs; `PULSE` unless told. */
  pulse?: Pulse
  /** Free memory; the system's answer unless told. */
  availableBytes?: () => number
}

/** Opens everything that an agent works with, and says how to close it. */
export async function openPorts(options: TfServerOptions, stop: AbortSignal) {
  const { fleet, store, cache: folder, log, now = Date.now, allowedOperations = [] } = options
  const disk = await openDiskState(folder, (err) =>
    log.error({ err }, 'what was on disk is damaged and put aside'),
  )
  const cache = await openObjectCache(folder, { bytesMax: options.cacheBytesMax })
  const tree = await openServingTree(folder)
  const source = makeSource(store, fleet)
  const versions = await openVersions(folder, { cache, tree, source })
  const { starter, restUrl, grpcAddress, release } = await openStarter(options)
  const memory = makeMemory(new Date(now()), disk.value, options.named)
  // TensorFlow's process takes much memory and starts with the first version that needs it.
  const probe = startProbe({ warm: ['fast'], allowedOperations })
  const ports: Ports = {
    fleet,
    store,
    disk,
    cache,
    tree,
    source,
    versions,
    probe,
    starter,
    memory,
    log,
    now,
    stop,
    pulse: options.pulse ?? PULSE,
    stopWaitMs: options.stopWaitMs,
    backoffMs: Math.min(options.pollMs, BACKOFF_MS_MAX),
    availableBytes: options.availableBytes ?? (() => process.availableMemory()),
    nudge: () => {},
    nudgeLook: () => {},
  }
  async function close(): Promise<void> {
    const { server } = memory
    memory.server = undefined
    // With this copy gone the port is refused as soon as the model server has ended.
    release()
    const { stopWaitMs, stopDrainMs: msMax } = options
    await server?.drain({ msMax, staysOpen: stopWaitMs > 0 })
    await Promise.all([probe[Symbol.asyncDispose](), starter[Symbol.asyncDispose]()])
  }
  return { ports, close, restUrl, grpcAddress }
}

/** What starts model servers, where they answer, and how to let go of what they listen on. */
interface OpenStarter {
  starter: Starter
  restUrl: string
  grpcAddress: string | undefined
  release: () => void
}

async function openStarter(options: TfServerOptions): Promise<OpenStarter> {
  const { kind = 'drover', cache, rest, grpcPort = 0, modelServerEnv: env } = options
  const { onLine = (line) => process.stdout.write(`${line}\n`) } = options
  if (kind === 'drover') return await openOwnStarter(options, onLine)
  const { host, port: restPort } = rest
  const grpcAddress = addressOf(host, grpcPort)
  const place = { grpcAddress, folder: join(cache, 'stock') }
  const { modelServer: program, modelServerFlags: flags = [] } = options
  const starter =
    kind === 'stock'
      ? await makeStockChildStarter(place, { program, flags, env, onLine, restPort, grpcPort })
      : await makeSidecarStarter(place)
  const restUrl = `http://${addressOf(host, restPort)}`
  return { starter, restUrl, grpcAddress, release: () => {} }
}

async function openOwnStarter(
  options: TfServerOptions,
  onLine: (line: string) => void,
): Promise<OpenStarter> {
  const { cache, modelServer: program, modelServerEnv: env, workers = 1 } = options
  const { modelServerFlags = [], allowedOperations = [] } = options
  const flags = [...modelServerFlags, `--allowed_operations=${allowedOperations.join(',')}`]
  const sockets = await bindSockets(options)
  const folder = join(cache, 'run')
  const starter = await makeStarter({ program, sockets, workers, flags, folder, env, onLine })
  const release = (): void => {
    for (const socket of Object.values(sockets)) socket?.[Symbol.dispose]()
  }
  return { starter, restUrl: sockets.rest.url, grpcAddress: sockets.grpc?.address, release }
}

async function bindSockets({ rest: { host, port }, grpcPort }: TfServerOptions): Promise<Sockets> {
  const rest = await bindSocket(host, port)
  if (grpcPort === undefined) return { rest, grpc: undefined }
  try {
    return { rest, grpc: await bindSocket(host, grpcPort) }
  } catch (error) {
    rest[Symbol.dispose]()
    throw error
  }
}
