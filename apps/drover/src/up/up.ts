import { type Output } from '../output.ts'
import { type SampleTenant } from '../sample/flights.ts'
import { removeSession, type Session, startOf, writeSession } from '../session.ts'
import { type Apps, type PortName, startApps } from './apps.ts'
import type { OnChild } from './child.ts'
import { openHome } from './home.ts'
import { keepRedis } from './redis.ts'

export interface UpOptions {
  home: string
  ports: ReadonlyMap<PortName, number>
  redisUrl: string | undefined
  /** The operator's list of training programs. */
  commandsFile: string | undefined
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
  const { token, tokenFile } = await openHome(options.home)
  const onChild: OnChild = ({ name, why }) =>
    output.progress(`${name} ended (${why}); starting it again`)
  const redis = await keepRedis(options.home, options.redisUrl, onChild)
  let apps: Apps
  try {
    apps = await startApps({ ...options, redisUrl: redis.url, token, tokenFile, onChild })
  } catch (error) {
    await redis.stop()
    throw error
  }
  const session: Session = {
    format: 1,
    pid: process.pid,
    started: startOf(process.pid),
    token,
    trainerScheduler: apps.trainerScheduler,
    configPublisher: apps.configPublisher,
    restarter: apps.restarter,
    servers: apps.servers,
  }
  await writeSession(options.home, session)
  return {
    session,
    async stop() {
      await apps.stop()
      await redis.stop()
      await removeSession(options.home)
    },
  }
}

/** The URLs of a session, one line each. */
export function describeSession({
  trainerScheduler,
  configPublisher,
  restarter,
  servers,
}: Session): string[] {
  return [
    `trainer-scheduler  ${trainerScheduler}`,
    `config-publisher   ${configPublisher}`,
    `restarter          ${restarter}`,
    ...servers.map(({ name, agent, rest }) => `${name}        ${rest}  (agent ${agent})`),
  ]
}

/** The command that asks a server about a raw row. */
export function curlOf(rest: string, name: string, row: SampleTenant['row']): string {
  return `curl -d '${JSON.stringify({ instances: [row] })}' ${rest}/v1/models/${name}:predict`
}
