import { join } from 'node:path'
import { startProbe } from '@drover/inference'
import type { ModelStore } from '@drover/model-store'
import type { Log } from '@drover/service'
import { makeMemory } from './memory.ts'
import type { Ports } from './ports.ts'
import { openObjectCache } from './pull/objects.ts'
import { makeSource } from './pull/source.ts'
import { openServingTree } from './pull/tree.ts'
import { openVersions } from './pull/versions.ts'
import { makeStarter, type Sockets } from './serve/model-server.ts'
import { bindSocket } from './serve/socket.ts'
import { PULSE, type Pulse } from './serve/watchdog.ts'
import { openDiskState } from './state/disk-state.ts'

const BACKOFF_MS_MAX = 5_000

export interface TfServerOptions {
  /** The server's own name. */
  server: string
  fleet: string
  store: ModelStore
  /** Where the store is, in words for a person. */
  storeName: string
  /** The agent's folder. */
  cache: string
  cacheBytesMax: number
  cacheAgeMaxMs: number
  pollMs: number
  /** The model server's program and environment. */
  modelServer: string
  modelServerEnv: NodeJS.ProcessEnv
  rest: { host: string; port: number }
  /** At the address of `rest`; no gRPC unless told. */
  grpcPort?: number | undefined
  /** Threads of the model server that answer requests; 1 unless told. */
  workers?: number
  api: { host: string; port: number; token: string | undefined }
  log: Log
  /** Takes what the model server logs, line by line; standard output unless told. */
  onLine?: (line: string) => void
  now?: () => number
  /** How long this process is unready before it stops taking requests: whoever sends them has to see it. */
  stopWaitMs: number
  /** How long requests in flight may take when it stops. */
  stopDrainMs: number
  /** How it is noticed that the model server hangs; `PULSE` unless told. */
  pulse?: Pulse
  /** Free memory; the system's answer unless told. */
  availableBytes?: () => number
}

/** Opens everything that an agent works with, and says how to close it. */
export async function openPorts(options: TfServerOptions, stop: AbortSignal) {
  const { fleet, store, cache: folder, log, now = Date.now } = options
  const disk = await openDiskState(folder, (err) =>
    log.error({ err }, 'what was on disk is damaged and put aside'),
  )
  const cache = await openObjectCache(folder, { bytesMax: options.cacheBytesMax })
  const tree = await openServingTree(folder)
  const source = makeSource(store, fleet)
  const versions = await openVersions(folder, { cache, tree, source })
  const sockets = await bindSockets(options)
  const starter = await makeStarter({
    program: options.modelServer,
    sockets,
    workers: options.workers ?? 1,
    folder: join(folder, 'run'),
    env: options.modelServerEnv,
    onLine: options.onLine ?? ((line) => process.stdout.write(`${line}\n`)),
  })
  const memory = makeMemory(new Date(now()), disk.value)
  // TensorFlow's process takes much memory and starts with the first version that needs it.
  const probe = startProbe({ warm: ['fast'] })
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
    backoffMs: Math.min(options.pollMs, BACKOFF_MS_MAX),
    availableBytes: options.availableBytes ?? (() => process.availableMemory()),
    nudge: () => {},
    nudgeLook: () => {},
  }
  async function close(): Promise<void> {
    const { server } = memory
    memory.server = undefined
    // With this copy gone the port is refused as soon as the model server stops accepting.
    for (const socket of Object.values(sockets)) socket?.[Symbol.dispose]()
    await server?.drain(options.stopDrainMs)
    await Promise.all([probe[Symbol.asyncDispose](), starter[Symbol.asyncDispose]()])
  }
  return { ports, close, restUrl: sockets.rest.url, grpcAddress: sockets.grpc?.address }
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
