import { setTimeout as delay } from 'node:timers/promises'
import { reasonOf } from '@drover/basics'
import type { ModelServer } from './model-server.ts'

/** How a model server is watched; times in milliseconds. */
export interface Pulse {
  /** Between an answer and the next question. */
  everyMs: number
  /** How long an answer may take. */
  answerMs: number
  /** So many in a row that do not come mean that it is wedged. */
  missesMax: number
}

/** Notices within nine seconds what hangs, and lets a machine that is very busy answer late. */
export const PULSE: Pulse = { everyMs: 1_000, answerMs: 2_500, missesMax: 3 }

/**
 * Asks a model server for its pulse until it ends. One that runs and answers no more is told to
 * `onWedged` and killed: its end leads to the next start.
 */
export async function watchPulse(
  server: ModelServer,
  {
    pulse: { everyMs, answerMs, missesMax },
    onWedged,
  }: { pulse: Pulse; onWedged: (why: string) => void },
): Promise<void> {
  const ending = new AbortController()
  void server.ended.then(() => ending.abort())
  const { signal } = ending
  let misses = 0
  while (!signal.aborted) {
    if (misses === 0) await delay(everyMs, undefined, { signal, ref: false }).catch(() => {})
    const why = await server.admin.pulse(answerMs).then(
      () => undefined,
      (error: unknown) => reasonOf(error),
    )
    misses = why === undefined ? 0 : misses + 1
    if (why === undefined || misses < missesMax || signal.aborted) continue
    onWedged(why)
    await server.kill()
  }
}
