import { type ModelId, servedName } from '@drover/model-config'
import type { Agenda } from './agenda.ts'

/** A model that waits for the lane is looked at again after this, whatever happens. */
const PAUSE_MS = 30_000
/** So many are remembered to be told when a run ends; more have the pause alone. */
const PARKED_MAX = 10_000
/** So many are told at once: a few more than can enter, since some do not want to any more. */
const RELEASED_MAX = 16

/**
 * The way in for `command` recipes, of which nobody knows how long they take: of two slots or more
 * they never have all, so that Drover's own recipes always find one. Who finds the lane full is
 * parked outside of the queue, and looked at again when a command ends.
 */
export function makeCommandLane(slots: number, agenda: Pick<Agenda, 'set'>, now: () => number) {
  const runsMax = Math.max(1, slots - 1)
  const parked = new Map<string, ModelId>()
  /** When a tenant last entered, by a counter; kept while anybody is parked. */
  const lastTurns = new Map<string, number>()
  let running = 0
  let turn = 0

  function leave(): void {
    running--
    if (parked.size === 0) lastTurns.clear()
    // Whoever waited longest for a turn comes first, so that a tenant with many does not hold up others.
    const turnOf = ({ tenant }: ModelId): number => lastTurns.get(tenant) ?? 0
    const next = [...parked.values()].toSorted((a, b) => turnOf(a) - turnOf(b))
    for (const model of next.slice(0, RELEASED_MAX)) agenda.set(model, now())
  }

  return {
    get isFull(): boolean {
      return running >= runsMax
    },

    /** Holds a place until it is disposed of; undefined: the lane is full, and nothing is held. */
    enter(model: ModelId): Disposable | undefined {
      if (running >= runsMax) return undefined
      running++
      parked.delete(servedName(model))
      lastTurns.set(model.tenant, ++turn)
      return { [Symbol.dispose]: leave }
    },

    /** Has the model looked at again when a command ends, or after a pause. */
    park(model: ModelId): void {
      if (parked.size < PARKED_MAX) parked.set(servedName(model), model)
      agenda.set(model, now() + PAUSE_MS)
    },

    /** The model does not want to enter any more. */
    forget: (model: ModelId): void => void parked.delete(servedName(model)),
  }
}

export type CommandLane = ReturnType<typeof makeCommandLane>
