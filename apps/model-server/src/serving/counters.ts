// What happened in this thread since the control thread asked last. Counting is on the path of every
// request: no allocation for a kind of request that was seen before.

import type { StatusCode } from '@drover/serving-api'
import type { Observation } from './core.ts'
import type { LatencyCounts, ModelCounts, SeriesCounts } from './messages.ts'

/** Upstream's bounds of latency in microseconds: 10 * 1.8 ** i. What is longer falls into one more bucket. */
export const LATENCY_BOUNDS_US: readonly number[] = Array.from(
  { length: 33 },
  (_, index) => 10 * 1.8 ** index,
)
const FIRST_US = 10
const GROWTH_LOG = Math.log(1.8)

/** How many took how long. */
class Latencies implements LatencyCounts {
  readonly buckets = Array.from({ length: LATENCY_BOUNDS_US.length + 1 }, () => 0)
  sumUs = 0

  add(latencyMs: number): void {
    const latencyUs = latencyMs * 1_000
    const bucket = bucketOf(latencyUs)
    this.buckets[bucket] = (this.buckets[bucket] ?? 0) + 1
    this.sumUs += latencyUs
  }
}

class Series {
  readonly entrypoint: SeriesCounts['entrypoint']
  readonly api: string
  readonly codes = new Map<StatusCode | 'OK', number>()
  readonly latencies = new Latencies()

  constructor(entrypoint: SeriesCounts['entrypoint'], api: string) {
    this.entrypoint = entrypoint
    this.api = api
  }

  add({ code, latencyMs }: Observation): void {
    this.codes.set(code, (this.codes.get(code) ?? 0) + 1)
    if (code === 'OK') this.latencies.add(latencyMs)
  }
}

/** The first bucket whose bound is above this. */
export function bucketOf(latencyUs: number): number {
  if (latencyUs < FIRST_US) return 0
  const guess = Math.floor(Math.log(latencyUs / FIRST_US) / GROWTH_LOG) + 1
  const index = Math.min(guess, LATENCY_BOUNDS_US.length)
  // The logarithm may be off by a hair at a bound.
  if (latencyUs < (LATENCY_BOUNDS_US[index - 1] ?? 0)) return index - 1
  return latencyUs >= (LATENCY_BOUNDS_US[index] ?? Infinity) ? index + 1 : index
}

class Counts {
  lastUsedMs = 0
  readonly series: Series[] = []
  /** Of the model itself, by API. */
  readonly runs = new Map<string, Latencies>()
}

/** So many other names are told apart between two reports; what is longer is no name that anybody configured. */
const OTHERS_MAX = 1_000
const NAME_CHARACTERS_MAX = 256

/** Counts requests by model. Beyond some, names that are no model's here count together: nobody can fill this. */
export class Counters {
  readonly #isKnown: (name: string) => boolean
  #counts = new Map<string, Counts>()
  #others = 0

  constructor(isKnown: (name: string) => boolean) {
    this.#isKnown = isKnown
  }

  add(observation: Observation): void {
    const { name = '', entrypoint, api } = observation
    const counts = this.#of(name)
    let series = counts.series.find((each) => each.api === api && each.entrypoint === entrypoint)
    if (series === undefined) counts.series.push((series = new Series(entrypoint, api)))
    series.add(observation)
    counts.lastUsedMs = Date.now()
  }

  /** Counts how long a model itself took for a request that went well. */
  addRun(name: string, api: string | undefined, ms: number): void {
    if (api === undefined) return
    const { runs } = this.#of(name)
    let latencies = runs.get(api)
    if (latencies === undefined) runs.set(api, (latencies = new Latencies()))
    latencies.add(ms)
  }

  #of(name: string): Counts {
    const known = this.#counts.get(name)
    if (known !== undefined) return known
    const key = this.#isKnown(name) || this.#isOther(name) ? name : ''
    let counts = this.#counts.get(key)
    if (counts === undefined) this.#counts.set(key, (counts = new Counts()))
    return counts
  }

  /** A model that is configured and not served is known to the control thread only. */
  #isOther(name: string): boolean {
    return name.length <= NAME_CHARACTERS_MAX && this.#others++ < OTHERS_MAX
  }

  /** What was counted since the last call. */
  take(): ModelCounts[] {
    const taken = Array.from(this.#counts, ([name, { lastUsedMs, series, runs }]) => ({
      name,
      lastUsedMs,
      series: series.map(({ entrypoint, api, codes, latencies }) => ({
        entrypoint,
        api,
        codes,
        ...countsOf(latencies),
      })),
      runs: Array.from(runs, ([api, latencies]) => ({ api, ...countsOf(latencies) })),
    }))
    this.#counts = new Map()
    this.#others = 0
    return taken
  }
}

const countsOf = ({ buckets, sumUs }: Latencies): LatencyCounts => ({ buckets, sumUs })
