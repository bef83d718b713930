// Whom the control thread tells what is served.

import type { Transferable, Worker } from 'node:worker_threads'
import type { ServedMessage, ServingProtocol } from '../serving/messages.ts'
import type { Channel } from './channel.ts'

/** Telling a thread of a model: it only puts it into its table. */
const SERVE_MS_MAX = 30_000

/** A serving thread or the lane. */
export interface Thread {
  name: string
  worker: Worker
  channel: Channel<ServingProtocol>
  hasEnded: boolean
}

/** Who is told what is served. */
export interface Target {
  serve: (message: ServedMessage, transfer: Transferable[]) => Promise<void>
  release: (load: number, msMax: number) => Promise<void>
  /** The loads that it was told of. */
  known: Set<number>
}

/** What a thread does; undefined if it ended before it was done. */
export async function unlessEnded<T>(
  thread: Thread,
  work: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    if (thread.hasEnded) return undefined
    throw error
  }
}

/** The models of a thread; nothing is to be told any more to one that has ended. */
export const targetIn = (thread: Thread): Target => ({
  serve: async (message, transfer) =>
    await unlessEnded(
      thread,
      async () => await thread.channel.ask('serve', message, { msMax: SERVE_MS_MAX, transfer }),
    ),
  release: async (load, msMax) =>
    await unlessEnded(thread, async () => await thread.channel.ask('release', { load }, { msMax })),
  known: new Set(),
})
