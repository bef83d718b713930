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
 * Answers the parent's requests one after the other until the channel closes, or until there is a
 * reason to begin anew between two of them, and then ends the process. Signals are the parent's
 * business: at Ctrl-C it may have requests to finish.
 */
export function serveParent(
  handle: (body: unknown) => Promise<unknown>,
  reasonToEnd: () => string | undefined = () => undefined,
): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
  process.on('disconnect', () => process.exit(0))
  new Worker(ORPHAN_CHECK, { eval: true }).unref()
  let last: Promise<unknown> = Promise.resolve()
  process.on('message', (message) => {
    const { id, body } = Envelope.parse(message)
    last = answerAfter(last, async () => {
      void send({ kind: 'begun', id })
      // The next request may keep this thread for long: the answer must have left before it.
      await send(await answer(id, handle, body))
      const reason = reasonToEnd()
      if (reason === undefined) return
      process.stderr.write(reason)
      process.exit()
    })
  })
  void send({ kind: 'ready' })
}

async function answerAfter(last: Promise<unknown>, next: () => Promise<void>): Promise<void> {
  await last
  await next()
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

/** Resolves when the reply has left; one that cannot leave has nobody to read it. */
async function send(reply: Reply): Promise<void> {
  await new Promise<void>((resolve) => {
    if (process.send === undefined) resolve()
    else process.send(reply, () => resolve())
  })
}
