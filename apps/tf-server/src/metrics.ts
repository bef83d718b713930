import { type Metric, metricLines } from '@drover/service'
import { missingIn, whyUnready } from './observe.ts'
import type { Ports } from './ports.ts'

/**
 * The agent's metrics in Prometheus' text format, and behind them those of its model server, which
 * has no page of its own on the ports that answer predictions.
 */
export async function metricsPage({ memory, disk, log }: Ports, where: string): Promise<string> {
  const { server } = memory
  const served = await server?.admin.metrics().catch((err: unknown) => {
    // One that just ended or hangs must not take the agent's own numbers along.
    log.warn({ err }, 'no metrics of the model server')
  })
  const own = ownMetrics(memory, whyUnready(memory, disk, where) === undefined)
  const resident = gauge(
    'model_server_bytes',
    'Resident memory of the model server.',
    (await server?.residentBytes()) ?? 0,
  )
  return `${[...own, resident].flatMap(metricLines).join('\n')}\n${served ?? ''}`
}

function ownMetrics(memory: Ports['memory'], isReady: boolean): Metric[] {
  const { confirmed, serving, channel, server, recycles, fence, impaired } = memory
  const live = channel.kind === 'seen' ? channel.live : undefined
  return [
    gauge('ready', 'Whether this server is ready.', isReady ? 1 : 0),
    gauge('model_server_up', 'Whether a model server runs.', server === undefined ? 0 : 1),
    gauge('impaired', 'Whether the store or the own disk cannot be had.', impaired ? 1 : 0),
    gauge('config_seq', 'Seq of the config that is confirmed here.', confirmed?.ref?.seq ?? -1),
    gauge('live_seq', 'Seq of the live config at the last look.', live?.seq ?? -1),
    gauge('fence', 'The highest fence that was heard.', fence),
    gauge('models', 'Models that have a version here.', serving.size),
    gauge('models_missing', 'Models of the config that have none.', missingIn(memory)),
    gauge('models_failed', 'Versions that failed here.', confirmed?.failed.length ?? 0),
    {
      ...gauge('model_server_starts_total', 'Starts of a model server, ever.', recycles),
      type: 'counter',
    },
  ]
}

const gauge = (name: string, help: string, value: number): Metric => ({
  name: `drover_tf_server_${name}`,
  type: 'gauge',
  help,
  values: [{ labels: {}, value }],
})
