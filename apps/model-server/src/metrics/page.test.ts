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
  const totals = new Totals()
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
    const totals = new Totals()
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
