// What happened to each model since this process started, over all its threads.

import type { StatusCode } from '@drover/serving-api'
import type { LatencyCounts, ModelCounts, SeriesCounts } from '../serving/messages.ts'

/** How many took how long, in all; buckets behind the last one that is not empty may be missing. */
export interface LatencyTotals {
  readonly buckets: number[]
  sumUs: number
}

/** Requests of one kind, in all. */
export interface SeriesTotals extends LatencyTotals {
  readonly entrypoint: SeriesCounts['entrypoint']
  readonly api: string
  readonly codes: Map<StatusCode | 'OK', number>
}

/** Requests of one model, in all. */
export interface ModelTotals {
  requests: number
  failures: number
  /** Since 1970; 0 for never. */
  lastUsedMs: number
  readonly series: SeriesTotals[]
  /** Of the model itself, by API. */
  readonly runs: Map<string, LatencyTotals>
}

const none = (): ModelTotals => ({
  requests: 0,
  failures: 0,
  lastUsedMs: 0,
  series: [],
  runs: new Map(),
})
const NONE: Readonly<ModelTotals> = none()

/** Sums up by model what the serving threads counted, and all names of no model under the empty one. */
export class Totals {
  readonly #isModel: (name: string) => boolean
  readonly #models = new Map<string, ModelTotals>()

  constructor(isModel: (name: string) => boolean) {
    this.#isModel = isModel
  }

  add(counts: readonly ModelCounts[]): void {
    for (const { name: told, lastUsedMs, series, runs } of counts) {
      const name = this.#isModel(told) ? told : ''
      let totals = this.#models.get(name)
      if (totals === undefined) this.#models.set(name, (totals = none()))
      totals.lastUsedMs = Math.max(totals.lastUsedMs, lastUsedMs)
      for (const { api, ...latencies } of runs) addRuns(totals.runs, api, latencies)
      for (const each of series) {
        addSeries(totals.series, each)
        for (const [code, count] of each.codes) {
          totals.requests += count
          if (code !== 'OK') totals.failures += count
        }
      }
    }
  }

  of(name: string): Readonly<ModelTotals> {
    return this.#models.get(name) ?? NONE
  }

  /** A model that is gone is counted no more. */
  forget(name: string): void {
    this.#models.delete(name)
  }

  /**
   * All models by name while there are few, else the busiest ones by name and the sum of the rest
   * under `other`: what scrapes the page must not drown in a large fleet.
   */
  series(limits: { modelsMax: number; busiestMax: number }): Map<string, ModelTotals> {
    if (this.#models.size <= limits.modelsMax) return this.#models
    const byRequests = [...this.#models].toSorted(([, a], [, b]) => b.requests - a.requests)
    const shown = new Map(byRequests.slice(0, limits.busiestMax))
    const other = none()
    for (const [, totals] of byRequests.slice(limits.busiestMax)) {
      other.requests += totals.requests
      other.failures += totals.failures
      for (const each of totals.series) addSeries(other.series, each)
      for (const [api, latencies] of totals.runs) addRuns(other.runs, api, latencies)
    }
    return shown.set('other', other)
  }
}

function addSeries(into: SeriesTotals[], { entrypoint, api, codes, buckets, sumUs }: SeriesCounts) {
  const known = into.find((each) => each.api === api && each.entrypoint === entrypoint)
  if (known === undefined) {
    into.push({ entrypoint, api, codes: new Map(codes), buckets: upToLast(buckets), sumUs })
    return
  }
  for (const [code, count] of codes) known.codes.set(code, (known.codes.get(code) ?? 0) + count)
  addLatencies(known, { buckets, sumUs })
}

function addRuns(into: Map<string, LatencyTotals>, api: string, latencies: LatencyCounts): void {
  const known = into.get(api)
  if (known === undefined) into.set(api, { ...latencies, buckets: upToLast(latencies.buckets) })
  else addLatencies(known, latencies)
}

/** Adds up how many took how long. */
export function addLatencies(into: LatencyTotals, { buckets, sumUs }: LatencyCounts): void {
  for (const [index, count] of upToLast(buckets).entries())
    into.buckets[index] = (into.buckets[index] ?? 0) + count
  into.sumUs += sumUs
}

/** Without the empty ones at the end: most requests are quick, and there may be ten thousand models. */
const upToLast = (buckets: readonly number[]): number[] =>
  buckets.slice(0, buckets.findLastIndex((count) => count > 0) + 1)
