import type { ServableState } from '@drover/serving-api'

/** A version of a model as it is now. */
export interface ObservedVersion {
  /** Of this try; a later one has a higher number. */
  id: number
  version: bigint
  /** What its files are: the same number with other content is another version in all but name. */
  content: string
  state: ServableState
  /** It is in the queue of those that are to be loaded. */
  isQueued: boolean
  /** It ended by an error: it is not tried again until somebody drops it. */
  hasFailed: boolean
}

/** A version that is to be served. */
export interface WantedContent {
  version: bigint
  content: string
}

/** One model: what is wanted of it, and what there is. */
export interface Observed {
  wanted: readonly WantedContent[]
  /** Versions that a label still names because the one that it is to name is not available. */
  held: readonly bigint[]
  versions: readonly ObservedVersion[]
}

/**
 * The next thing to do for a model: `start` makes a new try, `queue` lets it wait for its turn to
 * load, `cancel` ends one that waits, `unload` gives it no more requests and takes its memory back
 * when those it has are over.
 */
export type Action =
  | { kind: 'start'; version: bigint }
  | { kind: 'queue' | 'cancel' | 'unload'; id: number }

/**
 * TensorFlow Serving's availability-preserving policy for one model: an old version serves until a
 * wanted one is available, and goes on if none becomes it. So does the old content of a number whose
 * files changed, until the new content is available. One version loads at a time, the highest first,
 * so that a swap holds two versions in memory.
 */
export function plan(observed: Observed): Action | undefined {
  return cancel(observed) ?? release(observed) ?? begin(observed)
}

/** What waits and is wanted no more. */
function cancel({ wanted, versions }: Observed): Action | undefined {
  const found = versions.find((each) => each.state === 'START' && !isWanted(wanted, each))
  return found && { kind: 'cancel', id: found.id }
}

/** An available version that is wanted no more and not needed any more either. */
function release({ wanted, held, versions }: Observed): Action | undefined {
  const available = versions.filter(({ state }) => state === 'AVAILABLE')
  const stale = available.filter((each) => !isWanted(wanted, each)).toSorted(byVersion)
  if (wanted.length === 0) return unload(stale[0])
  const isReplaced = available.length > stale.length
  const isSpare = (each: ObservedVersion): boolean => {
    if (available.some((other) => takesPlace(wanted, other, each))) return true
    if (wanted.some(({ version }) => version === each.version)) return false
    return (isReplaced || each !== stale.at(-1)) && !held.includes(each.version)
  }
  return unload(stale.find(isSpare))
}

/** Whether one of two versions of the same number makes the other, which is stale, superfluous. */
const takesPlace = (
  wanted: readonly WantedContent[],
  other: ObservedVersion,
  stale: ObservedVersion,
): boolean => other.version === stale.version && (isWanted(wanted, other) || other.id > stale.id)

const unload = (found: ObservedVersion | undefined): Action | undefined =>
  found && { kind: 'unload', id: found.id }

/** What is wanted and is not there, the highest version first. */
function begin({ wanted, versions }: Observed): Action | undefined {
  const isBusy = versions.some(({ state, isQueued }) => isQueued || state === 'LOADING')
  for (const want of wanted.toSorted((a, b) => (a.version < b.version ? 1 : -1))) {
    const tries = versions.filter((each) => isSame(want, each))
    const found = tries.find(({ state, hasFailed }) => state !== 'END' || hasFailed)
    if (found === undefined) return { kind: 'start', version: want.version }
    if (found.state === 'START' && !isBusy) return { kind: 'queue', id: found.id }
  }
  return undefined
}

const byVersion = (a: ObservedVersion, b: ObservedVersion): number =>
  a.version === b.version ? a.id - b.id : a.version < b.version ? -1 : 1

const isSame = (a: WantedContent, b: WantedContent): boolean =>
  a.version === b.version && a.content === b.content

const isWanted = (wanted: readonly WantedContent[], each: WantedContent): boolean =>
  wanted.some((want) => isSame(want, each))
