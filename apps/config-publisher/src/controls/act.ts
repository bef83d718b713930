import { randomUUID } from 'node:crypto'
import {
  type Audit,
  auditKey,
  type Change,
  changeKey,
  type Controls,
  controlsKey,
} from '@drover/model-config'
import {
  createJson,
  ModelStoreCode,
  ModelStoreError,
  type ModelStore,
  swapJson,
} from '@drover/model-store'
import type { Records } from '../records.ts'

const TRIES_MAX = 20

/** A change of a tenant's pins, on record before it is made. */
export interface ControlsChange {
  tenant: string
  by: string
  what: string
  why: string
  traceparent: string
  /** The undo that it carries out: nothing is changed where that was done already. */
  undone?: { fleet: string; asked: number }
  /** The new pins; undefined when there is nothing to change. Called again when somebody else won. */
  change: (pins: Controls['pins']) => Controls['pins'] | undefined
}

/**
 * Changes a tenant's pins: first the change record, by which scans find it, then the audit, then the
 * pins by compare-and-swap. Undefined when there was nothing to change.
 */
export async function changeControls(
  { store, records, now }: { store: ModelStore; records: Records; now: () => number },
  { tenant, by, what, why, traceparent, undone, change }: ControlsChange,
): Promise<Controls | undefined> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const before = await records.controls(tenant)
    if (isUndone(before, undone)) return undefined
    const pins = change(before?.pins ?? {})
    if (pins === undefined) return undefined
    const date = new Date(now())
    const at = date.toISOString()
    const attempt = randomUUID()
    const seq = (before?.seq ?? 0) + 1
    const head = { format: 1, seq, attempt, tenant, pins } as const
    const after: Controls = { ...before, ...head, ...noteUndone(before, undone) }
    const record: Change = { format: 1, kind: 'control', tenant, at, traceparent }
    await createJson(store, changeKey(date, attempt), record)
    const object = controlsKey(tenant)
    const audit: Audit = { format: 1, object, seq, by, what, why, before: before ?? null, at }
    // The attempt parts two writers of one seq: the audit of the one whose attempt the object holds is true.
    await createJson(store, auditKey(date, `controls.${tenant}.${seq}.${attempt}`), audit)
    if (await swapJson(store, object, before?.seq, after)) return after
  }
  const message = `the pins of ${tenant} moved ${TRIES_MAX} times in a row`
  throw new ModelStoreError(ModelStoreCode.UNAVAILABLE, message)
}

/** Whether that undo, or a later one, was carried out for the tenant before. */
function isUndone(before: Controls | undefined, undone: ControlsChange['undone']): boolean {
  if (undone === undefined) return false
  return (before?.undone?.[undone.fleet] ?? -1) >= undone.asked
}

function noteUndone(before: Controls | undefined, undone: ControlsChange['undone']) {
  if (undone === undefined) return {}
  return { undone: { ...before?.undone, [undone.fleet]: undone.asked } }
}
