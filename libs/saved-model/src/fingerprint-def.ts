// `fingerprint.pb`: what tells a SavedModel from others. TensorFlow's loaders count and log it, compare nothing with
// it, and load a model without one or with a damaged one.

import { FIELDS } from './generated/fields.ts'
import { readFields, type WireField } from './wire.ts'

const { FingerprintDef: FINGERPRINT, VersionDef: VERSION } = FIELDS

/** The hashes as numbers without a sign, in decimal, as Python prints them. */
export interface Fingerprint {
  savedModelChecksum: string
  graphDefProgramHash: string
  signatureDefHash: string
  savedObjectGraphHash: string
  checkpointHash: string
  uuid: string
  /** Of the way in which it was made. */
  version: number
}

/** Reads a FingerprintDef. Throws `SavedModelError` for what is none. */
export function readFingerprint(bytes: Uint8Array): Fingerprint {
  const known = new Map<number, WireField>()
  for (const field of readFields(bytes)) known.set(field.number, field)
  const hash = (number: number): string => `${BigInt.asUintN(64, known.get(number)?.int ?? 0n)}`
  let version = 0
  for (const field of readFields(known.get(FINGERPRINT.version)?.bytes ?? new Uint8Array()))
    if (field.number === VERSION.producer) version = Number(field.int)
  return {
    savedModelChecksum: hash(FINGERPRINT.saved_model_checksum),
    graphDefProgramHash: hash(FINGERPRINT.graph_def_program_hash),
    signatureDefHash: hash(FINGERPRINT.signature_def_hash),
    savedObjectGraphHash: hash(FINGERPRINT.saved_object_graph_hash),
    checkpointHash: hash(FINGERPRINT.checkpoint_hash),
    uuid: known.get(FINGERPRINT.uuid)?.text ?? '',
    version,
  }
}
