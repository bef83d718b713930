import { describe, expect, test } from 'vitest'
import { bucketOf, Counters, LATENCY_BOUNDS_US } from './counters.ts'

describe('bucketOf', () => {
  test.each([
    [0, 0],
    [9.99, 0],
    [10, 1],
    [17.9, 1],
    [18.1, 2],
    [1e12, LATENCY_BOUNDS_US.length],
  ])('%d us falls into bucket %d', (latencyUs, bucket) => {
    expect(bucketOf(latencyUs)).toBe(bucket)
  })

  test('every bound begins the next bucket and what is below it does not', () => {
    for (const [index, bound] of LATENCY_BOUNDS_US.entries()) {
      expect(bucketOf(bound)).toBe(index + 1)
      expect(bucketOf(bound * (1 - 1e-12))).toBe(index)
    }
  })
})

describe('Counters', () => {
  const seen = { entrypoint: 'REST', api: 'predict', latencyMs: 0.02 } as const

  test('counts codes of each kind of request by model, and latency of successes alone', () => {
    const counters = new Counters(() => true)
    counters.add({ ...seen, name: 'm', code: 'OK' })
    counters.add({ ...seen, name: 'm', code: 'OK', entrypoint: 'GRPC' })
    counters.add({ ...seen, name: 'm', code: 'NOT_FOUND' })
    const [counts] = counters.take()
    expect(counts?.series.map(({ entrypoint, codes }) => [entrypoint, [...codes]])).toEqual([
      [
        'REST',
        [
          ['OK', 1],
          ['NOT_FOUND', 1],
        ],
      ],
      ['GRPC', [['OK', 1]]],
    ])
    expect(counts?.series[0]?.sumUs).toBeCloseTo(20)
    expect(counts?.series[0]?.buckets[2]).toBe(1)
  })

  test('gives each count once', () => {
    const counters = new Counters(() => true)
    counters.add({ ...seen, name: 'm', code: 'OK' })
    expect(counters.take()).toHaveLength(1)
    expect(counters.take()).toEqual([])
  })

  test('counts names that are no model here apart while they are few and short', () => {
    const counters = new Counters((name) => name === 'm')
    const many = Array.from({ length: 1_500 }, (_, at) => `a${at}`)
    for (const name of ['x'.repeat(257), undefined, ...many, 'm'])
      counters.add({ ...seen, name, code: 'NOT_FOUND' })
    const names = counters.take().map(({ name }) => name)
    expect(names).toHaveLength(1_002)
    expect(names).toEqual(expect.arrayContaining(['', 'a0', 'm']))
  })
})
