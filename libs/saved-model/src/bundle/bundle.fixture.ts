// What the tests of this folder make checkpoints of: any tensors, and tables with anything in them.

import {
  crc32c,
  maskedCrc32c,
  bytesOf,
  bytesOfType,
  DATA_TYPES,
  isNumericType,
  sizeOf,
  type Tensor,
  tensorOfBuffer,
} from '@drover/serving-api'
import fc from 'fast-check'
import { encodeText } from '../bytes-as-text.ts'
import { ByteWriter } from './byte-writer.ts'
import { writeEntry, writeHeader } from './entry.ts'
import { ALL, type Extent, sliceKey } from './slice-key.ts'
import { compareBytes, Compression, MAGIC, type TableEntry } from './table.ts'
import { writeTable } from './table-write.ts'
import { storedBytes } from './tensor-data.ts'

const shape = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 })

/** Any bits of any type, and texts of any bytes. */
export const anyTensor: fc.Arbitrary<Tensor> = fc
  .tuple(fc.constantFrom(...DATA_TYPES), shape)
  .chain(([dtype, sizes]): fc.Arbitrary<Tensor> => {
    const count = sizeOf(sizes)
    if (!isNumericType(dtype))
      return fc
        .array(fc.uint8Array({ maxLength: 6 }), { minLength: count, maxLength: count })
        .map((values) => ({ dtype: 'DT_STRING', shape: sizes, values }))
    const length = count * bytesOfType(dtype)
    return fc
      .uint8Array({ minLength: length, maxLength: length })
      .map((bytes) => tensorOfBuffer(dtype, sizes, Uint8Array.from(bytes).buffer))
  })

/** The values as bytes: not-a-numbers are not equal to themselves. */
export const bitsOf = (tensor: Tensor): object => ({
  dtype: tensor.dtype,
  shape: tensor.shape,
  bits: tensor.dtype === 'DT_STRING' ? tensor.values : bytesOf(tensor),
})

/** A table of these blocks, whatever is in them, each with its right checksum. */
export function tableOf(
  blocks: readonly Uint8Array[],
  {
    compression = Compression.NONE,
    listed = blocks.keys(),
  }: { compression?: number; listed?: Iterable<number> } = {},
): Uint8Array {
  const file = new ByteWriter()
  const places = blocks.map((block) => append(file, block, compression))
  const list = Array.from(listed, (block, at) => ({
    key: Uint8Array.of(at),
    value: places[block] ?? new Uint8Array(),
  }))
  const footer = new ByteWriter()
    .bytes(append(file, blockOf([])))
    .bytes(append(file, blockOf(list)))
  return file
    .bytes(footer.finish())
    .bytes(new Uint8Array(40 - footer.length))
    .bytes(MAGIC)
    .finish()
}

function append(file: ByteWriter, block: Uint8Array, compression: number = Compression.NONE) {
  const offset = file.length
  file.bytes(block).bytes(Uint8Array.of(compression))
  file.uint32(maskedCrc32c(crc32c(file.from(offset))))
  return new ByteWriter().varint(offset).varint(block.length).finish()
}

/** A block in which no key shares anything with another. */
export function blockOf(entries: readonly TableEntry[]): Uint8Array {
  const block = new ByteWriter()
  for (const { key, value } of entries)
    block.varint(0).varint(key.length).varint(value.length).bytes(key).bytes(value)
  return block.uint32(0).uint32(1).finish()
}

/** A variable and the slices that it is divided into, each in some shard. */
export interface Partitioned {
  key: string
  tensor: Tensor
  slices: readonly { extents: readonly Extent[]; shard: number }[]
}

/** A checkpoint of partitioned variables. */
export function partitionedFiles(variables: readonly Partitioned[], numShards: number) {
  const shards = Array.from({ length: numShards }, () => new ByteWriter())
  const entries: TableEntry[] = []
  for (const { key, tensor, slices } of variables) {
    const { dtype, shape: full } = tensor
    const none = { dtype, shape: full, shardId: 0, offset: 0, size: 0, crc32c: 0 }
    const all = slices.map(({ extents }) => extents)
    entries.push({ key: encodeText(key), value: writeEntry(none, all) })
    for (const { extents, shard } of slices) {
      const part = sliceOf(tensor, extents)
      const stored = storedBytes(part)
      const data = shards[shard] ?? new ByteWriter()
      const offset = data.length
      for (const bytes of stored.parts) data.bytes(bytes)
      const size = data.length - offset
      const place = { dtype, shape: part.shape, shardId: shard, offset, size }
      const value = writeEntry({ ...place, crc32c: stored.crc32c })
      entries.push({ key: sliceKey(encodeText(key), extents), value })
    }
  }
  entries.sort((a, b) => compareBytes(a.key, b.key))
  const header = { key: new Uint8Array(), value: writeHeader({ numShards }) }
  return {
    index: writeTable([header, ...entries]),
    shards: shards.map((data) => data.finish()),
  }
}

/** Element by element, so that it is right at sight. */
function sliceOf(tensor: Tensor, extents: readonly Extent[]): Tensor {
  const full = tensor.shape
  const sizes = extents.map(({ length }, axis) => (length === ALL ? (full[axis] ?? 0) : length))
  const positions = Array.from({ length: sizeOf(sizes) }, (_, index) => {
    let [position, stride, rest] = [0, 1, index]
    for (let axis = full.length - 1; axis >= 0; axis--) {
      const size = sizes[axis] ?? 1
      position += stride * ((extents[axis]?.start ?? 0) + (rest % size))
      stride *= full[axis] ?? 1
      rest = Math.floor(rest / size)
    }
    return position
  })
  if (tensor.dtype === 'DT_STRING') {
    const values = positions.map((at) => tensor.values[at] ?? new Uint8Array())
    return { dtype: 'DT_STRING', shape: sizes, values }
  }
  const [bytes, width] = [bytesOf(tensor), bytesOfType(tensor.dtype)]
  const picked = positions.flatMap((at) => [...bytes.subarray(at * width, (at + 1) * width)])
  return tensorOfBuffer(tensor.dtype, sizes, Uint8Array.from(picked).buffer)
}
