import { makeClient } from '../client.ts'
import { makeOutput } from '../output.ts'
import type { Context } from './context.ts'

/** A context whose apps all are at one address; results and progress become lines. */
export function contextOf(url: string): { context: Context; lines: string[] } {
  const client = makeClient('app', url, 'secret')
  const lines: string[] = []
  const context: Context = {
    home: '',
    session: {
      servers: [],
      token: 'secret',
      trainerScheduler: url,
      configPublisher: url,
      restarter: url,
    },
    scheduler: client,
    publisher: client,
    restarter: client,
    output: {
      ...makeOutput(true),
      result: (value) => lines.push(JSON.stringify(value)),
      progress: (line) => lines.push(line),
    },
  }
  return { context, lines }
}
