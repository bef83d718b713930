import { type Client, makeClient } from '../client.ts'
import type { Output } from '../output.ts'
import type { Reach } from '../session.ts'

/** What every command that talks to a running Drover needs. */
export interface Context {
  home: string
  output: Output
  session: Reach
  scheduler: Client
  publisher: Client
  restarter: Client
}

/** The context of a Drover that can be reached. */
export function openContext(home: string, output: Output, session: Reach): Context {
  const { token } = session
  return {
    home,
    output,
    session,
    scheduler: makeClient('trainer-scheduler', session.trainerScheduler, token),
    publisher: makeClient('config-publisher', session.configPublisher, token),
    restarter: makeClient('restarter', session.restarter, token),
  }
}
