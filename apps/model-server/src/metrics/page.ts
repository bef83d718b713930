// The metrics page in Prometheus' text format: TensorFlow Serving's own names, so that dashboards go
// on, and what it has never told under names of ours.

import { labelled, type Metric, metricLines } from '@drover/service'
import { LATENCY_BOUNDS_US } from '../serving/counters.ts'
import { addLatencies, type LatencyTotals, type ModelTotals, type SeriesTotals } from './totals.ts'

/** With more models than this, only the busiest get series of their own. */
export const SERIES_LIMITS = { modelsMax: 500, busiestMax: 100 } as const

/** How TensorFlow Serving names an API in its labels: as the path has it, or as the method. */
const INFERENCES: ReadonlyMap<string, string> = new Map([
  ['predict', 'Predict'],
  ['classify', 'Classify'],
  ['regress', 'Regress'],
])

/** The page. */
export function writePage(
  models: ReadonlyMap<string, ModelTotals>,
  gauges: readonly Metric[],
): Uint8Array {
  const lines = [
    ...requestCounts(models),
    ...requestLatencies(models),
    ...runtimeLatencies(models),
    // Behind a prefix of ours.
    ...gauges.flatMap((each) => metricLines({ ...each, name: `drover_model_server_${each.name}` })),
  ]
  return Buffer.from(`${lines.join('\n')}\n`)
}

function requestCounts(models: ReadonlyMap<string, ModelTotals>): string[] {
  const name = ':tensorflow:serving:request_count'
  const lines = [`# TYPE ${name} counter`]
  for (const [model, { series }] of models) {
    const byCode = new Map<string, number>()
    for (const { codes } of series.filter(isTold))
      for (const [code, count] of codes) byCode.set(code, (byCode.get(code) ?? 0) + count)
    for (const [status, count] of byCode)
      lines.push(`${name}${labelled({ model_name: model, status })} ${count}`)
  }
  return lines
}

function requestLatencies(models: ReadonlyMap<string, ModelTotals>): string[] {
  const name = ':tensorflow:serving:request_latency'
  const lines = [`# TYPE ${name} histogram`]
  for (const [model, { series }] of models) {
    // Upstream does not tell all APIs apart that are counted here.
    const byLabels = new Map<string, { labels: Record<string, string>; all: LatencyTotals }>()
    for (const each of series.filter(isTold)) {
      const labels = labelsOf(model, each)
      const key = labelled(labels)
      const known = byLabels.get(key) ?? { labels, all: { buckets: [], sumUs: 0 } }
      addLatencies(known.all, each)
      byLabels.set(key, known)
    }
    for (const { labels, all } of byLabels.values())
      // Only what went well is measured: of the rest there is no series.
      if (all.buckets.some((size) => size > 0)) lines.push(...histogram(name, labels, all))
  }
  return lines
}

/** What the model itself takes, whoever asks. */
function runtimeLatencies(models: ReadonlyMap<string, ModelTotals>): string[] {
  const name = ':tensorflow:serving:runtime_latency'
  const lines = [`# TYPE ${name} histogram`]
  for (const [model, { runs }] of models)
    for (const [api, each] of runs) {
      const API = INFERENCES.get(api)
      if (API !== undefined)
        lines.push(...histogram(name, { model_name: model, API, runtime: 'TF1' }, each))
    }
  return lines
}

/** Upstream counts every request over REST, and of those over gRPC the ones that infer. */
const isTold = ({ api, entrypoint }: SeriesTotals): boolean =>
  entrypoint === 'REST' || INFERENCES.has(api)

const labelsOf = (model: string, { api, entrypoint }: SeriesTotals): Record<string, string> => ({
  model_name: model,
  API: entrypoint === 'GRPC' ? (INFERENCES.get(api) ?? '') : INFERENCES.has(api) ? api : '',
  entrypoint,
})

function histogram(
  name: string,
  labels: Record<string, string>,
  { buckets, sumUs }: LatencyTotals,
): string[] {
  let count = 0
  const lines = [...LATENCY_BOUNDS_US, undefined].map((bound, index) => {
    count += buckets[index] ?? 0
    const le = bound === undefined ? '+Inf' : general(bound)
    return `${name}_bucket${labelled({ ...labels, le })} ${count}`
  })
  return [
    ...lines,
    `${name}_sum${labelled(labels)} ${sumUs}`,
    `${name}_count${labelled(labels)} ${count}`,
  ]
}

/** A number above 1 as `%g` of C writes it. */
function general(value: number): string {
  const [digits = '', exponent] = value.toPrecision(6).split('e+')
  const short = digits.replace(/(\.\d*?)0+$/, '$1').replace(/\.$/, '')
  return exponent === undefined ? short : `${short}e+${exponent.padStart(2, '0')}`
}
