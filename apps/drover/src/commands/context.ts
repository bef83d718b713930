import { type Client, makeClient } from '../client.ts'
import type { Output } from '../output.ts'
import { requireSession, type Session } from '../session.ts'

/** What every command that talks to a running Drover needs. */
export interface Context {
  home: string
  output: Output
  session: Session
  scheduler: Client
  publisher: Client
  restarter: Client
}

/** The context of a session, known or read from the folder. */
export async function openContext(home: string, output: Output, known?: Session): Promise<Context> {
  const session = known ?? (await requireSession(home))
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
