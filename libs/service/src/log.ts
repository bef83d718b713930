import { type Logger, pino } from 'pino'

export type Log = Logger

/** The log of one app: JSON lines on stdout. Constant messages, variable fields. */
export function makeLog(name: string): Log {
  return pino({ name, redact: ['token', '*.token', '*.authorization'] })
}
