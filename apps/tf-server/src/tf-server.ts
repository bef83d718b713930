import { setTimeout as sleep } from 'node:timers/promises'
import {
  ApplyAnswer,
  type ApplyRequest,
  channelKey,
  type RecycleRequest,
  type ServerState,
} from '@drover/model-config'
import { listen, makeLoop } from '@drover/service'
import { act, overtaken } from './act.ts'
import { type Agent, makeAgentApi } from './api.ts'
import { AgentError } from './errors.ts'
import { metricsPage } from './metrics.ts'
import { look } from './look.ts'
import { observe, report, whyUnready } from './observe.ts'
import { openPorts, type TfServerOptions } from './open.ts'
import { type Command, plan } from './plan.ts'
import type { Ports } from './ports.ts'

const COMMANDS_MAX = 16
const FIRST_LOOK_MS = 200
const LEAVING_LOOK_MS = 250

export type { TfServerOptions } from './open.ts'
export type { Action, ChannelView, Command, Observed } from './plan.ts'
export { lastSeen, plan } from './plan.ts'

/** A serving agent that runs. Disposing of it stops the model server as well. */
export interface TfServer extends AsyncDisposable {
  /** The agent's API. */
  url: string
  /** Where predictions are answered. */
  restUrl: string
  /** `host:port` of gRPC; undefined without it. */
  grpcAddress: string | undefined
  /** The model server's process, for tests that end it. */
  pid: () => number | undefined
}

/** Starts the agent of one serving replica. */
export async function startTfServer(options: TfServerOptions): Promise<TfServer> {
  const { api, log } = options
  const stop = new AbortController()
  const { ports, close, restUrl, grpcAddress } = await openPorts(options, stop.signal)
  const { agent, isReady } = makeAgent(ports, options, restUrl)
  const { loop, looks } = makeLoops(ports, options)
  try {
    const listening = await listen(makeAgentApi({ ...api, log, agent, isReady }), api)
    const running = Promise.all([loop.run(stop.signal), looks.run(stop.signal)])
    return {
      url: listening.url,
      restUrl,
      grpcAddress,
      pid: () => ports.memory.server?.pid,
      async [Symbol.asyncDispose]() {
        // Nobody is refused who has not yet seen that this server is about to go.
        ports.memory.isStopping = true
        if (ports.memory.wasOpen) await waitInStep(ports, options.stopWaitMs)
        stop.abort()
        for (const { reject } of ports.memory.pending)
          reject(new AgentError('STOPPED', 'the agent is stopping'))
        await Promise.all([listening[Symbol.asyncDispose](), running])
        await close()
      },
    }
  } catch (error) {
    await close()
    throw error
  }
}

/**
 * Lets a time pass in which clients are still answered. Nobody waits for this server to confirm
 * anything any more, so it looks by itself for what is live, and often.
 */
async function waitInStep({ nudgeLook }: Ports, ms: number): Promise<void> {
  const looking = setInterval(nudgeLook, LEAVING_LOOK_MS)
  await sleep(ms)
  clearInterval(looking)
}

/** The agent's own loop, and the one that reads the channel, so that a slow store delays no command. */
function makeLoops(ports: Ports, { pollMs, cacheAgeMaxMs, log }: TfServerOptions) {
  const { memory, disk, now, backoffMs } = ports
  const onError = (err: unknown) => log.warn({ err }, 'will try again')
  const loop = makeLoop({
    turn: async () => {
      const action = plan(observe(memory, disk, { now: now(), cacheAgeMaxMs }))
      if (action === undefined) return false
      await act(ports, action)
      return true
    },
    scanMs: pollMs,
    backoffMs,
    onError,
  })
  const looks = makeLoop({
    turn: async () => {
      await look(ports)
      loop.nudge()
      // Until there is a first config somebody may be about to make the store or its channel.
      if (memory.confirmed === undefined) setTimeout(() => looks.nudge(), FIRST_LOOK_MS).unref()
      return false
    },
    scanMs: pollMs,
    backoffMs,
    onError,
  })
  ports.nudge = (afterMs = 0) => {
    if (afterMs === 0) loop.nudge()
    else setTimeout(() => loop.nudge(), afterMs).unref()
  }
  ports.nudgeLook = () => looks.nudge()
  return { loop, looks }
}

function makeAgent(ports: Ports, options: TfServerOptions, restUrl: string) {
  const { memory, disk } = ports
  const where = `${channelKey(options.fleet)} in ${options.storeName}`

  async function state(): Promise<ServerState> {
    const residentBytes = (await memory.server?.residentBytes()) ?? 0
    const { server } = options
    const canRecycle = ports.starter.replaces !== 'never'
    const known = report(memory, disk, where)
    return { format: 1, server, ...known, canRecycle, residentBytes, restUrl }
  }
  const agent: Agent = {
    state,
    apply: async ({ sha, seq, fence }: ApplyRequest, traceparent) => {
      const asked = { kind: 'apply', fence, ref: { sha, seq } } as const
      return ApplyAnswer.parse(await command(ports, asked, traceparent))
    },
    metrics: async () => await metricsPage(ports, where),
    recycle: async ({ fence, recycles }: RecycleRequest, traceparent) => {
      await command(ports, { kind: 'recycle', fence, recycles }, traceparent)
      return await state()
    },
  }
  const isReady = () => {
    const why = whyUnready(memory, disk, where)
    return why === undefined ? { ready: true } : { ready: false, why }
  }
  return { agent, isReady }
}

type Asked<C = Command> = C extends Command ? Omit<C, 'id'> : never
let commands = 0

/** Puts a command in line; resolves when the loop has carried it out. */
async function command(
  { memory, nudge }: Ports,
  asked: Asked,
  traceparent: string,
): Promise<ApplyAnswer | undefined> {
  if (asked.fence < memory.fence) throw overtaken(memory, asked)
  if (memory.pending.length >= COMMANDS_MAX)
    throw new AgentError('BUSY', `${COMMANDS_MAX} commands wait already`)
  memory.fence = asked.fence
  return await new Promise((resolve, reject) => {
    memory.pending.push({ command: { ...asked, id: ++commands }, traceparent, resolve, reject })
    nudge()
  })
}
