// What is measured at the moment, beside requests: models, memory and threads.

import type { Models } from '../control/models.ts'
import type { MemoryUse } from '../control/residency.ts'
import type { Reports } from './metering.ts'
import type { Metric } from '@drover/service'

const MS_PER_S = 1_000

/** Our own metrics. */
export function gaugesOf(models: Models, reports: Reports): Metric[] {
  return [
    ...versionGauges(models),
    {
      name: 'resident_bytes',
      type: 'gauge',
      help: 'Memory that loaded versions hold, by their own account.',
      values: [{ labels: {}, value: models.memory.bytes }],
    },
    ...coldCounters(models.memory),
    {
      name: 'connections',
      type: 'gauge',
      help: 'Open connections.',
      values: Array.from(reports, ([thread, { connections }]) => ({
        labels: { thread },
        value: connections,
      })),
    },
    {
      name: 'event_loop_delay_seconds',
      type: 'gauge',
      help: 'How long one piece of work held an event loop, since this page was read last.',
      values: Array.from(reports).flatMap(([thread, { loopDelay }]) => {
        const { p50Ms, p99Ms, p999Ms, maxMs } = loopDelay
        const delays = { 0.5: p50Ms, 0.99: p99Ms, 0.999: p999Ms, 1: maxMs }
        return Object.entries(delays).map(([quantile, ms]) => ({
          labels: { thread, quantile },
          value: ms / MS_PER_S,
        }))
      }),
    },
  ]
}

function coldCounters({ coldLoads, evictions, refusals }: MemoryUse): Metric[] {
  return [
    counter('cold_loads', 'Cold versions that were loaded for requests.', coldLoads),
    counter('evictions', 'Versions that left memory for others, and are cold since.', evictions),
    counter('cold_refusals', 'Times that no load could begin for requests, so 503.', refusals),
  ]
}

function versionGauges(models: Models): Metric[] {
  const byState = new Map<string, number>()
  const byEngine = new Map<string, number>()
  let count = 0
  for (const name of models.names()) {
    count++
    for (const { state, loaded, isServed } of models.get(name)?.versions ?? []) {
      byState.set(state, (byState.get(state) ?? 0) + 1)
      const engine = loaded?.engine ?? 'cold'
      if (isServed) byEngine.set(engine, (byEngine.get(engine) ?? 0) + 1)
    }
  }
  return [
    {
      name: 'models',
      type: 'gauge',
      help: 'Models that are configured or whose end is still told.',
      values: [{ labels: {}, value: count }],
    },
    {
      name: 'versions',
      type: 'gauge',
      help: 'Versions by state.',
      values: valuesOf('state', byState),
    },
    {
      name: 'served_versions',
      type: 'gauge',
      help: 'Versions that answer, by what runs them; cold ones are loaded at their next request.',
      values: valuesOf('engine', byEngine),
    },
  ]
}

const counter = (name: string, help: string, value: number): Metric => ({
  name: `${name}_total`,
  type: 'counter',
  help,
  values: [{ labels: {}, value }],
})

const valuesOf = (label: string, counts: ReadonlyMap<string, number>) =>
  Array.from(counts, ([key, value]) => ({ labels: { [label]: key }, value }))
