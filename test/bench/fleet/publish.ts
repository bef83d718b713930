// How long a publish takes until every server has confirmed it, by reload.

import { readFlights, SAMPLE_MODEL, sendSample } from '@drover/drover'
import { z } from 'zod'
import { type Context, liveSeqOf, withLocalDrover } from '../local.ts'
import type { BenchRow } from '../main.ts'
import { untilLive } from './sample-store.ts'

const PUBLISHES = { full: 200, quick: 4 }
const WARM_UPS = 4
const LOOK_MS = 2
const SHARE = 0.99

const Anything = z.unknown()

/** A model goes back and forth between two versions: a pin is written, published and confirmed. */
export async function* benchPublish(isQuick: boolean): AsyncGenerator<BenchRow> {
  const count = isQuick ? PUBLISHES.quick : PUBLISHES.full
  const times = await withLocalDrover(async (context) => await publishAll(context, count))
  const sorted = times.toSorted((a, b) => a - b)
  const at = (share: number): number => sorted[Math.ceil(sorted.length * share) - 1] ?? NaN
  yield {
    name: 'publish until two servers have confirmed it, p99',
    unit: 'ms',
    value: at(SHARE),
    goal: 500,
    notes: { p50: at(0.5).toFixed(0), worst: at(1).toFixed(0), publishes: count },
  }
}

async function publishAll(context: Context, count: number): Promise<number[]> {
  const [sample] = await readFlights()
  if (sample === undefined) throw new Error('there is no sample')
  const { tenant } = sample
  const first = await liveSeqOf(context)
  await sendSample(context, sample)
  await untilLive(context, first)
  const second = await liveSeqOf(context)
  const path = `/v1/tenants/${tenant}/models/${SAMPLE_MODEL}/train`
  await context.scheduler.send('POST', path, {}, Anything)
  await untilLive(context, second)
  const times: number[] = []
  for (let turn = 0; turn < WARM_UPS + count; turn++) {
    const before = await liveSeqOf(context)
    const version = 1 + (turn % 2)
    const body = { tenant, model: SAMPLE_MODEL, version, why: 'the benchmark' }
    const startedAt = performance.now()
    await context.publisher.send('POST', '/v1/rollback', body, Anything)
    await untilLive(context, before, LOOK_MS)
    times.push(performance.now() - startedAt)
  }
  return times.slice(WARM_UPS)
}
