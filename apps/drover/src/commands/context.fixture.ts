import { makeClient } from '../client.ts'
import { makeOutput } from '../output.ts'
import type { Context } from './context.ts'

/**
 * A context whose apps all are at one address. `lines`: results as JSON, and progress. `text`: the last
 * result as a person sees it.
 */
export function contextOf(url: string): {
  context: Context
  lines: string[]
  text: () => readonly string[]
} {
  const client = makeClient('app', url, 'secret')
  const lines: string[] = []
  let text: readonly string[] = []
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
      result: (value, said) => {
        lines.push(JSON.stringify(value))
        text = said
      },
      progress: (line) => lines.push(line),
    },
  }
  return { context, lines, text: () => text }
}
