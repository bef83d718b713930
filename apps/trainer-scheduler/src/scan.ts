import { mapBounded } from '@drover/basics'
import {
  Change,
  changeKey,
  changesHourPrefix,
  type ModelId,
  type Tenant,
  tenantsPrefix,
} from '@drover/model-config'
import { ModelStoreCode, ModelStoreError, type ModelStore, readJson } from '@drover/model-store'
import { readTenant } from './observe.ts'

const HOUR_MS = 3_600_000
const HOURS_READ = 3
/** How long a change is waited for after its record was written. */
const PENDING_MS_MAX = 600_000
const TENANTS_AT_ONCE = 8

/** A look at one model; its own faults stay its own, and only a store that is away throws. */
export type Look = (model: ModelId) => Promise<void>

/** What scans are made with. */
export interface ScanParts {
  store: ModelStore
  look: Look
  /** Hears of objects that are passed over, because they cannot be read. */
  onSkipped: (error: unknown, about: { tenant: string } | { change: string }) => void
}

/** Looks at every model of every tenant, until the signal. */
export async function scanAll(
  { store, look, onSkipped }: ScanParts,
  stop: AbortSignal,
): Promise<void> {
  const names = await store.list(tenantsPrefix)
  await mapBounded(names, TENANTS_AT_ONCE, async (name) => {
    if (stop.aborted) return
    const id = name.replace(/\.json$/, '')
    try {
      const tenant = await readTenant(store, id)
      if (tenant !== undefined) await lookAtModels(tenant, look)
    } catch (error) {
      onSkipped(unlessAway(error), { tenant: id })
    }
  })
}

/** One object that cannot be read must not stop the scan of the others; a store that is away does. */
function unlessAway(error: unknown): unknown {
  if (error instanceof ModelStoreError && error.code === ModelStoreCode.UNAVAILABLE) throw error
  return error
}

async function lookAtModels(tenant: Tenant, look: Look): Promise<void> {
  for (const model of Object.keys(tenant.spec.models)) await look({ tenant: tenant.tenant, model })
}

/**
 * Looks at the tenants of the last two hours' change records. A record whose change is not there
 * yet is looked at again the next time, for ten minutes. One that cannot be read is passed over.
 */
export function makeChangeScan({ store, look, onSkipped }: ScanParts) {
  let settled = new Set<string>()

  return async (now: number): Promise<void> => {
    const ids = await listChanges(store, now)
    const before = settled
    // Only what is still listed is remembered, so this does not grow.
    settled = new Set(ids.filter(({ id }) => before.has(id)).map(({ id }) => id))
    const open = ids.filter(({ id }) => !before.has(id))
    await mapBounded(open, TENANTS_AT_ONCE, async ({ id, at }) => {
      try {
        if (await follow(store, look, { id, at, now })) settled.add(id)
      } catch (error) {
        onSkipped(unlessAway(error), { change: id })
        settled.add(id)
      }
    })
  }
}

async function listChanges(store: ModelStore, now: number): Promise<{ id: string; at: Date }[]> {
  const hours = Array.from({ length: HOURS_READ }, (_, back) => new Date(now - back * HOUR_MS))
  const lists = await Promise.all(
    hours.map(async (at) => {
      const names = await store.list(changesHourPrefix(at))
      return names.map((name) => ({ id: name.replace(/\.json$/, ''), at }))
    }),
  )
  return lists.flat()
}

/** True: there is nothing more to be seen behind this record. */
async function follow(
  store: ModelStore,
  look: Look,
  { id, at, now }: { id: string; at: Date; now: number },
): Promise<boolean> {
  const change = await readJson(store, changeKey(at, id), Change)
  if (change === undefined || change.kind !== 'spec') return true
  const tenant = await readTenant(store, change.tenant)
  const writtenAt = Date.parse(change.at)
  const isThere = tenant !== undefined && Date.parse(tenant.changedAt) >= writtenAt
  if (tenant !== undefined && !tenant.tombstone) await lookAtModels(tenant, look)
  return isThere || now - writtenAt > PENDING_MS_MAX
}
