import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import { type Pinned, SERVER_CORE, startPinned } from './processes.ts'

const BIN = join(import.meta.dirname, '../../../../node_modules/.bin/drover-model-server')

/** A model server under measurement. */
export interface BenchServer extends Pinned {
  ports: { http: number; grpc: number }
  configFile: string
}

export interface BenchServerOptions {
  folder: string
  config: string
  workers: number
  flags?: readonly string[]
  /** Both cores, when undefined is not what is wanted: `0` alone is the default. */
  cores?: string
}

/** Starts our server on its core by upstream's flags; resolves when all its models answer. */
export async function startServer(options: BenchServerOptions): Promise<BenchServer> {
  const { folder, config, workers, flags = [] } = options
  const configFile = join(folder, 'models.config')
  await writeFile(configFile, config)
  const ports = { http: await freePort(), grpc: await freePort() }
  const server = startPinned({
    core: SERVER_CORE,
    command: [
      BIN,
      `--rest_api_port=${ports.http}`,
      `--port=${ports.grpc}`,
      `--model_config_file=${configFile}`,
      `--workers=${workers}`,
      ...flags,
    ],
  })
  try {
    await server.said('started')
  } catch (error) {
    await server[Symbol.asyncDispose]()
    throw error
  }
  return { ...server, ports, configFile }
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
