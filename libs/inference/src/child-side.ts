// The child's half of a process of this lib: see `child.ts` for the parent's.

import { Worker } from 'node:worker_threads'
import { failureOf } from './failure.ts'
import { Envelope, type Reply } from './messages.ts'

/** A graph that never returns keeps this process from noticing that its parent is gone. */
const ORPHAN_CHECK = `
  const parent = process.ppid
  setInterval(() => process.ppid === parent || process.kill(process.pid, 'SIGKILL'), 500)
`

/**
 * Answers the parent's requests one after the other until the channel closes, and then ends the
 * process. Signals are the parent's business: at Ctrl-C it may have requests to finish.
 */
export function serveParent(handle: (body: unknown) => Promise<unknown>): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
  process.on('disconnect', () => process.exit(0))
  new Worker(ORPHAN_CHECK, { eval: true }).unref()
  let last: Promise<unknown> = Promise.resolve()
  process.on('message', (message) => {
    const { id, body } = Envelope.parse(message)
    last = last.then(async () => send(await answer(id, handle, body)))
  })
  send({ kind: 'ready' })
}

async function answer(
  id: number,
  handle: (body: unknown) => Promise<unknown>,
  body: unknown,
): Promise<Reply> {
  try {
    return { kind: 'done', id, result: await handle(body) }
  } catch (error) {
    return { kind: 'failed', id, ...failureOf(error) }
  }
}

function send(reply: Reply): boolean | undefined {
  return process.send?.(reply)
}
