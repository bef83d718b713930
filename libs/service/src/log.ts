import { type Logger, pino } from 'pino'

export type Log = Logger

const STDOUT = 1

/**
 * The log of one app: JSON lines on stdout. Constant messages, variable fields. Each line is out
 * when the call returns, so that none is lost, doubled or out of order when the process ends.
 */
export function makeLog(name: string): Log {
  const redact = ['token', '*.token', '*.authorization']
  return pino({ name, redact }, pino.destination({ dest: STDOUT, sync: true }))
}
