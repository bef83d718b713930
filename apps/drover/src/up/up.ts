import { type Output } from '../output.ts'
import { type SampleTenant } from '../sample/flights.ts'
import { type Reach, removeSession, type Session, startOf, writeSession } from '../session.ts'
import { type Apps, type PortName, startApps } from './apps.ts'
import type { OnChild } from './child.ts'
import { openHome } from './home.ts'
import { keepRedis } from './redis.ts'

export interface UpOptions {
  home: string
  ports: ReadonlyMap<PortName, number>
  redisUrl: string | undefined
  /** Where the store is; in the home unless told. */
  store: string | undefined
  /** Our environment's part for the AWS SDK. */
  aws: Record<string, string>
  /** The operator's list of training programs. */
  commandsFile: string | undefined
  /** Unsafe operations that models may have, parted by commas. */
  allowedOperations: string | undefined
  path: string
  userHome: string | undefined
}

/** A running local Drover. */
export interface Running {
  session: Session
  /** Ends all processes: scheduler, publisher, restarter, servers, Redis, in that order. */
  stop(): Promise<void>
}

/** Starts a whole Drover on this machine, each part a process of its own. */
export async function startLocal(options: UpOptions, output: Output): Promise<Running> {
  const { token, tokenFile, release } = await openHome(options.home)
  const onChild: OnChild = ({ name, why }) =>
    output.progress(`${name} ended (${why}); starting it again`)
  const closers: (() => Promise<void>)[] = [release]
  const stop = async () => {
    for (const close of closers.toReversed()) await close()
  }
  try {
    const redis = await keepRedis(options.home, options.redisUrl, onChild)
    closers.push(redis.stop)
    const { url: redisUrl } = redis
    const apps = await startApps({ ...options, redisUrl, token, tokenFile, onChild })
    closers.push(async () => await removeSession(options.home), apps.stop)
    const session = makeSession(token, apps)
    // Before the servers are ready: `drover status` says what they wait for.
    await writeSession(options.home, session)
    await apps.waitUntilReady()
    return { session, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

function makeSession(token: string, apps: Apps): Session {
  const { trainerScheduler, configPublisher, restarter, servers } = apps
  const { pid } = process
  const urls = { trainerScheduler, configPublisher, restarter, servers }
  return { format: 1, pid, started: startOf(pid), token, ...urls }
}

/** Where a Drover is, one line each. */
export function describeSession({
  trainerScheduler,
  configPublisher,
  restarter,
  servers,
}: Reach): string[] {
  return [
    `trainer-scheduler  ${trainerScheduler}`,
    `config-publisher   ${configPublisher}`,
    `restarter          ${restarter}`,
    ...servers.map(({ name, agent, rest }) => {
      const own = agent === undefined ? '' : `  (agent ${agent})`
      return `${name}        ${rest}${own}`
    }),
  ]
}

/** The command that asks a server about a raw row. */
export function curlOf(rest: string, name: string, row: SampleTenant['row']): string {
  return `curl -d '${JSON.stringify({ instances: [row] })}' ${rest}/v1/models/${name}:predict`
}
