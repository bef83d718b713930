import { once } from 'node:events'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ask, type Place } from './ask.ts'
import { availableOf, type LoopDelays, loopDelaysOf } from './metrics.ts'
import { type Pinned, SERVER_CORE, startPinned } from './processes.ts'

const BIN = join(import.meta.dirname, '../../../../node_modules/.bin/drover-model-server')
const METRICS_PATH = '/monitoring/prometheus/metrics'
const MONITORING = `prometheus_config { enable: true path: "${METRICS_PATH}" }\n`
const COLLECT = join(import.meta.dirname, 'collect.js')
/** All threads of a server have collected their garbage by then. */
const COLLECT_MS = 700
const LOOK_MS = 20
const AVAILABLE_MS_MAX = 600_000

/** A model server under measurement. */
export interface BenchServer extends Pinned {
  ports: { http: number; grpc: number }
  /** What changes it, when it was started with an admin socket. */
  admin: Place
  /** From its start until all its models answered, in milliseconds. */
  startMs: number
  /** How long pieces of work held its event loops, since this was asked last. */
  loopDelays: () => Promise<LoopDelays>
  /** Its memory without garbage, in bytes; for a server of one process that was started for it. */
  heldBytes: () => Promise<number>
}

export interface BenchServerOptions {
  /** For what it is started with. */
  folder: string
  config: string
  /** Models in the config. */
  models: number
  workers?: number
  /** The server's own unless told. */
  cores?: string
  /** Changes come by an admin socket, as from the agent; else by the data ports, as upstream. */
  hasAdmin?: boolean
  /** For `heldBytes`. */
  canCollect?: boolean
  flags?: readonly string[]
}

/** Starts our server on its core by upstream's flags; resolves when all its models answer. */
export async function startServer(options: BenchServerOptions): Promise<BenchServer> {
  const { cores = SERVER_CORE, models, hasAdmin = true, canCollect = false } = options
  const folder = await mkdtemp(join(options.folder, 'server-'))
  const ports = { http: await freePort(), grpc: await freePort() }
  const admin = hasAdmin ? { socketPath: join(folder, 'admin.sock') } : { port: ports.http }
  const metricsPath = hasAdmin ? '/drover/v1/metrics' : METRICS_PATH
  const command = [BIN, ...(await flagsOf(folder, ports, options))]
  const metrics = async (): Promise<string> => (await ask(admin, 'GET', metricsPath)).text
  const startedAt = performance.now()
  const env = canCollect ? { NODE_OPTIONS: `--import=${COLLECT}` } : {}
  const server = startPinned({ cores, command, messages: ['started'], env })
  try {
    await server.said('started')
    const untilMs = startedAt + AVAILABLE_MS_MAX
    // A server does not wait for all of many thousands before it listens.
    while (availableOf(await metrics()) < models) {
      if (performance.now() > untilMs) throw new Error('models did not become available')
      await sleep(LOOK_MS)
    }
  } catch (error) {
    await server[Symbol.asyncDispose]()
    throw error
  }
  const startMs = performance.now() - startedAt
  const loopDelays = async (): Promise<LoopDelays> => loopDelaysOf(await metrics())
  const heldBytes = async (): Promise<number> => {
    // What the first collection has freed goes back to the system at the second.
    for (let round = 0; round < 2; round++) {
      process.kill(server.pid, 'SIGUSR2')
      await sleep(COLLECT_MS)
    }
    return server.memoryBytes()
  }
  return { ...server, ports, admin, startMs, loopDelays, heldBytes }
}

async function flagsOf(
  folder: string,
  ports: BenchServer['ports'],
  { config, workers = 1, hasAdmin = true, flags = [] }: BenchServerOptions,
): Promise<string[]> {
  const configFile = join(folder, 'models.config')
  const monitoringFile = join(folder, 'monitoring.config')
  await writeFile(configFile, config)
  await writeFile(monitoringFile, MONITORING)
  return [
    `--rest_api_port=${ports.http}`,
    `--port=${ports.grpc}`,
    `--model_config_file=${configFile}`,
    `--workers=${workers}`,
    hasAdmin
      ? `--admin_socket_path=${join(folder, 'admin.sock')}`
      : `--monitoring_config_file=${monitoringFile}`,
    ...flags,
  ]
}

/** A port that nobody listens on just now. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const place = server.address()
  server.close()
  await once(server, 'close')
  if (place === null || typeof place === 'string') throw new Error('no port')
  return place.port
}
