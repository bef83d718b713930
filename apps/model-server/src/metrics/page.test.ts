import { describe, expect, test } from 'vitest'
import type { Observation } from '../serving/core.ts'
import { Counters } from '../serving/counters.ts'
import { SERIES_LIMITS, writePage } from './page.ts'
import { Totals } from './totals.ts'

const seen: Observation = {
  name: 'm',
  entrypoint: 'REST',
  api: 'predict',
  code: 'OK',
  latencyMs: 0.02,
}

function pageOf(...observations: Partial<Observation>[]): string[] {
  const counters = new Counters(() => true)
  for (const each of observations) counters.add({ ...seen, ...each })
  const totals = new Totals(() => true)
  totals.add(counters.take())
  return Buffer.from(writePage(totals.series(SERIES_LIMITS), []))
    .toString()
    .trim()
    .split('\n')
}

describe('the metrics page', () => {
  test('has upstream’s names, labels and buckets', () => {
    const lines = pageOf({}, { code: 'NOT_FOUND' }, { entrypoint: 'GRPC', latencyMs: 1e9 })
    expect(lines).toEqual(
      expect.arrayContaining([
        '# TYPE :tensorflow:serving:request_count counter',
        ':tensorflow:serving:request_count{model_name="m",status="OK"} 2',
        ':tensorflow:serving:request_count{model_name="m",status="NOT_FOUND"} 1',
        '# TYPE :tensorflow:serving:request_latency histogram',
        ':tensorflow:serving:request_latency_bucket{model_name="m",API="predict",entrypoint="REST",le="18"} 0',
        ':tensorflow:serving:request_latency_bucket{model_name="m",API="predict",entrypoint="REST",le="32.4"} 1',
        ':tensorflow:serving:request_latency_bucket{model_name="m",API="Predict",entrypoint="GRPC",le="+Inf"} 1',
        ':tensorflow:serving:request_latency_count{model_name="m",API="predict",entrypoint="REST"} 1',
      ]),
    )
  })

  test('writes bounds as upstream does', () => {
    const bounds = pageOf({}).flatMap(
      (line) => /request_latency_bucket.*le="(.*)"/.exec(line)?.[1] ?? [],
    )
    expect(bounds).toHaveLength(34)
    expect(bounds.slice(0, 4)).toEqual(['10', '18', '32.4', '58.32'])
    expect(bounds.slice(18, 21)).toEqual(['393464', '708235', '1.27482e+06'])
    expect(bounds.slice(-2)).toEqual(['1.47476e+09', '+Inf'])
  })

  test('tells how long models themselves take, whoever asks, and only for what upstream does', () => {
    const counters = new Counters(() => true)
    for (const api of ['predict', 'predict', 'regress', 'multi_inference', undefined])
      counters.addRun('m', api, 0.02)
    const totals = new Totals(() => true)
    totals.add(counters.take())
    totals.add(counters.take())
    const page = Buffer.from(writePage(totals.series(SERIES_LIMITS), [])).toString()

    expect(page.match(/runtime_latency_count.*/g)).toEqual([
      'runtime_latency_count{model_name="m",API="Predict",runtime="TF1"} 2',
      'runtime_latency_count{model_name="m",API="Regress",runtime="TF1"} 1',
    ])
  })

  test('counts over gRPC only what infers, as upstream', () => {
    const lines = pageOf(
      { entrypoint: 'GRPC', api: 'status' },
      { entrypoint: 'GRPC', api: 'classify' },
      { entrypoint: 'REST', api: 'status' },
      { entrypoint: 'REST', api: 'regress', code: 'NOT_FOUND' },
    )
    expect(lines).toContain(':tensorflow:serving:request_count{model_name="m",status="OK"} 2')
    expect(lines.filter((line) => line.includes('latency_count'))).toEqual([
      ':tensorflow:serving:request_latency_count{model_name="m",API="Classify",entrypoint="GRPC"} 1',
      ':tensorflow:serving:request_latency_count{model_name="m",API="",entrypoint="REST"} 1',
    ])
  })

  test('has one series for all that upstream does not tell apart', () => {
    const lines = pageOf({ api: 'status' }, { api: 'metadata' }, { api: 'metadata', latencyMs: 1 })

    const name = ':tensorflow:serving:request_latency'
    const labels = 'model_name="m",API="",entrypoint="REST"'
    expect(lines.filter((line) => /latency_(sum|count)/.test(line))).toEqual([
      `${name}_sum{${labels}} 1040`,
      `${name}_count{${labels}} 3`,
    ])
    expect(lines.filter((line) => line.includes('le="+Inf"'))).toEqual([
      `${name}_bucket{${labels},le="+Inf"} 3`,
    ])
  })

  test('escapes names', () => {
    const lines = pageOf({ name: 'a"b\\c\nd' })
    expect(lines).toContain(
      String.raw`:tensorflow:serving:request_count{model_name="a\"b\\c\nd",status="OK"} 1`,
    )
  })

  test('sums up what is not among the busiest of many models', () => {
    const counters = new Counters(() => true)
    for (let index = 0; index < 600; index++) counters.add({ ...seen, name: `model-${index}` })
    for (let index = 0; index < 5; index++) counters.add({ ...seen, name: 'model-7' })
    const totals = new Totals(() => true)
    totals.add(counters.take())
    const shown = totals.series(SERIES_LIMITS)
    expect(shown.size).toBe(101)
    expect(shown.get('model-7')?.requests).toBe(6)
    expect(shown.get('other')?.requests).toBe(500)
    expect(totals.of('model-599').requests).toBe(1)
  })

  test('writes gauges of ours with their help', () => {
    const gauge = {
      name: 'versions',
      type: 'gauge',
      help: 'Versions by state.',
      values: [{ labels: { state: 'AVAILABLE' }, value: 3 }],
    } as const
    expect(Buffer.from(writePage(new Map(), [gauge])).toString()).toContain(
      '# HELP drover_model_server_versions Versions by state.\n' +
        '# TYPE drover_model_server_versions gauge\n' +
        'drover_model_server_versions{state="AVAILABLE"} 3\n',
    )
  })
})
