import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { ServerState } from '@drover/model-config'
import { type Child, type ChildSpec, type OnChild, superviseChild } from './child.ts'

const APPS = join(import.meta.dirname, '..', '..', '..')
/** All of it must be over within five seconds. */
const STOP_MS_MAX = 700
const DRAIN_MS_MAX = 2_000
const START_MS_MAX = 30_000

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
  commandsFile: string | undefined
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
  /** Ends all of them: scheduler, publisher, restarter, servers, in that order. */
  stop(): Promise<void>
}

const mainOf = (app: string): string => join(APPS, app, 'dist', 'main.js')

/** Starts every app as a process of its own, and waits until each listens. */
export async function startApps(options: AppsOptions): Promise<Apps> {
  const home = resolve(options.home)
  const { commandsFile } = options
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
    for (const folder of ['logs', 'work', 'data', 'store']) {
      await mkdir(join(home, folder), { recursive: true })
    }
    const scheduler = start('trainer-scheduler', 'trainer-scheduler', {
      DROVER_WORK: join(home, 'work'),
      DROVER_DATA_ROOT: join(home, 'data'),
      ...(commandsFile === undefined ? {} : { DROVER_COMMANDS_FILE: resolve(commandsFile) }),
    })
    const publisher = start('config-publisher', 'config-publisher', {})
    const agents = SERVERS.map((name) =>
      start(name, 'tf-server', {
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
        const rest = await waitForRest(await url, options.token)
        env.DROVER_REST_PORT = new URL(rest).port
        return rest
      }),
    ])
    const servers = SERVERS.map((name, index) => ({
      name,
      agent: agentUrls[index] ?? '',
      rest: rests[index] ?? '',
    }))
    return { trainerScheduler, configPublisher, restarter: restarterUrl, servers, stop }
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
  const { userHome } = options
  return {
    name,
    main: mainOf(app),
    logPath: join(home, 'logs', `${name}.log`),
    env: {
      PATH: options.path,
      ...(userHome === undefined ? {} : { HOME: userHome }),
      TF_CPP_MIN_LOG_LEVEL: '3',
      DROVER_STORE: join(home, 'store'),
      DROVER_REDIS_URL: options.redisUrl,
      DROVER_TOKEN_FILE: options.tokenFile,
      DROVER_FOLLOW_PARENT: 'true',
      DROVER_PORT: `${options.ports.get(name) ?? 0}`,
      ...env,
    },
  }
}

/**
 * Where a server answers predictions, once it is ready to: its first config is the empty one or
 * what was live. One that stays unready is no reason to stop the others; `drover status` says why.
 */
async function waitForRest(agent: string, token: string): Promise<string> {
  const deadline = performance.now() + START_MS_MAX
  let rest = ''
  while (performance.now() < deadline) {
    // An agent that ended meanwhile is being started again, on the same port.
    const state = await readState(agent, token).catch(() => undefined)
    rest = state?.restUrl ?? rest
    if (state?.ready === true && rest !== '') return rest
    await new Promise((done) => setTimeout(done, 20))
  }
  if (rest !== '') return rest
  throw new Error(`${agent} did not say where it answers predictions`)
}

async function readState(agent: string, token: string) {
  const headers = { authorization: `Bearer ${token}` }
  const signal = AbortSignal.timeout(START_MS_MAX)
  const response = await fetch(`${agent}/v1/state`, { headers, signal })
  return ServerState.pick({ restUrl: true, ready: true }).parse(await response.json())
}
