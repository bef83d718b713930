import { mapBounded } from '@drover/basics'
import {
  Change,
  changesHourPrefix,
  Claim,
  claimKey,
  manifestKey,
  Manifest,
} from '@drover/model-config'
import { isObjectFault, type ModelStore, readJson } from '@drover/model-store'

const HOUR_MS = 60 * 60_000
/** A record comes before its change: so long a spec, a tombstone or a pin may take to follow. */
const FOLLOW_MS = 10 * 60_000
const READS_AT_ONCE = 16
const RECORDS_MAX = 200_000

/** What a record makes the publisher look at. */
export interface Named {
  tenant: string
  model?: string | undefined
}

export interface ScanParts {
  store: ModelStore
  now: () => number
  /** Looks at a tenant; what it throws is looked at again at the next scan. */
  look: (named: Named) => Promise<void>
  onError: (error: unknown) => void
}

/**
 * Reads the change records of the last two hours. One whose object may not be there yet stays on the
 * list, for a commit until its claim's deadline, and so does one whose look failed.
 */
export function makeScan({ store, now, look, onError }: ScanParts) {
  const seen = new Set<string>()
  const open = new Map<string, Change>()

  async function readNew(hours: readonly string[]): Promise<void> {
    for (const prefix of hours) {
      const names = await store.list(prefix)
      const keys = names.map((name) => `${prefix}/${name}`).filter((key) => !seen.has(key))
      await mapBounded(keys.slice(0, RECORDS_MAX), READS_AT_ONCE, async (key) => {
        const change = await readJson(store, key, Change).catch(passOver)
        if (change !== undefined && change.kind !== 'data') open.set(key, change)
        seen.add(key)
      })
    }
    for (const key of seen) {
      if (!hours.some((prefix) => key.startsWith(`${prefix}/`))) seen.delete(key)
    }
  }

  function passOver(error: unknown): undefined {
    if (!isObjectFault(error)) throw error
    onError(error)
  }

  /** Whether what the record announces is there, or will not come any more. */
  async function isOver(change: Change): Promise<boolean> {
    const { kind, tenant, model, version, at } = change
    const followMs = Date.parse(at) + FOLLOW_MS
    if (kind !== 'commit' || model === undefined || version === undefined) return now() > followMs
    const id = { tenant, model }
    if ((await readJson(store, manifestKey(id, version), Manifest)) !== undefined) return true
    const claim = await readJson(store, claimKey(id, version), Claim)
    return now() > (claim === undefined ? followMs : Date.parse(claim.deadline))
  }

  async function settle(named: Named, records: readonly [string, Change][]): Promise<void> {
    try {
      // Asked before the look: what comes in between is then looked at once more.
      const over = await mapBounded(records, READS_AT_ONCE, async ([key, change]) =>
        (await isOver(change)) ? [key] : [],
      )
      await look(named)
      for (const key of over.flat()) open.delete(key)
    } catch (error) {
      onError(error)
    }
  }

  return {
    /** How many records are waited for. */
    get waiting() {
      return open.size
    },

    async run(stop: AbortSignal): Promise<void> {
      const hours = [-2, -1, 0, 1].map((hour) =>
        changesHourPrefix(new Date(now() + hour * HOUR_MS)),
      )
      await readNew(hours)
      const bySubject = new Map<string, { named: Named; records: [string, Change][] }>()
      for (const [key, change] of open) {
        const { tenant, model } = change
        const subject = `${tenant}.${model ?? ''}`
        const group = bySubject.get(subject) ?? { named: { tenant, model }, records: [] }
        group.records.push([key, change])
        bySubject.set(subject, group)
      }
      await mapBounded([...bySubject.values()], READS_AT_ONCE, async ({ named, records }) => {
        if (!stop.aborted) await settle(named, records)
      })
    },
  }
}

export type Scan = ReturnType<typeof makeScan>
