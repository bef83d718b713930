import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readFlights, SAMPLE_MODEL, type SampleTenant, sendSample } from '@drover/drover'
import { CommittedManifest, manifestKey, Verdict, verdictKey } from '@drover/model-config'
import { openPosixStore, requireJson } from '@drover/model-store'
import { startTrainer } from '@drover/training'
import { liveSeqOf, medianOf, withLocalDrover } from './local.ts'
import type { BenchResult } from './main.ts'

const RUNS = 5
const WARM_UPS = 2
const LIVE_MS_MAX = 60_000
const POLL_MS = 5
/** Airports whose models passed the gate when this was written; one that does not is passed over. */
const TRIES_MAX = 20

/**
 * PUT sent -> `live` written, for airports whose data is new to the store, one after the other, with
 * the rest idle. The floor is the training of the same rows by the same trainer, alone.
 */
export async function benchOnboarding(): Promise<BenchResult> {
  return await withLocalDrover(async (context) => {
    const samples = await readFlights()
    const runs: { sample: SampleTenant; ms: number }[] = []
    for (const sample of samples.slice(0, TRIES_MAX)) {
      if (runs.length === RUNS + WARM_UPS) break
      const before = await liveSeqOf(context)
      const startedAt = performance.now()
      await sendSample(context, sample)
      const ms = await waitForLive(async () => (await liveSeqOf(context)) > before, startedAt)
      if (ms !== undefined) runs.push({ sample, ms })
    }
    const measured = runs.slice(WARM_UPS)
    const floor = await trainAlone(measured.map(({ sample }) => sample))
    const notes = await describeParts(context.home, measured)
    const times = measured.map(({ ms }) => ms)
    const median = medianOf(times)
    const worst = Math.max(...times)
    return {
      name: 'onboarding',
      unit: 'ms',
      runs: times,
      median,
      worst,
      floor,
      ratio: median / floor,
      notes,
    }
  })
}

/** Undefined: it did not become live in time, as when the gate rejects it. */
async function waitForLive(
  isLive: () => Promise<boolean>,
  startedAt: number,
): Promise<number | undefined> {
  const deadline = startedAt + LIVE_MS_MAX
  const giveUpAt = startedAt + 8_000
  while (performance.now() < Math.min(deadline, giveUpAt)) {
    if (await isLive()) return performance.now() - startedAt
    await new Promise((done) => setTimeout(done, POLL_MS))
  }
  return undefined
}

async function trainAlone(samples: readonly SampleTenant[]): Promise<number> {
  await using trainer = startTrainer()
  const work = await mkdtemp(join(tmpdir(), 'drover-bench-'))
  const times: number[] = []
  const signal = AbortSignal.timeout(LIVE_MS_MAX)
  for (const { tenant, csv, spec } of samples) {
    const recipe = spec.models[SAMPLE_MODEL]?.recipe
    if (recipe === undefined) continue
    const dataPath = join(work, `${tenant}.csv`)
    const outputDirectory = join(work, tenant)
    await writeFile(dataPath, csv)
    await mkdir(outputDirectory)
    const startedAt = performance.now()
    await trainer.train({ recipe, dataPath, outputDirectory, timeoutMs: LIVE_MS_MAX, signal })
    times.push(performance.now() - startedAt)
  }
  await rm(work, { recursive: true })
  return medianOf(times)
}

/** Where the time goes, from what the store recorded. */
async function describeParts(
  home: string,
  runs: readonly { sample: SampleTenant }[],
): Promise<Record<string, number>> {
  await using store = await openPosixStore(join(home, 'store'))
  const parts = { queued: [] as number[], training: [] as number[], gate: [] as number[] }
  for (const { sample } of runs) {
    const id = { tenant: sample.tenant, model: SAMPLE_MODEL }
    const manifest = await requireJson(store, manifestKey(id, 1), CommittedManifest)
    const verdict = await requireJson(store, verdictKey(id, 1, 1), Verdict)
    parts.queued.push(Date.parse(manifest.startedAt) - Date.parse(manifest.queuedAt))
    parts.training.push(Date.parse(manifest.at) - Date.parse(manifest.startedAt))
    parts.gate.push(Date.parse(verdict.at) - Date.parse(manifest.at))
  }
  return {
    'median ms from queued to started': medianOf(parts.queued),
    'median ms of training and upload': medianOf(parts.training),
    'median ms of the gate': medianOf(parts.gate),
  }
}
