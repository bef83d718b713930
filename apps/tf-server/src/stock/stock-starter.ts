import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { reasonOf } from '@drover/basics'
import { AgentError } from '../errors.ts'
import {
  DRAIN_MS_MAX,
  endOf,
  endWithin,
  linesOf,
  type ModelServer,
  residentBytesOf,
  type Starter,
} from '../serve/model-server.ts'
import { openServedFile, type ServedFile } from './served-file.ts'
import { ServingClient } from './serving-client.ts'
import { makeStockAdmin } from './stock-admin.ts'

/** TensorFlow alone takes seconds to be read. */
const START_MS_MAX = 60_000
const ANSWER_MS_MAX = 2_000
const LOOK_MS = 50

/** Where a stock server answers over gRPC, and where the agent keeps what it told it. */
export interface StockOptions {
  grpcAddress: string
  folder: string
}

/** What a stock server is started with, where it is a child of the agent. */
export interface StockProgram {
  program: string
  restPort: number
  grpcPort: number
  /** Flags besides those of its ports and its config. */
  flags: readonly string[]
  env: NodeJS.ProcessEnv
  onLine: (line: string) => void
}

/** Starts `tensorflow_model_server` with upstream's own flags. It has its ports to itself: only one at a time. */
export async function makeStockChildStarter(
  { grpcAddress, folder }: StockOptions,
  { program, restPort, grpcPort, flags, env, onLine }: StockProgram,
): Promise<Starter> {
  const served = await openServedFile(folder)
  return {
    replaces: 'after',
    async start() {
      // It is given its models one change after another, like any other that starts.
      await served.write(new Map())
      const since = new Date()
      const child = spawn(
        program,
        [
          `--port=${grpcPort}`,
          `--rest_api_port=${restPort}`,
          `--model_config_file=${served.configPath}`,
          ...flags,
        ],
        { stdio: ['ignore', 'pipe', 'inherit'], env },
      )
      linesOf(child, onLine)
      const ended = endOf(child)
      const client = new ServingClient(grpcAddress)
      try {
        await untilAnswers(client, ended)
      } catch (error) {
        child.kill('SIGKILL')
        client[Symbol.dispose]()
        throw error
      }
      return wrapChild(child, { since, ended, client, served })
    },
    async [Symbol.asyncDispose]() {},
  }
}

function wrapChild(
  child: ChildProcess,
  parts: { since: Date; ended: Promise<string>; client: ServingClient; served: ServedFile },
): ModelServer {
  const { since, ended, client, served } = parts
  const end = () => child.kill('SIGTERM')
  const admin = makeStockAdmin({ client, served, isKept: false, drain: end })
  void ended.then(() => admin[Symbol.dispose]())
  const pid = child.pid ?? 0
  return {
    pid,
    since,
    admin,
    ended,
    residentBytes: async () => await residentBytesOf(pid),
    async drain(how) {
      end()
      await endWithin(child, ended, how?.msMax ?? DRAIN_MS_MAX)
    },
    async kill() {
      child.kill('SIGKILL')
      await ended
    },
  }
}

/**
 * Drives a stock server that somebody else starts, in a container beside this one: it must listen
 * on the ports of the settings and see the agent's folder under the same path. Where it ends it is
 * given its models again; it is replaced by a roll, never by the agent.
 */
export async function makeSidecarStarter({ grpcAddress, folder }: StockOptions): Promise<Starter> {
  const served = await openServedFile(folder)
  /** Whether this process has seen it lose its connection: it may be another one then. */
  let hasBeenLost = false
  return {
    replaces: 'never',
    async start() {
      const client = new ServingClient(grpcAddress)
      const leaving = new AbortController()
      const forgotten = once(leaving.signal, 'abort').then(() => 'this agent leaves it')
      try {
        await untilAnswers(client, forgotten)
      } catch (error) {
        client[Symbol.dispose]()
        throw error
      }
      const lost = client.lost().then(() => 'the connection was lost')
      const ended = Promise.race([lost, forgotten])
      const admin = makeStockAdmin({ client, served, isKept: !hasBeenLost, drain: () => {} })
      const forgetAll = (): void => {
        hasBeenLost = true
        admin[Symbol.dispose]()
      }
      void ended.then(forgetAll)
      return {
        pid: 0,
        since: undefined,
        admin,
        ended,
        residentBytes: async () => 0,
        drain: async () => leaving.abort(),
        kill: async () => leaving.abort(),
      }
    },
    async [Symbol.asyncDispose]() {},
  }
}

async function untilAnswers(client: ServingClient, ended: Promise<string>): Promise<void> {
  let how: string | undefined
  void ended.then((text) => (how = text))
  const untilMs = performance.now() + START_MS_MAX
  for (;;) {
    const why = await client.pulse(ANSWER_MS_MAX).then(
      () => undefined,
      (error: unknown) => reasonOf(error),
    )
    if (how !== undefined)
      throw new AgentError('SERVER_ENDED', `the model server ended while it started: ${how}`)
    if (why === undefined) return
    if (performance.now() > untilMs) {
      const message = `the model server does not answer after ${START_MS_MAX} ms: ${why}`
      throw new AgentError('SERVER_ENDED', message)
    }
    await sleep(LOOK_MS)
  }
}
