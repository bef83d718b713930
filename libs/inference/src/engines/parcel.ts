// A translated model on its way from the loader thread to the one that runs it. It lies in a port of
// its own, so that the thread in between only hands it on and never unpacks it.

import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import type { TranslationData } from '@drover/saved-model'
import type { SignatureDef } from '@drover/serving-api'
import { InferenceError } from '../errors.ts'

/** A packed model, to be opened once. */
export type Parcel = MessagePort

/** Packs a model. The memory of its ONNX models goes with it. */
export function pack(translation: TranslationData): Parcel {
  const { port1, port2 } = new MessageChannel()
  const buffers = Object.values(translation.signatures).flatMap(
    ({ model }) => model?.bytes.buffer ?? [],
  )
  port1.postMessage(translation, buffers)
  return port2
}

/** Unpacks it. */
export function unpack(parcel: Parcel): TranslationData {
  const received: { message: TranslationData } | undefined = receiveMessageOnPort(parcel)
  parcel.close()
  if (received === undefined)
    throw new InferenceError('UNAVAILABLE', 'the model was lost between two threads')
  return received.message
}

/** The signatures of a translated model. */
export const signaturesOf = ({ signatures }: TranslationData): Record<string, SignatureDef> =>
  Object.fromEntries(Object.entries(signatures).map(([name, { signature }]) => [name, signature]))
