import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { ROOT } from '../support/root.ts'
import { build, hasImage, run } from './engine.ts'
import { findS3WithWget } from './s3-image.ts'

const DROVER = join(ROOT, 'apps', 'drover', 'bin', 'drover.js')
const SERVERS = ['tf-server-1', 'tf-server-2'] as const
export const APPS = ['trainer-scheduler', 'config-publisher', 'restarter', ...SERVERS]
const PORTS = ['SCHEDULER_PORT', 'PUBLISHER_PORT', 'RESTARTER_PORT'] as const
const SERVER_PORTS = ['REST_PORT_1', 'GRPC_PORT_1', 'REST_PORT_2', 'GRPC_PORT_2'] as const
const REDIS_IMAGE = 'redis:7.2-alpine'
const OWN_REDIS_IMAGE = 'drover/redis:test'
/** For machines that reach no registry of images: Debian has one too. */
const REDIS_DOCKERFILE = `FROM node:24-slim
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends redis-server`

interface Server {
  rest: string
  grpc: string
}

/** The stack of deploy/compose.yaml, under a name and on ports of its own. */
export interface Stack extends AsyncDisposable {
  servers: readonly [Server, Server]
  compose: (...args: string[]) => Promise<string>
  /** Runs the command line against it and reads its one JSON object; throws when it failed. */
  drover: <T>(schema: z.ZodType<T>, ...args: string[]) => Promise<T>
  /** The container of a service. */
  idOf: (service: string) => Promise<string>
}

/** The image of a Redis, on this machine. */
export async function findRedis(): Promise<string> {
  const { DROVER_REDIS_IMAGE: told } = process.env
  if (told !== undefined) return told
  if (await hasImage(REDIS_IMAGE)) return REDIS_IMAGE
  await run('docker', ['build', '--quiet', '--tag', OWN_REDIS_IMAGE, '-'], {
    input: REDIS_DOCKERFILE,
  })
  return OWN_REDIS_IMAGE
}

/** Runs the command line against the Drover of a file; gives its one JSON object; throws when it failed. */
export async function runDrover<T>(
  remote: string,
  schema: z.ZodType<T>,
  ...args: string[]
): Promise<T> {
  const command = [DROVER, ...args, '--json']
  const said = await run(process.execPath, command, { env: { DROVER_REMOTE: remote } })
  return schema.parse(JSON.parse(said))
}

/** Ports that are free now. Docker's own choice would change when a container is restarted. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map(async (server) => await once(server, 'listening')))
  const Address = z.object({ port: z.int() })
  const ports = servers.map((server) => Address.parse(server.address()).port)
  await Promise.all(servers.map(async (server) => await once(server.close(), 'close')))
  return ports
}

/** The files of docs/docker.md; with keys for the stack's own S3 where it has one. */
async function writeSecrets(folder: string, isOnS3: boolean): Promise<void> {
  const write = async (name: string, text: string) =>
    await writeFile(join(folder, name), text, { mode: 0o444 })
  await mkdir(folder)
  for (const name of ['api-token', 'servers-token']) await write(name, `${crypto.randomUUID()}\n`)
  if (!isOnS3) return
  const [id, secret] = [crypto.randomUUID(), crypto.randomUUID()]
  await write('s3.env', `AWS_ACCESS_KEY_ID=${id}\nAWS_SECRET_ACCESS_KEY=${secret}\n`)
  await write('s3-root.env', `ROOT_ACCESS_KEY=${id}\nROOT_SECRET_KEY=${secret}\n`)
}

const S3_LOCATION = 's3://drover?endpoint=http://s3:7070'

/** Builds every image and starts the stack; resolves when all of it is healthy. */
export async function startStack({ isOnS3 = false } = {}): Promise<Stack> {
  for (const app of ['trainer-scheduler', 'config-publisher', 'tf-server']) {
    await build(app, { tensorflow: true })
  }
  await build('restarter', { tensorflow: false })
  const redis = await findRedis()
  const folder = await mkdtemp(join(tmpdir(), 'drover-compose-'))
  const secrets = join(folder, 'secrets')
  await writeSecrets(secrets, isOnS3)
  const names = [...PORTS, ...SERVER_PORTS]
  const free = await freePorts(names.length)
  const portOf = (name: (typeof names)[number]) => `${free[names.indexOf(name)]}`
  const env = {
    ...Object.fromEntries(names.map((name) => [`DROVER_${name}`, portOf(name)])),
    DROVER_SECRETS: secrets,
    DROVER_VERSION: 'test',
    DROVER_REDIS_IMAGE: redis,
    ...(isOnS3 && {
      DROVER_COMPOSE_STORE: S3_LOCATION,
      DROVER_S3_IMAGE: await findS3WithWget(),
      COMPOSE_PROFILES: 's3',
    }),
  }
  const projectName = `drover-test-${process.pid}${isOnS3 ? '-s3' : ''}`
  const project = ['compose', '--project-name', projectName]
  const compose = async (...args: string[]) =>
    await run('docker', [...project, '--file', 'deploy/compose.yaml', ...args], { env })
  const urlOf = (name: (typeof names)[number]) => `http://127.0.0.1:${portOf(name)}`
  const remote = join(folder, 'remote.json')
  const places = {
    format: 1,
    tokenFile: 'secrets/api-token',
    trainerScheduler: urlOf('SCHEDULER_PORT'),
    configPublisher: urlOf('PUBLISHER_PORT'),
    restarter: urlOf('RESTARTER_PORT'),
    servers: [
      { name: SERVERS[0], rest: urlOf('REST_PORT_1') },
      { name: SERVERS[1], rest: urlOf('REST_PORT_2') },
    ],
  }
  await writeFile(remote, JSON.stringify(places))
  const stack: Stack = {
    servers: [
      { rest: urlOf('REST_PORT_1'), grpc: `127.0.0.1:${portOf('GRPC_PORT_1')}` },
      { rest: urlOf('REST_PORT_2'), grpc: `127.0.0.1:${portOf('GRPC_PORT_2')}` },
    ],
    compose,
    drover: async (schema, ...args) => await runDrover(remote, schema, ...args),
    idOf: async (service) => await compose('ps', '--all', '--quiet', service),
    async [Symbol.asyncDispose]() {
      await compose('down', '--volumes')
      await rm(folder, { recursive: true })
    },
  }
  try {
    await compose('up', '--wait')
    return stack
  } catch (error) {
    console.log(await compose('logs', '--tail', '50'))
    await stack[Symbol.asyncDispose]()
    throw error
  }
}
