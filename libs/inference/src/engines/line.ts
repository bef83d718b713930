// A thread's line to the control thread, one for all models of the same engines: over it come the
// ports to the threads that run them, and calls to TensorFlow go over it.

import type { MessagePort } from 'node:worker_threads'
import { Route } from './route.ts'
import type { CallFailure } from './run-queue.ts'

/** The number of the control thread, where TensorFlow is reached. */
export const CONTROL = 0

/** Asks the control thread for a port to a thread. */
export interface ConnectRequest {
  connect: number
}

/** What the control thread sends over a line, beside answers. */
export type LineMessage = { connected: number; port: MessagePort } | { left: number }

/** One for each set of engines that this thread has models of. */
const lines = new Map<string, Line>()

/**
 * The line to some engines. The first port that comes becomes the line; those that come with further
 * models are not needed.
 */
export function lineTo(engines: string, port: MessagePort): Line {
  const found = lines.get(engines)
  if (found !== undefined) {
    port.close()
    return found
  }
  const line = new Line(port, () => {
    if (lines.get(engines) === line) lines.delete(engines)
  })
  lines.set(engines, line)
  return line
}

/** See the head of the file. */
class Line {
  readonly #port: MessagePort
  readonly #routes = new Map<number, Route>()
  readonly #onClose: () => void
  #users = 0

  constructor(port: MessagePort, onClose: () => void) {
    this.#port = port
    this.#onClose = onClose
    const control = new Route()
    this.#routes.set(CONTROL, control)
    port.on('message', (message: LineMessage | ArrayBuffer | CallFailure) => {
      if ('connected' in message) this.#connect(message.connected, message.port)
      else if ('left' in message) this.#forget(message.left)
      else control.receive(message)
    })
    control.connect(port)
    port.once('close', () => {
      this.#onClose()
      for (const route of this.#routes.values()) route.lose('the engines have ended')
    })
  }

  #connect(thread: number, port: MessagePort): void {
    const route = this.#routes.get(thread)
    if (route === undefined) return port.close()
    port.on('message', (message: ArrayBuffer | CallFailure) => route.receive(message))
    route.connect(port)
  }

  #forget(thread: number): void {
    this.#routes.get(thread)?.close()
    this.#routes.delete(thread)
  }

  /** The way to a thread; it is asked for at the first time. */
  routeTo(thread: number): Route {
    const found = this.#routes.get(thread)
    if (found !== undefined) return found
    const route = new Route()
    this.#routes.set(thread, route)
    this.#port.postMessage({ connect: thread } satisfies ConnectRequest, [])
    return route
  }

  /** Counts a model that uses the line. */
  take(): void {
    this.#users++
  }

  /** Counts it off; the last one closes the line. */
  leave(): void {
    if (--this.#users > 0) return
    this.#onClose()
    for (const route of this.#routes.values()) route.close()
  }
}
