import { type DestinationStream, type Logger, pino } from 'pino'

export type Log = Logger

const STDOUT = 1

/**
 * The log of one app: JSON lines on stdout. Constant messages, variable fields. Each line is out
 * when the call returns, so that none is lost, doubled or out of order when the process ends.
 * Tests that read it give another place to write to.
 */
export function makeLog(
  name: string,
  destination: DestinationStream = pino.destination({ dest: STDOUT, sync: true }),
): Log {
  const redact = ['token', '*.token', '*.authorization']
  return pino({ name, redact }, destination)
}
