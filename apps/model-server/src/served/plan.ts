import type { ServableState } from '@drover/serving-api'

/** A version of a model as it is now. */
export interface ObservedVersion {
  version: number
  state: ServableState
  /** It is in the queue of those that are to be loaded. */
  isQueued: boolean
  /** Its memory is being given back. */
  isClosing: boolean
  /** It ended by an error: it is not tried again until somebody asks. */
  hasFailed: boolean
  /** Requests that it still answers. */
  inFlight: number
}

/** One model: what is wanted of it, and what there is. */
export interface Observed {
  /** The versions that are to be served. */
  wanted: readonly number[]
  /** Versions that a label still names because the one that it is to name is not available. */
  held: readonly number[]
  versions: readonly ObservedVersion[]
}

/** The next thing to do for a model. */
export interface Action {
  /**
   * `start` makes a version object; `queue` lets it wait for its turn to load; `cancel` ends one
   * that waits; `quiesce` gives it no more requests; `unload` takes its memory back.
   */
  kind: 'start' | 'queue' | 'cancel' | 'quiesce' | 'unload'
  version: number
}

/**
 * TensorFlow Serving's availability-preserving policy for one model: an old version serves until a
 * wanted one is available, and goes on if none becomes it. One version loads at a time, the highest
 * first, so that a swap holds two versions in memory.
 */
export function plan(observed: Observed): Action | undefined {
  return finish(observed) ?? release(observed) ?? begin(observed)
}

/** What ends: versions that nobody asks any more, and waiting ones that nobody wants. */
function finish({ wanted, versions }: Observed): Action | undefined {
  for (const { version, state, inFlight, isClosing } of versions) {
    if (state === 'UNLOADING' && inFlight === 0 && !isClosing) return { kind: 'unload', version }
    if (state === 'START' && !wanted.includes(version)) return { kind: 'cancel', version }
  }
  return undefined
}

/** An available version that is wanted no more and not needed any more either. */
function release({ wanted, held, versions }: Observed): Action | undefined {
  const available = versions.filter(({ state }) => state === 'AVAILABLE')
  const unwanted = available
    .filter(({ version }) => !wanted.includes(version))
    .toSorted((a, b) => a.version - b.version)
  if (wanted.length === 0) return quiesce(unwanted[0])
  const isReplaced = available.length > unwanted.length
  const spare = isReplaced ? unwanted : unwanted.slice(0, -1)
  return quiesce(spare.find(({ version }) => !held.includes(version)))
}

const quiesce = (found: ObservedVersion | undefined): Action | undefined =>
  found && { kind: 'quiesce', version: found.version }

/** What is wanted and is not there, the highest version first. */
function begin({ wanted, versions }: Observed): Action | undefined {
  const isBusy = versions.some(({ state, isQueued }) => isQueued || state === 'LOADING')
  for (const version of wanted.toSorted((a, b) => b - a)) {
    const found = versions.find((each) => each.version === version)
    if (found === undefined || (found.state === 'END' && !found.hasFailed))
      return { kind: 'start', version }
    if (found.state === 'START' && !isBusy) return { kind: 'queue', version }
  }
  return undefined
}
