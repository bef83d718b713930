import type { Rollout, ServerState } from '@drover/model-config'
import { ModelStoreError, type ModelStore } from '@drover/model-store'
import type { Calls } from './calls.ts'
import type { Clock } from './clock.ts'
import type { Cluster } from './cluster.ts'
import { describe, EMPTY_MEMORY, type Memory, remember } from './memory.ts'
import {
  type Delivery,
  type DeploymentView,
  type Limits,
  needsDeployment,
  type Observed,
} from './observed.ts'
import { makePublished, type Published } from './published.ts'
import { makeServers, type NameView, type Resolve } from './servers.ts'
import { makeStates, type StatesOptions } from './states.ts'
import { closedUntil, type Window } from './windows.ts'

export interface ObserverOptions extends StatesOptions {
  store: ModelStore
  fleet: string
  /** Base URLs of agents, and names that stand for several. */
  servers: readonly string[]
  resolve: Resolve | undefined
  holder: string
  instance: string | undefined
  calls: Calls
  clock: Clock
  cluster: Cluster | undefined
  delivery: Delivery
  limits: Limits
  windows: readonly Window[]
}

/** A server that is found by a name falls silent at first when it leaves it. */
const KEPT_SILENCES = 10

const NOTHING: Published = { channel: undefined, held: [], fault: undefined }

/** Reads the world into one plain value, again and again; remembers what only time can tell. */
export function makeObserver(options: ObserverOptions) {
  const { servers: entries, resolve, holder, instance, calls, clock, limits, windows } = options
  const { cluster, delivery } = options
  const keepMs = KEPT_SILENCES * limits.silentMs
  const listServers = makeServers({ entries, keepMs, ...(resolve && { resolve }) })
  const readPublished = makePublished(options.store, options.fleet)
  const askAll = makeAskAll(makeStates(options))
  let memory: Memory = EMPTY_MEMORY
  let names: readonly NameView[] = []
  let rollout: Rollout | undefined

  async function readStore(): Promise<Published & { away: string | undefined }> {
    try {
      const published = await readPublished()
      clock.go()
      return { ...published, away: undefined }
    } catch (error) {
      if (!(error instanceof ModelStoreError)) throw error
      clock.stop()
      return { ...NOTHING, away: error.message }
    }
  }

  async function lookAtCluster(): Promise<{ deployment: DeploymentView; isFresh: boolean }> {
    if (cluster === undefined) return { deployment: { kind: 'none' }, isFresh: true }
    return await cluster.look(needsDeployment(rollout, delivery))
  }

  /** One look: the Deployment, then the channel, then all servers at once. */
  async function observe(): Promise<Observed> {
    const seen = await lookAtCluster()
    const published = await readStore()
    rollout = published.channel?.rollout
    cluster?.refresh()
    const list = await listServers()
    names = list.names
    calls.keepOnly(list.urls)
    // Before the states: what is answered by now, they show.
    const commands = calls.commands()
    const sight = {
      holder,
      channel: published.channel,
      ...(await askAll(list.urls, memory.silent)),
      now: clock.now(),
      commands,
      silentMs: limits.silentMs,
      ...seen,
    }
    // While the store is away nothing may be concluded from what is seen.
    if (published.away === undefined) memory = remember(memory, sight)
    const at = new Date()
    return {
      ...published,
      ...describe(memory, sight),
      now: sight.now,
      at: at.toISOString(),
      holder,
      instance,
      delivery,
      limits,
      closedUntil: closedUntil(windows, at),
    }
  }

  return {
    observe,
    /** What the last look knew of the names that stand for servers. */
    names: () => names,
  }
}

/** Asks all servers at once. One that answered, with no state, is no silent one: it is waited for. */
function makeAskAll(states: ReturnType<typeof makeStates>) {
  let unclear: ReadonlySet<string> = new Set()

  return async (urls: readonly string[], silent: Memory['silent']) => {
    const isSilent = (url: string) => silent.has(url) && !unclear.has(url)
    const answers = await Promise.all(
      urls.map(async (url) => [url, await states.look(url, isSilent(url))] as const),
    )
    unclear = new Set(answers.flatMap(([url, answer]) => (answer === 'unclear' ? [url] : [])))
    const clear = answers.map(
      ([url, answer]) => [url, answer === 'unclear' ? undefined : answer] as const,
    )
    return { states: withoutTwins(clear), unclear }
  }
}

/** A server that answers under several addresses is one server, under the first of them. */
function withoutTwins(looks: readonly (readonly [string, ServerState | undefined])[]) {
  const known = new Set<string>()
  return new Map(
    looks.filter(([, state]) => {
      if (state === undefined) return true
      const life = `${state.server} ${state.startedAt}`
      return known.size < known.add(life).size
    }),
  )
}
