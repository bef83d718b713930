// Metadata of a version, which says the same whenever it is asked for.

import type { SignatureDef } from '@drover/serving-api'
import type { Found } from './core.ts'

/** Tensors whose metadata takes about 2 ms to write. */
const TENSORS_HERE_MAX = 200

/** Whether metadata would hold a thread that listens for too long. */
export const isLongMetadata = ({ signatures }: Found): boolean =>
  Object.values(signatures).reduce((sum, each) => sum + tensorsOf(each), 0) > TENSORS_HERE_MAX

const tensorsOf = ({ inputs, outputs }: SignatureDef): number =>
  Object.keys(inputs).length + Object.keys(outputs).length

const kept = new WeakSet<Uint8Array>()

/** Whether these bytes are for others too: they must neither be changed nor move to another thread. */
export const isKept = (bytes: Uint8Array): boolean => kept.has(bytes)

/** Writes once for a version, and keeps that as long as it is there: about as large as its signatures. */
export function writtenOnce(write: (found: Found) => Uint8Array): (found: Found) => Uint8Array {
  const written = new WeakMap<Found, Uint8Array>()
  return (found) => {
    const known = written.get(found)
    if (known !== undefined) return known
    const bytes = write(found)
    written.set(found, bytes)
    kept.add(bytes)
    return bytes
  }
}
