// What the control thread asks a thread that runs onnxruntime, and what they share.

import type { MessagePort } from 'node:worker_threads'
import type { Parcel } from './parcel.ts'

export type OnnxProtocol = {
  load: { ask: { model: number; parcel: Parcel }; answer: undefined }
  unload: { ask: { model: number }; answer: undefined }
  /** Calls come over this port from now on. */
  connect: { ask: { port: MessagePort }; answer: undefined }
}

/** What such a thread is started with. */
export interface OnnxThreadData {
  /** Calls of one model that may wait. */
  waitingMax: number
  /** Two models, by number: the one that is run just now and the one that is loaded, or 0. */
  suspects: Int32Array<SharedArrayBuffer>
}

export const RUNNING = 0
export const LOADING = 1
