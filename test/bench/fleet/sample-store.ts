// A store as a fleet of thousands of tenants has it: one model of the sample, trained and judged, under
// as many names.

import { link, mkdir, readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { readFlights, SAMPLE_MODEL, sendSample } from '@drover/drover'
import {
  bucketKey,
  type Channel,
  channelKey,
  CommittedManifest,
  configKey,
  type ConfigEntry,
  emptyChannel,
  madePrefix,
  type ModelId,
  manifestKey,
  renderConfig,
  servedName,
  Verdict,
  verdictKey,
  versionPrefix,
} from '@drover/model-config'
import { createJson, openPosixStore, requireJson, swapJson } from '@drover/model-store'
import { type Context, liveSeqOf, withLocalDrover } from '../local.ts'

const LIVE_MS_MAX = 60_000
const LOOK_MS = 20

/** Resolves when `live` has moved beyond a seq. */
export async function untilLive(context: Context, seq: number, lookMs = LOOK_MS): Promise<void> {
  const untilMs = performance.now() + LIVE_MS_MAX
  while ((await liveSeqOf(context)) <= seq) {
    if (performance.now() > untilMs) throw new Error(`live stays at ${seq}`)
    await new Promise((done) => setTimeout(done, lookMs))
  }
}

/** Trains the sample's first model and writes a store in which so many names have it; gives the names. */
export async function writeSampleStore(folder: string, count: number): Promise<string[]> {
  return await withLocalDrover(async (context) => {
    const [sample] = await readFlights()
    if (sample === undefined) throw new Error('there is no sample')
    const before = await liveSeqOf(context)
    await sendSample(context, sample)
    await untilLive(context, before)
    const id = { tenant: sample.tenant, model: SAMPLE_MODEL }
    return await multiply(join(context.home, 'store'), folder, { id, count })
  })
}

async function multiply(
  from: string,
  to: string,
  { id, count }: { id: ModelId; count: number },
): Promise<string[]> {
  await using source = await openPosixStore(from, { create: false })
  await using store = await openPosixStore(to)
  const manifest = await requireJson(source, manifestKey(id, 1), CommittedManifest)
  const verdict = await requireJson(source, verdictKey(id, 1, 1), Verdict)
  const { digest, born } = manifest
  const { made } = verdict
  if (made === undefined) throw new Error('the gate made nothing for the sample')
  const versions = [{ version: 1, manifest: digest, verdict: 1, made }]
  const entry: ConfigEntry = { born, versions, labels: {} }
  const ids = Array.from({ length: count }, (_, at) => ({ ...id, tenant: `tenant-${at}` }))
  for (const each of ids) {
    await linkAll(join(from, versionPrefix(id, 1)), join(to, versionPrefix(each, 1)))
    await linkAll(join(from, madePrefix(id, 1, 1)), join(to, madePrefix(each, 1, 1)))
    await createJson(store, verdictKey(each, 1, 1), verdict)
  }
  const models = Object.fromEntries(ids.map((each) => [servedName(each), entry]))
  const { root, buckets } = renderConfig(models)
  for (const { sha, text } of buckets.values()) await store.renew(bucketKey('main', sha), text)
  await store.renew(configKey('main', root.sha), root.text)
  const live = { sha: root.sha, seq: 0, at: new Date().toISOString() }
  const channel: Channel = { ...emptyChannel('bench'), live }
  await swapJson(store, channelKey('main'), undefined, channel)
  return ids.map(servedName)
}

/** The same files under other names, without writing their bytes again. */
async function linkAll(from: string, to: string): Promise<void> {
  for (const entry of await readdir(from, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue
    const target = join(to, entry.parentPath.slice(from.length), entry.name)
    await mkdir(dirname(target), { recursive: true })
    await link(join(entry.parentPath, entry.name), target)
  }
}
