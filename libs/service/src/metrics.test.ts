import { expect, test } from 'vitest'
import { metricLines } from './metrics.ts'

test('a metric is a help, a type and a line for each set of labels', () => {
  const values = [
    { labels: {}, value: 1 },
    { labels: { model: 'a"b\\c\nd', le: '+Inf' }, value: 0.5 },
  ]

  expect(metricLines({ name: 'x_total', type: 'counter', help: 'Of it.', values })).toEqual([
    '# HELP x_total Of it.',
    '# TYPE x_total counter',
    'x_total 1',
    String.raw`x_total{model="a\"b\\c\nd",le="+Inf"} 0.5`,
  ])
})
