import { randomUUID } from 'node:crypto'
import { mapBounded } from '@drover/basics'
import {
  bucketKey,
  type Channel,
  channelKey,
  type ConfigRef,
  configKey,
  digestOfFiles,
  emptyChannel,
  type Models,
  parseServedName,
  type PublisherFields,
  renderConfig,
  type Verdict,
  verdictKey,
} from '@drover/model-config'
import {
  createJson,
  ModelStoreCode,
  ModelStoreError,
  type ModelStore,
  swapJson,
} from '@drover/model-store'
import { changeControls } from '../controls/act.ts'
import { withPins } from '../controls/plan.ts'
import type { Records, StoredConfig } from '../records.ts'
import type { DueVerdict } from './plan.ts'
import type { DuePins } from './undo.ts'

const WRITES_AT_ONCE = 16
const CHECKS_MAX = 3

/** Creates the channel of a fleet that has none. */
export async function createChannel(store: ModelStore, fleet: string): Promise<void> {
  await swapJson(store, channelKey(fleet), undefined, emptyChannel(randomUUID()))
}

interface StoredObject {
  key: string
  text: string
}

/**
 * Writes a config and makes it the candidate under the next seq; undefined when the channel moved
 * meanwhile, so that the plan is void. Buckets that the base holds are not written again.
 */
export async function publish(
  store: ModelStore,
  { fleet, channel, baseRoot }: { fleet: string; channel: Channel; baseRoot: StoredConfig['root'] },
  models: Models,
): Promise<ConfigRef | undefined> {
  const { root, buckets } = renderConfig(models)
  const held = new Set(Object.values(baseRoot.buckets))
  const objects = [...buckets.values()]
    .filter(({ sha }) => !held.has(sha))
    .map(({ sha, text }) => ({ key: bucketKey(fleet, sha), text }))
    .concat({ key: configKey(fleet, root.sha), text: root.text })
  await putAll(store, objects)
  const candidate: ConfigRef = { sha: root.sha, seq: channel.seq + 1 }
  const next = withPublisherFields(channel, { candidate, prefetch: [] }, randomUUID())
  if (!(await swapJson(store, channelKey(fleet), channel.seq, next))) return undefined
  await ensureThere(store, objects)
  return candidate
}

/** The next state of a channel: the other writer's fields as they were read. */
export function withPublisherFields(
  channel: Channel,
  fields: PublisherFields,
  attempt: string,
): Channel {
  return { ...channel, ...fields, seq: channel.seq + 1, attempt }
}

async function putAll(store: ModelStore, objects: readonly StoredObject[]): Promise<void> {
  await mapBounded(objects, WRITES_AT_ONCE, async ({ key, text }) => await store.renew(key, text))
}

/** Collection may have deleted one of them just before it was renewed: they are put until they stay. */
async function ensureThere(store: ModelStore, objects: readonly StoredObject[]): Promise<void> {
  for (let checks = 0; checks < CHECKS_MAX; checks++) {
    const missing = await mapBounded(objects, WRITES_AT_ONCE, async (object) =>
      (await store.read(object.key)) === undefined ? [object] : [],
    )
    if (missing.flat().length === 0) return
    await putAll(store, missing.flat())
  }
  throw new ModelStoreError(ModelStoreCode.UNAVAILABLE, 'the new config does not stay in the store')
}

/** Writes the pins of an undo, the tenants one by one: a tenant's are written once. */
export async function writeUndo(
  parts: { store: ModelStore; records: Records; fleet: string; now: () => number },
  due: readonly DuePins[],
  traceparent: string,
): Promise<void> {
  const at = new Date(parts.now()).toISOString()
  const { fleet } = parts
  await mapBounded(due, WRITES_AT_ONCE, async ({ tenant, asked, by, why, pins }) => {
    const note = { by, why, at, undo: asked }
    await changeControls(parts, {
      tenant: tenant.tenant,
      by,
      what: 'undo',
      why,
      traceparent,
      undone: { fleet, asked },
      change: (before) => withPins(before, { tenant, pins, note }),
    })
  })
}

/** Writes the failing verdicts that a rollout calls for. One that is there already stands. */
export async function writeVerdicts(
  store: ModelStore,
  fleet: string,
  { verdicts, at }: { verdicts: readonly DueVerdict[]; at: Date },
): Promise<void> {
  await mapBounded(verdicts, WRITES_AT_ONCE, async ({ name, version, n, ...due }) => {
    const verdict: Verdict = {
      format: 1,
      n,
      pass: false,
      digest: due.digest,
      by: 'rollout',
      reason: due.reason,
      checks: [],
      files: [],
      made: digestOfFiles([]),
      fleet,
      rejectedSeq: due.rejectedSeq,
      at: at.toISOString(),
    }
    await createJson(store, verdictKey(parseServedName(name), version, n), verdict)
  })
}
