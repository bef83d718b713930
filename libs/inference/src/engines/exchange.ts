// The control thread's end of the lines of all threads: see `line.ts` for the other.

import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { type ConnectRequest, type LineMessage } from './line.ts'
import type { RunQueue } from './run-queue.ts'

/** Gives a port to a thread that runs models: now, later when it has started, or never. */
export type Connect = (thread: number, port: MessagePort) => 'now' | 'later' | 'never'

/** Connects threads that ask models with those that run them. */
export class Exchange {
  readonly #tensorflow: RunQueue
  readonly #connect: Connect
  /** Of each line, the threads that it asked for. */
  readonly #lines = new Map<MessagePort, Set<number>>()
  #isClosed = false

  constructor(tensorflow: RunQueue, connect: Connect) {
    this.#tensorflow = tensorflow
    this.#connect = connect
  }

  /** The far end of a new line. */
  open(): MessagePort {
    const { port1, port2 } = new MessageChannel()
    if (this.#isClosed) {
      port1.close()
      return port2
    }
    this.#lines.set(port1, new Set())
    port1.on('message', (message: ConnectRequest | ArrayBuffer) => {
      if (message instanceof ArrayBuffer) this.#tensorflow.receive(port1, message)
      else {
        this.#lines.get(port1)?.add(message.connect)
        this.#offer(port1, message.connect)
      }
    })
    port1.once('close', () => this.#lines.delete(port1))
    // Other threads' questions do not keep this one alive.
    port1.unref()
    return port2
  }

  /** To be called when a thread has started: gives whoever asked for it a port to it. */
  started(thread: number): void {
    for (const [line, asked] of this.#lines) if (asked.has(thread)) this.#offer(line, thread)
  }

  /** To be called when a thread has ended for good. */
  left(thread: number): void {
    for (const line of this.#lines.keys()) this.#leave(line, thread)
  }

  #offer(line: MessagePort, thread: number): void {
    const { port1, port2 } = new MessageChannel()
    const when = this.#connect(thread, port2)
    if (when === 'now')
      line.postMessage({ connected: thread, port: port1 } satisfies LineMessage, [port1])
    else port1.close()
    if (when === 'never') this.#leave(line, thread)
  }

  #leave(line: MessagePort, thread: number): void {
    if (this.#lines.get(line)?.delete(thread) === true)
      line.postMessage({ left: thread } satisfies LineMessage, [])
  }

  /** Closes all lines, and those to come: what waits on them is UNAVAILABLE. */
  close(): void {
    this.#isClosed = true
    for (const line of this.#lines.keys()) line.close()
  }
}
