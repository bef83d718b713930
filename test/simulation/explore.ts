import type { Deed } from './client.ts'
import { NUMBER_MAX, playHistory } from './events.ts'
import { FLEETS } from './fleet.ts'
import { type Cast, tally } from './history.ts'
import type { Plans } from './plans.ts'

const EVENTS_MAX = 250
const DEEDS_MAX = 6
const DATA_MAX = 4
/** One history in so many has a second fleet. */
const TWO_FLEETS_IN = 4
const DEEDS_TO_A_MOVE = 3
const SHRINK_RUNS_MAX = 5_000
const SEED_SPREAD = 0x9e3779b1

/** Everything that decides how a history goes. */
export interface Case {
  cast: Cast
  history: readonly number[]
}

export interface Failure {
  /** What broke. */
  broken: string
  seed: number
  /** How many histories were played until then. */
  histories: number
  /** The failing history, as short as it could be made. */
  shrunk: Case
}

/** Numbers below a bound, the same ones for the same seed (mulberry32). */
function makeRandom(seed: number): (count: number) => number {
  let state = seed >>> 0
  return (count) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % count
  }
}

const TENANTS = ['a', 'b', 'c'] as const

function drawDeed(random: (count: number) => number): Deed {
  const tenant = TENANTS[random(TENANTS.length)] ?? 'a'
  const kind = (['put', 'put', 'put', 'train', 'delete', 'rollback'] as const)[random(6)]
  return kind === 'put' || kind === undefined
    ? { kind: 'put', tenant, data: random(DATA_MAX) }
    : { kind, tenant }
}

/** The history of a seed. */
function drawCase(seed: number): Case {
  const random = makeRandom(seed)
  const cast: Cast = {
    trainers: 1 + random(2),
    publishers: 1 + random(2),
    restarters: 1 + random(2),
    servers: 1 + random(3),
    named: random(2) === 0,
    settled: random(2) === 0,
    deeds: Array.from({ length: 1 + random(DEEDS_MAX) }, () => drawDeed(random)),
  }
  const cluster = ([undefined, 'reload', 'restart'] as const)[random(3)]
  if (cluster !== undefined) Object.assign(cast, { cluster })
  const history = Array.from({ length: random(1 + random(EVENTS_MAX)) }, () => random(NUMBER_MAX))
  // Drawn last, so that the histories of one fleet are what they were before there were two.
  return random(TWO_FLEETS_IN) === 0
    ? { cast: withOther(cast, random), history }
    : { cast, history }
}

/** A second fleet that tenants come to, and go to from the first. */
function withOther(cast: Cast, random: (count: number) => number): Cast {
  const other = { restarters: 1, servers: 1 + random(2) }
  const deeds = cast.deeds.flatMap((deed) => {
    const placed = deed.kind === 'put' ? { ...deed, fleet: random(FLEETS.length) } : deed
    return random(DEEDS_TO_A_MOVE) === 0 ? [placed, drawMove(random)] : [placed]
  })
  return { ...cast, other, deeds }
}

const drawMove = (random: (count: number) => number): Deed => ({
  kind: 'move',
  tenant: TENANTS[random(TENANTS.length)] ?? 'a',
})

export interface Expedition {
  seed: number
  histories: number
  plans?: Plans
  /** Plays only histories of two fleets; the others count as well. */
  onlyTwo?: boolean
  /** Longest time for it, and how many steps of processes at the least end it; none unless told. */
  ms?: number
  steps?: number
}

/** Plays random histories until one fails, the number of them is reached, or the time is over. */
export function findFailing({ seed, histories, plans, onlyTwo = false, ...bounds }: Expedition): {
  failing: Case | undefined
  played: number
} {
  const { ms = Infinity, steps = Infinity } = bounds
  const end = performance.now() + ms
  const stepsAtStart = tally.steps
  let played = 0
  const isOver = () => performance.now() >= end || tally.steps - stepsAtStart >= steps
  while (played < histories && !isOver()) {
    // Neighbouring seeds must not share their numbers.
    const drawn = drawCase(Math.imul(seed + played, SEED_SPREAD))
    played += 1
    if (onlyTwo && drawn.cast.other === undefined) continue
    if (playHistory(drawn.cast, drawn.history, plans) !== undefined) {
      return { failing: drawn, played }
    }
  }
  return { failing: undefined, played }
}

/** Like `findFailing`, with what broke and the shortest history that could be made of it. */
export function explore(expedition: Expedition): { failure: Failure | undefined; played: number } {
  const { failing, played } = findFailing(expedition)
  if (failing === undefined) return { failure: undefined, played }
  const { seed, plans } = expedition
  const shrunk = shrink(failing, plans)
  const broken = playHistory(shrunk.cast, shrunk.history, plans) ?? 'it does not fail any more'
  return { failure: { broken, seed, histories: played, shrunk }, played }
}

/** Leaves out as much of a failing history as can be left out while it still fails. */
function shrink(failing: Case, plans: Plans | undefined): Case {
  let best = failing
  let runs = 0
  const attempt = (next: Case): boolean => {
    runs += 1
    const hasFailed =
      runs <= SHRINK_RUNS_MAX && playHistory(next.cast, next.history, plans) !== undefined
    if (hasFailed) best = next
    return hasFailed
  }
  while (shrinkDeeds(() => best, attempt) || shrinkHistory(() => best, attempt)) {
    // Each part that goes may let another one go.
  }
  return best
}

function shrinkDeeds(best: () => Case, attempt: (next: Case) => boolean): boolean {
  let hasShrunk = false
  for (let at = best().cast.deeds.length - 1; at >= 0; at--) {
    const { cast, history } = best()
    const deeds = cast.deeds.filter((_, index) => index !== at)
    if (attempt({ cast: { ...cast, deeds }, history })) hasShrunk = true
  }
  return hasShrunk
}

function shrinkHistory(best: () => Case, attempt: (next: Case) => boolean): boolean {
  let hasShrunk = false
  for (let size = best().history.length >> 1 || 1; size >= 1; size >>= 1) {
    for (let at = 0; at < best().history.length;) {
      const { cast, history } = best()
      const next = [...history.slice(0, at), ...history.slice(at + size)]
      if (attempt({ cast, history: next })) hasShrunk = true
      else at += size
    }
  }
  return hasShrunk
}

/** What a test says of a failure. The last line is to be pasted into regressions.test.ts. */
export function describeFailure({ broken, seed, histories, shrunk }: Failure): string {
  return `${broken} (seed ${seed}, history ${histories}).\n${JSON.stringify(shrunk)}`
}
