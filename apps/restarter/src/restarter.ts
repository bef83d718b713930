import { randomUUID } from 'node:crypto'
import { type Channel, isPending, type ServerState } from '@drover/model-config'
import type { ModelStore } from '@drover/model-store'
import { makeLoop } from '@drover/service'
import { act } from './act.ts'
import { type Agents, makeAgents } from './agents.ts'
import { makeRecorder } from './audit.ts'
import { makeCalls } from './calls.ts'
import { makeClock } from './clock.ts'
import type { Cluster } from './cluster.ts'
import { makeDurations, noteRoll } from './durations.ts'
import { makeNotes, type Note } from './notes.ts'
import { makeObserver } from './observe.ts'
import { type Decision, type Delivery, type Limits, LIMITS, type Observed } from './observed.ts'
import { decide } from './plan.ts'
import { type Look, statusOf } from './status.ts'
import type { Resolve } from './servers.ts'
import { makeUndoReminder } from './undo.ts'
import type { Window } from './windows.ts'
import { makeWishes } from './wishes.ts'

export { type Agents, makeAgents } from './agents.ts'
export { makeRestarterApi } from './api.ts'
export { type Cluster, makeCluster } from './cluster.ts'
export { newCommand, type Order } from './command.ts'
export { describe, EMPTY_MEMORY, type Memory, remember, type Sight } from './memory.ts'
export {
  type Action,
  type Change,
  type Command,
  type Decision,
  type Delivery,
  type DeploymentView,
  FIELD_MANAGER,
  isSamePair,
  type Limits,
  LIMITS,
  needsDeployment,
  nextChannel,
  type Observed,
  type ObservedServer,
  type SeenDeployment,
} from './observed.ts'
export { decide, plan } from './plan.ts'
export { progressOf } from './progress.ts'
export type { Wishes } from './wishes.ts'

const BACKOFF_MS = 500

export interface RestarterOptions {
  store: ModelStore
  fleet: string
  /** Base URLs of the agents, or `dns+http://name:port`. The first that is ready is the canary. */
  servers: readonly string[]
  /** Finds the addresses of a name; the operating system's way unless told. */
  resolve?: Resolve
  /** The bearer token that the agents ask for. */
  serversToken?: string | undefined
  agents?: Agents
  /** A name kept over this process's lives, if no two processes can have it at a time. */
  instance?: string | undefined
  limits?: Partial<Limits>
  /** Observes and decides, and does nothing. False unless told. */
  dryRun?: boolean
  /** The Deployment of the servers; none unless told. */
  cluster?: Cluster | undefined
  /** `reload` unless told; `restart` brings every config by a roll of the Deployment. */
  delivery?: Delivery
  /** When model servers may be recycled; at all times unless told. */
  windows?: readonly Window[]
  scanMs?: number
  /** Longest wait for one server's state. */
  stateMs?: number
  /** Tells the publisher that `live` moved or a config was rejected. It may fail. */
  nudgePublisher: (traceparent: string | undefined) => Promise<void>
  onNote?: (note: Note) => void
  onError: (error: unknown) => void
}

const SCAN_MS = 1_000
const STATE_MS = 2_000

