import { ServingError } from '../errors.ts'
import { crc32c, maskedCrc32c } from '../crc32c.ts'

/** Length, checksum of it, bytes, checksum of them. */
const LENGTH_BYTES = 8
const CHECKSUM_BYTES = 4
const HEAD_BYTES = LENGTH_BYTES + CHECKSUM_BYTES

const damaged = (what: string, at: number): ServingError =>
  new ServingError(
    'DATA_LOSS',
    `${what} record at ${at}. Please verify your warmup data is in TFRecord format.`,
  )

/** The records of a TFRecord file, in place. Throws DATA_LOSS at one that is cut off or was changed. */
export function* readTfRecords(file: Uint8Array): Generator<Uint8Array, void> {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  let at = 0
  while (at < file.length) {
    const start = at
    if (file.length - at < HEAD_BYTES) throw damaged('truncated', start)
    const isHeadWhole =
      maskedCrc32c(crc32c(file.subarray(at, at + LENGTH_BYTES))) ===
      view.getUint32(at + LENGTH_BYTES, true)
    if (!isHeadWhole) throw damaged('corrupted', start)
    const length = Number(view.getBigUint64(at, true))
    at += HEAD_BYTES
    if (length + CHECKSUM_BYTES > file.length - at) throw damaged('truncated', start)
    const record = file.subarray(at, at + length)
    at += length
    if (maskedCrc32c(crc32c(record)) !== view.getUint32(at, true)) throw damaged('corrupted', start)
    at += CHECKSUM_BYTES
    yield record
  }
}

/** The file of these records. */
export function writeTfRecords(records: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const frame = HEAD_BYTES + CHECKSUM_BYTES
  const file = new Uint8Array(records.reduce((sum, { length }) => sum + frame + length, 0))
  const view = new DataView(file.buffer)
  let at = 0
  for (const record of records) {
    view.setBigUint64(at, BigInt(record.length), true)
    const head = maskedCrc32c(crc32c(file.subarray(at, at + LENGTH_BYTES)))
    view.setUint32(at + LENGTH_BYTES, head, true)
    at += HEAD_BYTES
    file.set(record, at)
    at += record.length
    view.setUint32(at, maskedCrc32c(crc32c(record)), true)
    at += CHECKSUM_BYTES
  }
  return file
}
