/** How often one call is tried in all. */
export const TRIES_MAX = 5
const FIRST_MS = 200
const WAIT_MS_MAX = 10_000
const SPREAD = 0.5

/**
 * The wait before another try: doubled each time, bounded, and spread by half so that many clients
 * of one API server that came back do not all ask at once. `random` is in [0, 1).
 */
export function backoffMs(attempt: number, random: number): number {
  const ms = Math.min(WAIT_MS_MAX, FIRST_MS * 2 ** Math.min(attempt, 30))
  return Math.round(ms * (1 - SPREAD + SPREAD * random))
}

/** What `Retry-After` asks for, in milliseconds; undefined when it is absent or no number of seconds. */
export function retryAfterMs(header: string | undefined): number | undefined {
  if (header === undefined || !/^\d{1,6}$/.test(header)) return undefined
  return Math.min(WAIT_MS_MAX, Number(header) * 1_000)
}

/** Whether the same request may do better later. */
export const isPassing = (status: number): boolean =>
  status === 408 || status === 429 || status >= 500

/** The wait before the next try of a request that was answered so: never less than was asked for. */
export function waitMs(attempt: number, retryAfter: string | undefined, random: number): number {
  return Math.max(backoffMs(attempt, random), retryAfterMs(retryAfter) ?? 0)
}
