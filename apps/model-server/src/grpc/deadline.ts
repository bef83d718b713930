const TIMEOUT = /^(\d{1,8})([HMSmun])$/
const UNITS_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
}
/** Node's timers count no further. */
const TIMER_MS_MAX = 2 ** 31 - 1

/** What the header `grpc-timeout` says, in milliseconds; what cannot be read says nothing. */
export function parseTimeout(header: string): number | undefined {
  const [, digits, unit] = TIMEOUT.exec(header) ?? []
  const unitMs = unit === undefined ? undefined : UNITS_MS[unit]
  return unitMs === undefined ? undefined : Number(digits) * unitMs
}

/** Calls back at a time on the clock of `performance.now()`, if that is within a timer's reach. */
export function startTimer(deadlineMs: number, callback: () => void): NodeJS.Timeout {
  const waitMs = Math.ceil(deadlineMs - performance.now())
  return setTimeout(callback, Math.min(Math.max(waitMs, 1), TIMER_MS_MAX))
}