/** Makes the servers of a fleet match its channel. Nothing happens before `run`. */
export function makeRestarter(options: RestarterOptions) {
  const { store, fleet, onError, windows = [], dryRun = false, scanMs = SCAN_MS } = options
  const { cluster } = options
  /** Of the newest nudge, until what it is about is over. */
  let traceparent: string | undefined
  const nudge = () => loop.nudge()
  const { holder, observer, calls, durations } = makeParts(options, {
    nudge,
    traceOf: () => traceparent,
  })
  const notes = makeNotes(listenersOf(options), dryRun)
  const record = makeRecorder(store, fleet)
  const isUndoDue = makeUndoReminder()
  let last: Look | undefined

  async function turn(): Promise<boolean> {
    const traceAtStart = traceparent
    const observed = await observer.observe()
    const decision = decide(observed)
    last = { observed, decision }
    notes.add(observed, decision, traceparent)
    if (dryRun) return false
    const { action } = decision
    const channel = action && (await act(action, observed, { store, fleet, calls, cluster }))
    noteRoll(durations, observed, decision)
    if (channel !== undefined) await tellAtOnce(channel, observed, decision)
    // After the action, which somebody may be waiting for.
    const hasNews = observed.channel !== undefined && (await record(observed.channel))
    // A nudge may be lost: the publisher looks by itself too.
    if (hasNews || isUndoDue(observed)) options.nudgePublisher(traceparent).catch(onError)
    // One that came during this turn is about something that was not seen yet.
    if (isOver(observed, decision) && traceparent === traceAtStart) traceparent = undefined
    // What was done to the Deployment is seen when it says so; until then it would be done once more.
    return action !== undefined && action.kind !== 'patch' && action.kind !== 'touch'
  }

  /** What a step stands for follows it with no look in between: only the channel has moved. */
  async function tellAtOnce(channel: Channel, before: Observed, { action }: Decision) {
    if (action?.kind !== 'write' || !['take', 'step'].includes(action.what)) return
    const observed = { ...before, channel, beatSince: before.now, rolloutSince: before.now }
    const decision = decide(observed)
    if (decision.action?.kind !== 'apply') return
    notes.add(observed, decision, traceparent)
    await act(decision.action, observed, { store, fleet, calls, cluster })
  }

  const loop = makeLoop({ turn, scanMs, backoffMs: BACKOFF_MS, onError })

  return {
    wishes: makeWishes(store, fleet, dryRun),

    /** Asks for a look now; what follows from it goes on with the trace. */
    nudge: (newest?: string): void => {
      traceparent = newest ?? traceparent
      nudge()
    },

    /** What the last look saw, what follows from it, and the decisions so far, the newest first. */
    status: () =>
      statusOf(fleet, holder, {
        look: last,
        windows,
        medians: durations.medians(),
        names: observer.names(),
        dryRun,
        decisions: notes.newest(),
      }),

    /** The states of the servers that answered the last look. */
    states: (): ServerState[] => (last?.observed.servers ?? []).flatMap(({ state }) => state ?? []),

    isReady: (): { ready: boolean; why?: string } => {
      if (last === undefined) return { ready: false, why: 'nothing was seen yet' }
      const { away } = last.observed
      return away === undefined ? { ready: true } : { ready: false, why: `the store: ${away}` }
    },

    /** Runs until the signal, then hangs up. A rollout that it holds is taken over by the next. */
    run: async (stop: AbortSignal): Promise<void> => {
      try {
        await Promise.all([loop.run(stop), cluster?.watch(stop, nudge)])
      } finally {
        await calls[Symbol.asyncDispose]()
      }
    },
  }
}

export type Restarter = ReturnType<typeof makeRestarter>

/** Whether nothing is under way and nothing is waited for. */
function isOver({ channel }: Observed, { action }: Decision): boolean {
  const isBusy = channel !== undefined && (isPending(channel) || channel.undo !== undefined)
  return action === undefined && channel?.rollout === undefined && !isBusy
}

/** Who hears of each decision. Of what is only decided and not done the cluster is told nothing. */
const listenersOf =
  ({ onNote, cluster, dryRun }: RestarterOptions) =>
  (note: Note): void => {
    onNote?.(note)
    if (dryRun !== true) cluster?.tell(note)
  }

interface Hooks {
  nudge: () => void
  traceOf: () => string | undefined
}

function makeParts(options: RestarterOptions, { nudge, traceOf }: Hooks) {
  const { store, fleet, servers, resolve, instance, windows = [], stateMs = STATE_MS } = options
  const limits: Limits = { ...LIMITS, ...options.limits }
  const { applyMs, recycleMs } = limits
  const holder = `${instance ?? 'restarter'}/${randomUUID()}`
  const agents = options.agents ?? makeAgents(options.serversToken)
  const clock = makeClock()
  const { now } = clock
  const durations = makeDurations()
  const { add: onTook } = durations
  const calls = makeCalls({ agents, now, applyMs, recycleMs, traceOf, onSettled: nudge, onTook })
  const { cluster, delivery = 'reload' } = options
  const place = { store, fleet, servers, resolve, holder, instance, cluster, delivery }
  const parts = { agents, calls, clock, limits, windows, stateMs, onReturn: nudge }
  return { holder, calls, durations, observer: makeObserver({ ...place, ...parts }) }
}
