import { type Audit, auditKey, type Channel, channelKey } from '@drover/model-config'
import { createJson, type ModelStore } from '@drover/model-store'
import type { Action } from './observed.ts'

/** How many of the last moves and rejections are looked after; older ones were long ago. */
const RECORDS_MAX = 10

type Entry = Pick<Audit, 'seq' | 'what' | 'at'> & Partial<Pick<Audit, 'why' | 'before' | 'by'>>

/** Writes one audit record, once: its name derives from the object, what happened and its seq. */
export async function audit(
  store: ModelStore,
  fleet: string,
  id: string,
  entry: Entry,
): Promise<void> {
  const record: Audit = { format: 1, object: channelKey(fleet), by: 'restarter', ...entry }
  await createJson(store, auditKey(new Date(entry.at), `fleets.${fleet}.${id}`), record)
}

/** Writes the record that an action brings with it, before the action: a crash must not lose it. */
export async function auditAction(
  store: ModelStore,
  fleet: string,
  { seq }: Channel,
  { record, why }: Extract<Action, { kind: 'write' }>,
): Promise<void> {
  if (record === undefined) return
  const at = new Date().toISOString()
  await audit(store, fleet, record.id, { seq, at, what: record.what, why })
}

/**
 * Sees to it that every move of `live` and every rejection has its record, whichever process wrote
 * it and wherever that one died. Says whether there was a new one.
 */
export function makeRecorder(store: ModelStore, fleet: string) {
  const done = new Set<string>()

  return async ({ live, previous, rejected }: Channel): Promise<boolean> => {
    const lives = live === undefined ? [] : [live, ...previous].slice(0, RECORDS_MAX)
    const moves = lives.map(({ sha, seq, at }, index) => {
      const before = lives[index + 1] ?? null
      return { id: `live.${seq}`, entry: { seq, at, what: `live moved to ${sha}`, before } }
    })
    const rejections = rejected.slice(-RECORDS_MAX).flatMap(({ sha, seq, kind, why, at }) => {
      const what = `${sha} was rejected (${kind})`
      return at === undefined ? [] : [{ id: `rejected.${seq}`, entry: { seq, at, what, why } }]
    })
    const missing = [...moves, ...rejections].filter(({ id }) => !done.has(id))
    for (const { id, entry } of missing) {
      await audit(store, fleet, id, entry)
      done.add(id)
    }
    return missing.length > 0
  }
}
