import { type ModelChoice, type SignatureDef, writeMetadata } from '@drover/serving-api'
import { type Core, type Found, toldSignatures } from '../serving/core.ts'

/** Tensors whose metadata takes about 2 ms to write. */
const TENSORS_HERE_MAX = 200

/** By version, as long as that is there: about as large as the signatures that it holds anyway. */
const written = new WeakMap<Found, Uint8Array>()

/** Whether metadata would hold a thread that listens for too long. */
export const isLongMetadata = ({ signatures }: Found): boolean =>
  Object.values(signatures).reduce((sum, each) => sum + tensorsOf(each), 0) > TENSORS_HERE_MAX

const tensorsOf = ({ inputs, outputs }: SignatureDef): number =>
  Object.keys(inputs).length + Object.keys(outputs).length

/** The metadata of a version, which is written once. Throws `ServingError`. */
export async function metadataOf(core: Core, model: ModelChoice): Promise<Uint8Array> {
  const found = await core.find(model)
  const body = written.get(found) ?? writeMetadata(found, toldSignatures(found))
  written.set(found, body)
  // What is kept must not move to another thread.
  return new Uint8Array(body)
}
