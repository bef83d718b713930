import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { ServerState } from '@drover/model-config'
import { isS3Location } from '@drover/model-store'
import type { z } from 'zod'
import { type Child, type ChildSpec, type OnChild, superviseChild } from './child.ts'

const APPS = join(import.meta.dirname, '..', '..', '..')
/** All of it must be over within five seconds. */
const STOP_MS_MAX = 700
const DRAIN_MS_MAX = 2_000
const START_MS_MAX = 30_000
const POLL_MS = 20

const SERVERS = ['tf-server-1', 'tf-server-2'] as const
const STOP_ORDER = ['trainer-scheduler', 'config-publisher', 'restarter']

/** The names of the processes whose ports can be set. */
export const PORT_NAMES = [
  'trainer-scheduler',
  'config-publisher',
  'restarter',
  'tf-server-1',
  'tf-server-2',
  'tf-server-1-rest',
  'tf-server-2-rest',
] as const
export type PortName = (typeof PORT_NAMES)[number]

export interface AppsOptions {
  home: string
  redisUrl: string
  /** Where the store is; in the home unless told. */
  store: string | undefined
  /** Our environment's part for the AWS SDK. */
  aws: Record<string, string>
  commandsFile: string | undefined
  /** Unsafe operations that models may have, parted by commas. */
  allowedOperations: string | undefined
  token: string
  tokenFile: string
  /** Ports by process; what is not named takes a free one. */
  ports: ReadonlyMap<PortName, number>
  /** What children need of our environment. */
  path: string
  userHome: string | undefined
  onChild: OnChild
}

export interface Apps {
  trainerScheduler: string
  configPublisher: string
  restarter: string
  servers: { name: string; agent: string; rest: string }[]
  /** Waits, within a limit, until every server serves its first config: the empty one or what was live. */
  waitUntilReady: () => Promise<void>
  /** Ends all of them: scheduler, publisher, restarter, servers, in that order. */
  stop: () => Promise<void>
}

const mainOf = (app: string): string => join(APPS, app, 'dist', 'main.js')

/** Starts every app as a process of its own, and waits until each listens. */
export async function startApps(options: AppsOptions): Promise<Apps> {
  const home = resolve(options.home)
  const { commandsFile, allowedOperations: allowed } = options
  const allowing = { ...(allowed !== undefined && { DROVER_ALLOWED_OPERATIONS: allowed }) }
  const children: Child[] = []
  const stop = async () => {
    for (const name of STOP_ORDER) {
      await children.find((child) => child.name === name)?.stop(STOP_MS_MAX)
    }
    const servers = children.filter(({ name }) => name.startsWith('tf-server'))
    await Promise.all(servers.map(async (server) => await server.stop(DRAIN_MS_MAX)))
  }
  const start = (name: PortName, app: string, env: Record<string, string>) => {
    const spec = makeSpec(options, home, { name, app, env })
    const child = superviseChild(spec, options.onChild)
    children.push(child)
    return { env: spec.env, url: child.url }
  }
  try {
    for (const folder of ['logs', 'work', 'data']) {
      await mkdir(join(home, folder), { recursive: true })
    }
    const scheduler = start('trainer-scheduler', 'trainer-scheduler', {
      DROVER_WORK: join(home, 'work'),
      DROVER_DATA_ROOT: join(home, 'data'),
      ...(commandsFile === undefined ? {} : { DROVER_COMMANDS_FILE: resolve(commandsFile) }),
    })
    const publisher = start('config-publisher', 'config-publisher', allowing)
    const agents = SERVERS.map((name) =>
      start(name, 'tf-server', {
        ...allowing,
        DROVER_SERVER: name,
        DROVER_CACHE: join(home, name),
        DROVER_REST_PORT: `${options.ports.get(`${name}-rest`) ?? 0}`,
      }),
    )
    const agentUrls = await Promise.all(agents.map(async ({ url }) => await url))
    const restarter = start('restarter', 'restarter', {
      // Only one of it exists at a time, so the next one takes over at once.
      DROVER_INSTANCE: 'local',
      DROVER_SERVERS: agentUrls.join(','),
      DROVER_SERVERS_TOKEN_FILE: options.tokenFile,
    })
    const [trainerScheduler, configPublisher, restarterUrl, ...rests] = await Promise.all([
      scheduler.url,
      publisher.url,
      restarter.url,
      ...agents.map(async ({ url, env }) => {
        const rest = await readRest(await url, options.token)
        env.DROVER_REST_PORT = new URL(rest).port
        return rest
      }),
    ])
    const servers = SERVERS.map((name, index) => ({
      name,
      agent: agentUrls[index] ?? '',
      rest: rests[index] ?? '',
    }))
    const waitUntilReady = async () => {
      const waits = agentUrls.map(
        async (url) => await pollState(url, options.token, ({ ready }) => ready || undefined),
      )
      // One that stays unready is no reason to stop the others; `drover status` says why.
      await Promise.allSettled(waits)
    }
    const urls = { trainerScheduler, configPublisher, restarter: restarterUrl, servers }
    return { ...urls, waitUntilReady, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

function makeSpec(
  options: AppsOptions,
  home: string,
  { name, app, env }: { name: PortName; app: string; env: Record<string, string> },
): ChildSpec {
  const { userHome, store = join(home, 'store') } = options
  const isOnS3 = isS3Location(store)
  return {
    name,
    main: mainOf(app),
    logPath: join(home, 'logs', `${name}.log`),
    env: {
      PATH: options.path,
      ...(userHome === undefined ? {} : { HOME: userHome }),
      TF_CPP_MIN_LOG_LEVEL: '3',
      ...(isOnS3 ? options.aws : {}),
      DROVER_STORE: isOnS3 ? store : resolve(store),
      DROVER_REDIS_URL: options.redisUrl,
      DROVER_TOKEN_FILE: options.tokenFile,
      DROVER_FOLLOW_PARENT: 'true',
      DROVER_PORT: `${options.ports.get(name) ?? 0}`,
      ...env,
    },
  }
}

/** What an agent says as soon as its API answers: its socket is bound by then. */
async function readRest(agent: string, token: string): Promise<string> {
  return await pollState(agent, token, ({ restUrl }) => (restUrl === '' ? undefined : restUrl))
}

/** Asks an agent until it says what is wanted; throws when it never does. */
async function pollState<T>(
  agent: string,
  token: string,
  wanted: (state: z.output<typeof AgentState>) => T | undefined,
): Promise<T> {
  const deadline = performance.now() + START_MS_MAX
  while (performance.now() < deadline) {
    // An agent that ended meanwhile is being started again, on the same port.
    const state = await readState(agent, token).catch(() => undefined)
    const found = state && wanted(state)
    if (found !== undefined) return found
    await new Promise((done) => setTimeout(done, POLL_MS))
  }
  throw new Error(`${agent} did not become what it should be in ${START_MS_MAX} ms`)
}

const AgentState = ServerState.pick({ restUrl: true, ready: true })

async function readState(agent: string, token: string) {
  const headers = { authorization: `Bearer ${token}` }
  const signal = AbortSignal.timeout(START_MS_MAX)
  const response = await fetch(`${agent}/v1/state`, { headers, signal })
  return AgentState.parse(await response.json())
}
