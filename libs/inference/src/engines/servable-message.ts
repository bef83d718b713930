// How a loaded model is told of to another thread, and opened there.

import type { MessagePort } from 'node:worker_threads'
import type { SignatureDef } from '@drover/serving-api'
import { InferenceError } from '../errors.ts'
import type { KernelMessage } from '../kernel/types.ts'
import { CheckedServable, type Engine, type Servable, servableOf } from '../servable.ts'
import { openKernels } from '../kernel/engine.ts'
import { toShared } from './clock.ts'
import { lineTo } from './line.ts'
import { placesOf } from './wire.ts'

/** A model for one other thread, which must open it: it may hold a port. */
export type ServableMessage = RemoteMessage | KernelServableMessage

/** A model that runs in whatever thread opens it. */
export interface KernelServableMessage {
  engine: 'kernel'
  /** Bytes of its files. */
  sizeBytes: number
  kernel: KernelMessage
}

/** A model that runs elsewhere. */
export interface RemoteMessage {
  engine: 'onnx' | 'tensorflow'
  signatures: Readonly<Record<string, SignatureDef>>
  /** Bytes of its files. */
  sizeBytes: number
  /** Which `Engines` it is of. */
  engines: string
  /** The number of the thread that runs it. */
  thread: number
  model: number
  /** A line to the control thread; see `line.ts`. */
  line: MessagePort
}

/**
 * Opens a model that another thread has loaded. To close it ends this thread's part only. Requests
 * throw UNAVAILABLE when the thread or process that runs it ends or too much waits for it already,
 * and TIMEOUT at their deadline.
 */
export function openServable(message: ServableMessage): Servable {
  if (message.engine !== 'kernel')
    return servableOf(openRemote(message), message.signatures, message.sizeBytes)
  const engine = openKernels(message.kernel)
  return new CheckedServable(engine, engine, message.sizeBytes)
}

function openRemote(message: RemoteMessage): Engine {
  const { engine, engines, thread, model, signatures, line: port } = message
  const line = lineTo(engines, port)
  line.take()
  const route = line.routeTo(thread)
  const places = new Map(placesOf(signatures).map((each) => [each.signature, each]))
  let isOpen = true
  return {
    name: engine,
    async run(name, inputs, { outputs, deadlineMs } = {}) {
      const signature = places.get(name)
      if (!isOpen || signature === undefined)
        throw new InferenceError('UNAVAILABLE', 'the model is closed')
      const deadline = deadlineMs === undefined ? Infinity : toShared(deadlineMs)
      return await route.ask({ model, deadline }, { signature, inputs, outputs })
    },
    async close() {
      if (isOpen) line.leave()
      isOpen = false
    },
  }
}
