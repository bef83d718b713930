/** What went wrong, for whoever has to decide. */
export const JobsCode = {
  /** Redis is away or does not answer in time. Nudges may be lost: a scan repairs that. */
  UNAVAILABLE: 'UNAVAILABLE',
  /** A payload that breaks its schema, or a name that is none. */
  INVALID: 'INVALID',
  /** Too much waits already. */
  FULL: 'FULL',
} as const
export type JobsCode = (typeof JobsCode)[keyof typeof JobsCode]

export class JobsError extends Error {
  override readonly name = 'JobsError'
  readonly code: JobsCode

  constructor(code: JobsCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

const REPORT_MS = 10_000
const MESSAGES_MAX = 50

/**
 * Hears of every fault and hands on the same one at most every ten seconds: a Redis that is away
 * would otherwise fill the log by itself.
 */
export function makeReporter(onError: (error: unknown) => void): (error: unknown) => void {
  const reportedAt = new Map<string, number>()
  return (error) => {
    const message = error instanceof Error ? error.message : String(error)
    const now = performance.now()
    if (now - (reportedAt.get(message) ?? Number.NEGATIVE_INFINITY) < REPORT_MS) return
    if (reportedAt.size >= MESSAGES_MAX) reportedAt.clear()
    reportedAt.set(message, now)
    onError(error)
  }
}
