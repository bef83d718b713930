import { ModelStoreError, type ModelStore } from '@drover/model-store'
import type { Calls } from './calls.ts'
import type { Clock } from './clock.ts'
import { describe, EMPTY_MEMORY, type Memory, remember } from './memory.ts'
import type { Limits, Observed } from './observed.ts'
import { makePublished, type Published } from './published.ts'
import { makeStates, type StatesOptions } from './states.ts'
import { closedUntil, type Window } from './windows.ts'

export interface ObserverOptions extends StatesOptions {
  store: ModelStore
  fleet: string
  servers: readonly string[]
  holder: string
  instance: string | undefined
  calls: Calls
  clock: Clock
  limits: Limits
  windows: readonly Window[]
}

const NOTHING: Published = { channel: undefined, held: [], fault: undefined }

/** Reads the world into one plain value, again and again; remembers what only time can tell. */
export function makeObserver(options: ObserverOptions) {
  const { servers, holder, instance, calls, clock, limits, windows } = options
  const readPublished = makePublished(options.store, options.fleet)
  const states = makeStates(options)
  let memory: Memory = EMPTY_MEMORY

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

  const look = async (url: string) => [url, await states.look(url, memory.silent.has(url))] as const

  /** One look: the channel first, then all servers at once. */
  return async (): Promise<Observed> => {
    const published = await readStore()
    // Before the states: what is answered by now, they show.
    const commands = calls.commands()
    const sight = {
      holder,
      channel: published.channel,
      states: new Map(await Promise.all(servers.map(look))),
      now: clock.now(),
      commands,
      silentMs: limits.silentMs,
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
      limits,
      closedUntil: closedUntil(windows, at),
    }
  }
}
