const BACKOFF_MS_MIN = 1_000
const DOUBLINGS_MAX = 30

/** How a version that fails to load is tried again. */
export interface RetryPolicy {
  /** So often at the same pace, as `--max_num_load_retries` has it; then at a falling one. */
  retries: number
  /** The pace. */
  retryMs: number
  /** The longest pause. */
  retryMsMax: number
}

/** How long to wait after so many failures in a row. */
export function retryDelayMs(failures: number, { retries, retryMs, retryMsMax }: RetryPolicy) {
  if (failures <= retries) return Math.min(retryMs, retryMsMax)
  const doublings = Math.min(failures - retries, DOUBLINGS_MAX)
  return Math.min(Math.max(retryMs, BACKOFF_MS_MIN) * 2 ** doublings, retryMsMax)
}
