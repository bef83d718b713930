import { readFlights, readView, SAMPLE_MODEL, type SampleTenant, watchModels } from '@drover/drover'
import { servedName } from '@drover/model-config'
import { z } from 'zod'
import { type Context, medianOf, withLocalDrover } from './local.ts'
import type { BenchResult } from './main.ts'

const RUNS = 20
const WARM_UPS = 2
const FLOORS_PER_RUN = 5
const SETTLED_MS_MAX = 60_000

const Alive = z.object({ ok: z.literal(true) })
const Acknowledged = z.object({ queued: z.boolean() })

/**
 * PUT of a new client sent -> 202 received, one after the other, each with all before it settled.
 * The floor is `GET /livez` of the same server, by the same client, in between.
 */
export async function benchAcknowledge(): Promise<BenchResult> {
  return await withLocalDrover(async (context) => {
    const runs: number[] = []
    const floors: number[] = []
    let queued = 0
    const samples = await readFlights()
    if (samples.length < RUNS + WARM_UPS) throw new Error(`only ${samples.length} clients to send`)
    for (const [index, sample] of samples.slice(0, RUNS + WARM_UPS).entries()) {
      await upload(context, sample)
      const alive = await timeAlive(context)
      const put = await timePut(context, sample)
      await waitUntilSettled(context, sample)
      if (index < WARM_UPS) continue
      floors.push(...alive)
      runs.push(put.ms)
      if (put.queued) queued++
    }
    const [median, floor] = [medianOf(runs), medianOf(floors)]
    const notes = { 'worst ms of the floor': Math.max(...floors).toFixed(1), queued }
    const worst = Math.max(...runs)
    const ratio = median / floor
    return { name: 'acknowledge', unit: 'ms', runs, median, worst, floor, ratio, notes }
  })
}

async function upload({ scheduler }: Context, { tenant, spec, csv }: SampleTenant): Promise<void> {
  const data = spec.models[SAMPLE_MODEL]?.data
  if (data === undefined || !('upload' in data)) throw new Error(`${tenant} has no rows`)
  await scheduler.upload(`/v1/data/${tenant}/${SAMPLE_MODEL}/${data.upload}`, csv)
}

async function timeAlive({ scheduler }: Context): Promise<number[]> {
  const times: number[] = []
  for (let count = 0; count < FLOORS_PER_RUN; count++) {
    const startedAt = performance.now()
    await scheduler.get('/livez', Alive)
    times.push(performance.now() - startedAt)
  }
  return times
}

async function timePut({ scheduler }: Context, { tenant, spec }: SampleTenant) {
  const startedAt = performance.now()
  const { queued } = await scheduler.send('PUT', `/v1/tenants/${tenant}`, spec, Acknowledged)
  return { ms: performance.now() - startedAt, queued }
}

/** Served or rejected: what it leads to would cost the next one its time. */
async function waitUntilSettled(context: Context, { tenant }: SampleTenant): Promise<void> {
  const read = async (name: string) => await readView(context, name)
  const signal = AbortSignal.timeout(SETTLED_MS_MAX)
  const names = [servedName({ tenant, model: SAMPLE_MODEL })]
  await watchModels(names, read, { signal, onStage: () => {} })
}
