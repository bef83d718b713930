// Prometheus' text format, for the metrics pages of all apps.

/** One metric: a value for each set of labels. */
export interface Metric {
  name: string
  type: 'gauge' | 'counter'
  help: string
  values: readonly { labels: Readonly<Record<string, string>>; value: number }[]
}

/** The lines of a metric. */
export const metricLines = ({ name, type, help, values }: Metric): string[] => [
  `# HELP ${name} ${help}`,
  `# TYPE ${name} ${type}`,
  ...values.map(({ labels, value }) => `${name}${labelled(labels)} ${value}`),
]

/** Labels as they stand behind a name; nothing where there are none. */
export function labelled(labels: Readonly<Record<string, string>>): string {
  const parts = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`)
  return parts.length === 0 ? '' : `{${parts.join(',')}}`
}

const escaped = (value: string): string =>
  value
    .replaceAll('\\', String.raw`\\`)
    .replaceAll('"', String.raw`\"`)
    .replaceAll('\n', String.raw`\n`)
