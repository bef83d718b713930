// Waits with an end.

import { InferenceError } from './errors.ts'

/** Longer timers fire at once. */
const TIMER_MS_MAX = 2 ** 31 - 1

/** A time from now on until `deadlineMs` of `performance.now()`, as timers take it. */
const timerMs = (deadlineMs: number): number =>
  Math.min(Math.max(1, Math.ceil(deadlineMs - performance.now())), TIMER_MS_MAX)

/** What `promise` settles with, or TIMEOUT when it has not by `deadlineMs` of `performance.now()`. */
export async function settledBy<T>(promise: Promise<T>, deadlineMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new InferenceError('TIMEOUT', 'its time was over before its turn came')),
      timerMs(deadlineMs),
    )
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
