// The metrics page in Prometheus' text format: TensorFlow Serving's own names, so that dashboards go
// on, and what it has never told under names of ours.

import { LATENCY_BOUNDS_US } from '../serving/counters.ts'
import type { ModelTotals, SeriesTotals } from './totals.ts'

/** With more models than this, only the busiest get series of their own. */
export const SERIES_LIMITS = { modelsMax: 500, busiestMax: 100 } as const

/** How TensorFlow Serving names an API in its labels: as the path has it, or as the method. */
const GRPC_APIS: Readonly<Record<string, string>> = {
  predict: 'Predict',
  classify: 'Classify',
  regress: 'Regress',
  multi_inference: 'MultiInference',
  metadata: 'GetModelMetadata',
  status: 'GetModelStatus',
  reload: 'HandleReloadConfigRequest',
}
const REST_INFERENCE = new Set(['predict', 'classify', 'regress'])

/** One of our own metrics: a value for each set of labels. */
export interface Gauge {
  /** Behind `drover_model_server_`. */
  name: string
  type: 'gauge' | 'counter'
  help: string
  values: readonly { labels: Readonly<Record<string, string>>; value: number }[]
}

/** The page. */
export function writePage(
  models: ReadonlyMap<string, ModelTotals>,
  gauges: readonly Gauge[],
): Uint8Array {
  const lines = [...requestCounts(models), ...requestLatencies(models), ...gauges.flatMap(ofGauge)]
  return Buffer.from(`${lines.join('\n')}\n`)
}

function requestCounts(models: ReadonlyMap<string, ModelTotals>): string[] {
  const name = ':tensorflow:serving:request_count'
  const lines = [`# TYPE ${name} counter`]
  for (const [model, { series }] of models) {
    const byCode = new Map<string, number>()
    for (const { codes } of series)
      for (const [code, count] of codes) byCode.set(code, (byCode.get(code) ?? 0) + count)
    for (const [status, count] of byCode)
      lines.push(`${name}${labelled({ model_name: model, status })} ${count}`)
  }
  return lines
}

function requestLatencies(models: ReadonlyMap<string, ModelTotals>): string[] {
  const name = ':tensorflow:serving:request_latency'
  const lines = [`# TYPE ${name} histogram`]
  for (const [model, { series }] of models)
    for (const each of series) lines.push(...histogram(name, labelsOf(model, each), each))
  return lines
}

const labelsOf = (model: string, { api, entrypoint }: SeriesTotals): Record<string, string> => ({
  model_name: model,
  API: entrypoint === 'GRPC' ? (GRPC_APIS[api] ?? api) : REST_INFERENCE.has(api) ? api : '',
  entrypoint,
})

function histogram(
  name: string,
  labels: Record<string, string>,
  { buckets, sumUs }: SeriesTotals,
): string[] {
  let count = 0
  const lines = buckets.map((size, index) => {
    count += size
    const bound = LATENCY_BOUNDS_US[index]
    const le = bound === undefined ? '+Inf' : Number(bound.toPrecision(6)).toString()
    return `${name}_bucket${labelled({ ...labels, le })} ${count}`
  })
  return [
    ...lines,
    `${name}_sum${labelled(labels)} ${sumUs}`,
    `${name}_count${labelled(labels)} ${count}`,
  ]
}

function ofGauge({ name, type, help, values }: Gauge): string[] {
  const full = `drover_model_server_${name}`
  return [
    `# HELP ${full} ${help}`,
    `# TYPE ${full} ${type}`,
    ...values.map(({ labels, value }) => `${full}${labelled(labels)} ${value}`),
  ]
}

function labelled(labels: Readonly<Record<string, string>>): string {
  const parts = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`)
  return parts.length === 0 ? '' : `{${parts.join(',')}}`
}

const escaped = (value: string): string =>
  value
    .replaceAll('\\', String.raw`\\`)
    .replaceAll('"', String.raw`\"`)
    .replaceAll('\n', String.raw`\n`)
