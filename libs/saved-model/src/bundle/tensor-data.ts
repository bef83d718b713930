// The values of one tensor in a data file. Numbers are little-endian and in row-major order. Texts are
// the lengths of all as varints, a checksum of these, and the bytes of all.

import { Buffer } from 'node:buffer'
import {
  crc32c,
  maskedCrc32c,
  bytesOf,
  bytesOfType,
  type DataType,
  isDataType,
  type NumericTensor,
  sizeOf,
  type Tensor,
  tensorOfBytes,
} from '@drover/serving-api'
import { SavedModelError } from '../errors.ts'
import { ByteReader, damaged } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'
import type { StoredValues } from './entry.ts'
import type { Shards } from './shards.ts'
import { CHECKSUM_BYTES } from './table.ts'

/** What one array of bytes holds in every Node.js that is supported. */
export const TENSOR_BYTES_MAX = 2 ** 32 - 1

/** Numbers that have been read and checked: Keras writes each variable twice, under two names. */
export class KnownNumbers {
  readonly #tensors = new Map<string, NumericTensor>()

  /** Those of an entry with these bytes. */
  find(entry: StoredValues, bytes: Uint8Array): Tensor | undefined {
    const known = this.#tensors.get(keyOf(entry))
    return known && Buffer.compare(bytesOf(known), bytes) === 0 ? known : undefined
  }

  add(entry: StoredValues, tensor: NumericTensor): void {
    this.#tensors.set(keyOf(entry), tensor)
  }
}

/** The same for all that may be the same. */
const keyOf = ({ dtype, shape, crc32c: sum }: StoredValues): string =>
  `${dtype} ${shape.join()} ${sum}`

/**
 * Reads and checks the values of one entry, or gives those that are known to be the same; `what` names it
 * in refusals.
 */
export function readValues(
  what: string,
  entry: StoredValues,
  { shards, known }: { shards: Shards; known?: KnownNumbers },
): Tensor {
  const dtype = checkPlace(what, entry, shards)
  const { shape, shardId, offset, size } = entry
  const bytes = shards.read(shardId, offset, size)
  if (bytes.length !== size) throw damaged(`the shard ${shardId} ended while ${what} was read`)
  if (dtype === 'DT_STRING') return { dtype, shape, values: readTexts(what, entry, bytes) }
  const same = known?.find(entry, bytes)
  if (same !== undefined) return same
  checkSum(what, entry, crc32c(bytes))
  const isAligned = bytes.byteOffset % bytesOfType(dtype) === 0
  const tensor = tensorOfBytes(dtype, shape, isAligned ? bytes : new Uint8Array(bytes))
  known?.add(entry, tensor)
  return tensor
}

/** Sees that the values fit their shape and their shard, before any of them is read. */
export function checkPlace(what: string, entry: StoredValues, shards: Shards): DataType {
  const { dtype, shape, shardId, offset, size } = entry
  if (!isDataType(dtype))
    throw new SavedModelError('UNTRANSLATABLE', `${what} is of ${dtype}, which is not carried`)
  const count = sizeOf(shape)
  const isFit =
    dtype === 'DT_STRING' ? size >= count + CHECKSUM_BYTES : size === count * bytesOfType(dtype)
  if (!isFit)
    throw damaged(`${what} has ${size} bytes, which is no ${dtype} of shape [${shape.join(', ')}]`)
  if (size > TENSOR_BYTES_MAX) throw new SavedModelError('TOO_LARGE', `${what} has ${size} bytes`)
  const shardSize = shards.size(shardId)
  if (shardSize === undefined) throw damaged(`${what} is in the shard ${shardId}, which is missing`)
  if (offset + size > shardSize)
    throw damaged(
      `${what} has ${size} bytes at ${offset} of the shard ${shardId}, which has ${shardSize}`,
    )
  return dtype
}

function checkSum(what: string, { shardId, crc32c: stored }: StoredValues, crc: number): void {
  if (maskedCrc32c(crc) !== stored)
    throw damaged(`${what}, in the shard ${shardId}, does not have the checksum of the index`)
}

const NO_BYTES = new Uint8Array()

/** The texts are views of these bytes. */
function readTexts(what: string, entry: StoredValues, bytes: Uint8Array): Uint8Array[] {
  const reader = new ByteReader(bytes, what)
  const lengths = new Uint32Array(sizeOf(entry.shape))
  let left = bytes.length - CHECKSUM_BYTES
  for (let index = 0; index < lengths.length; index++) {
    const length = reader.varint()
    left -= length
    if (left < 0) throw damaged(`${what} has longer texts than bytes`)
    lengths[index] = length
  }
  const lengthsCrc = crc32c(new Uint8Array(lengths.buffer))
  const stored = reader.take(CHECKSUM_BYTES)
  if (new ByteReader(stored, what).uint32() !== maskedCrc32c(lengthsCrc))
    throw damaged(`the lengths of ${what} do not have the checksum that is stored with them`)
  const start = reader.at
  const spare = left + CHECKSUM_BYTES - start
  if (spare < 0) throw damaged(`${what} has longer texts than bytes`)
  if (spare > 0) throw damaged(`${what} has bytes behind its texts`)
  checkSum(what, entry, crc32c(bytes.subarray(start), crc32c(stored, lengthsCrc)))
  const values: Uint8Array[] = []
  let at = bytes.byteOffset + start
  for (const length of lengths) {
    values.push(length === 0 ? NO_BYTES : new Uint8Array(bytes.buffer, at, length))
    at += length
  }
  return values
}

/** The values as they are stored, in pieces that are not copied, with their masked checksum. */
export function storedBytes(tensor: Tensor): { parts: Uint8Array[]; crc32c: number } {
  if (tensor.dtype !== 'DT_STRING') {
    const bytes = bytesOf(tensor)
    return { parts: [bytes], crc32c: maskedCrc32c(crc32c(bytes)) }
  }
  const [head, lengths] = [new ByteWriter(), new Uint32Array(tensor.values.length)]
  tensor.values.forEach(({ length }, index) => {
    head.varint(length)
    lengths[index] = length
  })
  const lengthsCrc = crc32c(new Uint8Array(lengths.buffer))
  head.uint32(maskedCrc32c(lengthsCrc))
  let crc = crc32c(head.from(head.length - CHECKSUM_BYTES), lengthsCrc)
  for (const value of tensor.values) crc = crc32c(value, crc)
  return { parts: [head.finish(), ...tensor.values], crc32c: maskedCrc32c(crc) }
}
