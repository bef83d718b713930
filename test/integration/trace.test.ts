import { CommittedManifest, manifestKey, Tenant, tenantKey } from '@drover/model-config'
import { readStateJson, requireJson } from '@drover/model-store'
import { newTraceparent, traceIdOf } from '@drover/service'
import { expect, test, vi } from 'vitest'
import { startLoop } from '../support/loop.ts'
import { tapRedis } from '../support/redis.ts'
import { FLIGHTS, makeCsv, ROW } from '../support/rows.ts'

const UNTIL = { timeout: 30_000, interval: 20 }
const QUEUES = ['train', 'publish', 'rollout-main']

/** The trace ids in the nudges of a queue, as they went to Redis. */
function tracesIn(said: string, queue: string): string[] {
  const lines = said.split('\n').filter((line) => line.includes(`{drover}:${queue}:`))
  const found = lines.flatMap((line) => [...line.matchAll(/traceparent\\":\\"00-([0-9a-f]{32})/g)])
  return found.map(([, id = '']) => id)
}

test('one trace goes from the request of a client to the server that answers it', async () => {
  const traceparent = newTraceparent()
  const id = traceIdOf(traceparent)
  const rollouts: (string | undefined)[] = []
  await using loop = await startLoop({ onRollout: (nudge) => rollouts.push(nudge.traceparent) })
  using tap = await tapRedis(loop.redisUrl)
  const upload = await loop.upload('acme', 'late', makeCsv())
  const spec = { models: { late: { recipe: FLIGHTS, data: { upload } } } }

  const put = await loop.call('PUT', '/v1/tenants/acme', spec, { traceparent })
  /** The lines of the logs that carry the trace, as app and message. */
  const traced = () =>
    loop.lines
      .filter((line) => String(line['traceparent']).includes(id))
      .map((line) => `${line.name}: ${line.msg}`)
  // The agent knows the trace by the header of the request alone.
  await vi.waitUntil(() => traced().includes('tf-server: applied'), UNTIL)

  expect(put).toMatchObject({ status: 202, body: { traceparent: expect.stringContaining(id) } })
  expect(await loop.predict('acme.late', ROW)).toMatchObject({ label: expect.any(String) })
  const { store } = loop
  const model = { tenant: 'acme', model: 'late' }
  const tenant = await readStateJson(store, tenantKey('acme'), Tenant)
  const manifest = await requireJson(store, manifestKey(model, 1), CommittedManifest)
  for (const each of [tenant, manifest]) expect(each?.traceparent).toContain(id)
  const said = tap.said()
  for (const queue of QUEUES) expect(tracesIn(said, queue), queue).toContain(id)
  expect(rollouts.map((trace) => traceIdOf(trace ?? ''))).toContain(id)
  expect(traced()).toEqual(
    expect.arrayContaining([
      'trainer-scheduler: run ended',
      'config-publisher: judged',
      'config-publisher: published',
      'restarter: decided',
    ]),
  )
})
