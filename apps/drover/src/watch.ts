import { setTimeout as wait } from 'node:timers/promises'
import { type ModelView, type Staged, isSettled, stageOf } from './stage.ts'

const POLL_MS = 100
const POLL_MS_MANY = 250
const MANY = 4

/** Reads what the apps say of one model. */
export type ReadView = (name: string) => Promise<ModelView>

export interface WatchOptions {
  /** Called for each change of a model's stage, and once at first. */
  onStage: (name: string, staged: Staged) => void
  signal: AbortSignal
}

/**
 * Watches models until each is served, rejected or failed for good. Rejects when the signal is
 * aborted; reading fails through.
 */
export async function watchModels(
  names: readonly string[],
  read: ReadView,
  { onStage, signal }: WatchOptions,
): Promise<Map<string, Staged>> {
  const seen = new Map<string, Staged>()
  let open = [...names]
  while (open.length > 0) {
    signal.throwIfAborted()
    const views = await Promise.all(open.map(read))
    for (const view of views) {
      const staged = stageOf(view)
      const before = seen.get(view.name)
      if (before?.stage !== staged.stage || before.note !== staged.note) onStage(view.name, staged)
      seen.set(view.name, staged)
    }
    open = open.filter((name) => {
      const staged = seen.get(name)
      return staged === undefined || !isSettled(staged)
    })
    if (open.length > 0) await pause(open.length > MANY ? POLL_MS_MANY : POLL_MS, signal)
  }
  return seen
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  // The next round throws when the signal ended the wait.
  await wait(ms, undefined, { signal }).catch(() => {})
}
