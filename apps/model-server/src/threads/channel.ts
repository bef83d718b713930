// Questions and answers between two threads of this process. Both sides are ours and are built
// together, so what crosses is typed by a protocol and not checked again.

import type { MessagePort, Transferable, Worker } from 'node:worker_threads'
import { ServingError, type StatusCode } from '@drover/serving-api'

const WAITING_MAX = 100_000
const ANSWER_MS_MAX = 60_000
/** Longer timers fire at once. */
const TIMER_MS_MAX = 2 ** 31 - 1

/** What one side answers: by name, the question and the answer. */
export interface Protocol {
  [name: string]: { ask: unknown; answer: unknown }
}

/** One function for each question of a protocol. */
export type Handlers<P extends Protocol> = {
  [Name in keyof P]: (ask: P[Name]['ask']) => P[Name]['answer'] | Promise<P[Name]['answer']>
}

export interface AskOptions {
  /** How long the answer may take; then it is DEADLINE_EXCEEDED. */
  msMax?: number
  transfer?: Transferable[]
}

/** The other side of a port. */
export interface Channel<P extends Protocol> {
  /** Throws what the other side threw; UNAVAILABLE when it ended or too much waits for it. */
  ask<Name extends keyof P & string>(
    name: Name,
    ask: P[Name]['ask'],
    options?: AskOptions,
  ): Promise<P[Name]['answer']>
}

type Message =
  | { kind: 'ask'; id: number; name: string; ask: unknown }
  | { kind: 'answer'; id: number; answer: unknown }
  | { kind: 'failed'; id: number; failure: Failure }

interface Failure {
  code: StatusCode | undefined
  message: string
  retryAfterS: number | undefined
}

interface Waiting {
  resolve: (answer: unknown) => void
  reject: (error: Error) => void
  timer: NodeJS.Timeout
}

/**
 * Speaks over a port: answers what the other side asks by `handlers`, and asks it in turn. What
 * `transferOf` finds in an answer moves to the other side uncopied.
 */
export function openChannel<Mine extends Protocol, Theirs extends Protocol>(
  port: MessagePort | Worker,
  handlers: Handlers<Mine>,
  transferOf: (answer: unknown) => Transferable[] = () => [],
): Channel<Theirs> {
  const waiting = new Map<number, Waiting>()
  let lastId = 0
  let hasEnded = false

  const settle = (id: number): Waiting | undefined => {
    const found = waiting.get(id)
    waiting.delete(id)
    clearTimeout(found?.timer)
    return found
  }

  async function answer(id: number, name: string, ask: unknown): Promise<void> {
    try {
      const handler = handlers[name]
      if (handler === undefined) throw new Error(`nobody answers ${name}`)
      const made = await handler(ask)
      port.postMessage({ kind: 'answer', id, answer: made } satisfies Message, transferOf(made))
    } catch (error) {
      port.postMessage({ kind: 'failed', id, failure: failureOf(error) } satisfies Message)
    }
  }

  port.on('message', (message: Message) => {
    switch (message.kind) {
      case 'ask':
        return void answer(message.id, message.name, message.ask)
      case 'answer':
        return settle(message.id)?.resolve(message.answer)
      case 'failed':
        return settle(message.id)?.reject(errorOf(message.failure))
    }
  })
  const end = (): void => {
    hasEnded = true
    for (const id of waiting.keys()) settle(id)?.reject(ended())
  }
  port.once('close', end)
  port.once('exit', end)

  return {
    ask: async (name, ask, { msMax = ANSWER_MS_MAX, transfer = [] } = {}) =>
      await new Promise<unknown>((resolve, reject) => {
        if (hasEnded) return reject(ended())
        if (waiting.size >= WAITING_MAX)
          return reject(new ServingError('UNAVAILABLE', `${waiting.size} questions wait already`))
        const id = ++lastId
        const timer = setTimeout(
          () =>
            settle(id)?.reject(
              new ServingError('DEADLINE_EXCEEDED', `${name} took more than ${msMax} ms`),
            ),
          Math.min(msMax, TIMER_MS_MAX),
        )
        waiting.set(id, { resolve, reject, timer })
        port.postMessage({ kind: 'ask', id, name, ask } satisfies Message, transfer)
      }),
  }
}

const ended = (): ServingError => new ServingError('UNAVAILABLE', 'the thread has ended')

function failureOf(error: unknown): Failure {
  return error instanceof ServingError
    ? { code: error.code, message: error.message, retryAfterS: error.retryAfterS }
    : {
        code: undefined,
        message: error instanceof Error ? error.message : String(error),
        retryAfterS: undefined,
      }
}

function errorOf({ code, message, retryAfterS }: Failure): Error {
  return code === undefined
    ? new Error(message)
    : new ServingError(code, message, retryAfterS === undefined ? {} : { retryAfterS })
}
