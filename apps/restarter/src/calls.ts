import type { Culprit, ServerState } from '@drover/model-config'
import { AgentCode, AgentError, type Agents, type CallOptions } from './agents.ts'
import { newCommand, type Order } from './command.ts'
import { type Command, isSameRef } from './observed.ts'

/** Beyond the plan's own deadline, so that the plan decides first. */
const GRACE_MS = 1_000

export interface CallsOptions {
  agents: Agents
  now: () => number
  applyMs: number
  recycleMs: number
  /** The trace of what is being done now. */
  traceOf: () => string | undefined
  /** Hears of each command that came to its end. */
  onSettled: () => void
  /** Hears how long a command took that the server had something to do for. */
  onTook?: (kind: Command['kind'], ms: number) => void
}

/** The commands of this process: one a server on its way, the last one remembered. */
export function makeCalls(options: CallsOptions) {
  const { agents, now, applyMs, recycleMs, traceOf, onSettled, onTook } = options
  const commands = new Map<string, Command>()
  const aborts = new Map<string, AbortController>()
  const running = new Set<Promise<void>>()

  function start(
    order: Order,
    kind: Command['kind'],
    state: ServerState | undefined,
    send: (options: CallOptions) => Promise<{ failed: readonly Culprit[] }>,
  ): void {
    const { url } = order
    const command = newCommand(order, kind, { at: now(), state, before: commands.get(url) })
    commands.set(url, command)
    // A newer command takes the place of one on its way; the server orders the two by their fences.
    aborts.get(url)?.abort()
    const abort = new AbortController()
    aborts.set(url, abort)
    const limitMs = (kind === 'apply' ? applyMs : recycleMs) + GRACE_MS
    const signal = AbortSignal.any([abort.signal, AbortSignal.timeout(limitMs)])
    // A fence that is handed on under the same config takes no time and tells of none.
    const isWork = kind === 'recycle' || !isSameRef(state?.config, order)
    const answer = send({ signal, traceparent: traceOf() })
    const done = settle(url, command, { answer, isWork }).finally(() => running.delete(done))
    running.add(done)
  }

  async function settle(
    url: string,
    command: Command,
    { answer, isWork }: { answer: Promise<{ failed: readonly Culprit[] }>; isWork: boolean },
  ): Promise<void> {
    const end = await answer.then(
      ({ failed }) => ({ outcome: 'answered' as const, failed, message: undefined }),
      (error: unknown) => ({ ...whatFailed(error), failed: [] }),
    )
    if (commands.get(url) !== command) return
    const ended = { ...command, ...end, endedAt: now() }
    commands.set(url, ended)
    if (ended.outcome === 'answered' && isWork) onTook?.(ended.kind, ended.endedAt - ended.at)
    onSettled()
  }

  return {
    /** What the plan may know of the commands. */
    commands: (): ReadonlyMap<string, Command> => new Map(commands),

    /** Forgets what was told to servers that are none any more, once it has come to its end. */
    keepOnly(urls: readonly string[]): void {
      for (const [url, { outcome }] of commands) {
        if (outcome === 'pending' || urls.includes(url)) continue
        commands.delete(url)
        aborts.delete(url)
      }
    },

    /** Tells a server to run a config; the answer is seen at a later look. */
    apply(order: Order, state: ServerState | undefined): void {
      const { url, sha, seq, fence } = order
      start(order, 'apply', state, async (call) => {
        return await agents.apply(url, { sha, seq, fence }, call)
      })
    },

    /** Tells a server to replace its model server; the answer is seen at a later look. */
    recycle(order: Order, state: ServerState | undefined): void {
      const { url, fence, recycles } = order
      start(order, 'recycle', state, async (call) => {
        await agents.recycle(url, { fence, recycles }, call)
        return { failed: [] }
      })
    },

    /** Hangs up. What a server was told it still does. */
    async [Symbol.asyncDispose](): Promise<void> {
      for (const abort of aborts.values()) abort.abort()
      await Promise.all(running)
    },
  }
}

export type Calls = ReturnType<typeof makeCalls>

const OUTCOMES: Record<AgentCode, Command['outcome']> = {
  [AgentCode.REFUSED]: 'refused',
  [AgentCode.OUTDONE]: 'outdone',
  [AgentCode.LOST]: 'lost',
}

function whatFailed(error: unknown) {
  const outcome = error instanceof AgentError ? OUTCOMES[error.code] : 'lost'
  return { outcome, message: error instanceof Error ? error.message : String(error) }
}
