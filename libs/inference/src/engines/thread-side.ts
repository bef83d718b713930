// A thread's half of its line to the control thread: see `thread.ts` for the other.

import { strict as assert } from 'node:assert'
import { parentPort, type Transferable } from 'node:worker_threads'
import { failureOf } from '../failure.ts'
import type { RequestOf, ThreadProtocol, ThreadReply, ThreadRequest } from './thread.ts'

/** An answer, and what of it is handed over. */
export interface Answer {
  result: unknown
  transfer?: Transferable[]
}

/** Answers the control thread's requests as they come, until it ends this thread. */
export function serveControl<P extends ThreadProtocol>(
  handle: (body: RequestOf<P>) => Promise<Answer>,
): void {
  const control = parentPort
  assert(control !== null, 'only a thread is asked by another')
  const send = (reply: ThreadReply, transfer: Transferable[] = []): void =>
    control.postMessage(reply, transfer)

  async function answer(id: number, body: RequestOf<P>): Promise<void> {
    try {
      const { result, transfer } = await handle(body)
      send({ kind: 'done', id, result }, transfer)
    } catch (error) {
      send({ kind: 'failed', id, failure: failureOf(error) })
    }
  }

  control.on('message', (request: ThreadRequest<RequestOf<P>>) => {
    if (request.kind === 'end') process.exit()
    void answer(request.id, request.body)
  })
  send({ kind: 'ready' })
}
